"""The command line: ``saml-wsgi``, a module a command."""
