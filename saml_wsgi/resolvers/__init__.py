"""Who is it? A verified assertion becomes a user of the application, or a reason why not."""

from saml_wsgi.resolvers.chain import Chain
from saml_wsgi.resolvers.context import ResolverContext
from saml_wsgi.resolvers.existing import ExistingResolver
from saml_wsgi.resolvers.jit import JITResolver
from saml_wsgi.resolvers.mapping import AttributeMap

__all__ = ["AttributeMap", "Chain", "ExistingResolver", "JITResolver", "ResolverContext"]
