"""Who is it? A verified assertion becomes a user of the application, or a reason why not."""

from saml_wsgi.resolvers.access import Access
from saml_wsgi.resolvers.chain import Chain
from saml_wsgi.resolvers.context import DirectoryContext, ResolverContext, SourceContext
from saml_wsgi.resolvers.existing import ExistingResolver
from saml_wsgi.resolvers.groups import GroupRules
from saml_wsgi.resolvers.jit import JITResolver
from saml_wsgi.resolvers.ldap import LDAPResolver
from saml_wsgi.resolvers.mapping import AttributeMap, TextChange
from saml_wsgi.resolvers.policy import Policy
from saml_wsgi.resolvers.rules import Rules

__all__ = [
    "Access",
    "AttributeMap",
    "Chain",
    "DirectoryContext",
    "ExistingResolver",
    "GroupRules",
    "JITResolver",
    "LDAPResolver",
    "Policy",
    "ResolverContext",
    "Rules",
    "SourceContext",
    "TextChange",
]
