"""Sign people in to any WSGI application through JumpCloud (SAML 2.0)."""

__version__ = "0.1.0"
