"""``saml-wsgi sync``: a directory's people become users."""

from saml_wsgi.cli.sync.command import sync

__all__ = ["sync"]
