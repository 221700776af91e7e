"""Property tests are about values, not about how busy the machine is."""

from hypothesis import settings

settings.register_profile("saml_wsgi", deadline=None)
settings.load_profile("saml_wsgi")
