"""The demonstration: a small application behind the middleware, and an identity provider, on this machine.

``saml-wsgi demo`` starts it; ``saml-wsgi demo --check`` goes through it without a browser.
"""
