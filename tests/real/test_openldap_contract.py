"""What is promised of a source that can be synchronised, on a real OpenLDAP."""

import pytest

from saml_wsgi.directories.ldap.options import factory
from saml_wsgi.resolvers.context import SourceContext
from saml_wsgi.testing.contracts import PopulationContract
from tests.real.openldap import PASSWORD, PEOPLE, READER, OpenLDAP
from tests.real.openldap_crowd import crowd

pytestmark = pytest.mark.real("openldap")


@pytest.fixture(scope="module")
def slapd():
    """Nobody changes it."""
    server = OpenLDAP(crowd(60), "127.34.0.1")
    try:
        server.start()
        yield server
    finally:
        server.remove()


class TestPopulationOfOpenLDAP(PopulationContract):
    @pytest.fixture(params=["none", "memberOf", "member"])
    def population(self, slapd, request):
        source = factory(
            SourceContext("corp"),
            preset="openldap",
            servers=(slapd.plain,),
            base=PEOPLE,
            bind_dn=READER,
            password=PASSWORD,
            groups=request.param,
            page_size=25,
        )
        yield source
        source.client.close()
