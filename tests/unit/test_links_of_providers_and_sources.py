"""Names of an identity provider that would mix its links with those of a source."""

from __future__ import annotations

import pytest

from saml_wsgi import ConfigurationError, from_options

SECRET = "hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N"
SOURCE = {
    "source.corp.use": "ldap",
    "source.corp.preset": "openldap",
    "source.corp.servers": "ldaps://ldap.example.test",
    "source.corp.base": "dc=example,dc=test",
    "source.corp.bind_dn": "cn=reader,dc=example,dc=test",
    "source.corp.password": "reader-demo",
}


@pytest.fixture
def start(saml_idp, tmp_path):
    """Starts with a source, under a name of the identity provider."""

    def attempt(name):
        options = {
            "base_url": "https://wiki.example.test",
            "idp.metadata": saml_idp.metadata("wiki"),
            "idp.name": name,
            "session.secret": SECRET,
            "store.url": f"sqlite:///{tmp_path}/wiki.db",
            "resolvers": "ldap",
            **SOURCE,
        }
        return from_options(lambda environ, start_response: [], options)

    return attempt


def test_an_identity_provider_that_is_called_like_a_source(start):
    """Its links would be rows of the source's, and each user has one of each: it doesn't start."""
    with pytest.raises(ConfigurationError) as caught:
        start("ldap:corp")
    assert [problem.key for problem in caught.value.problems] == ["idp.name"]


@pytest.mark.parametrize("name", ["corp", "ldap:other", "ldap:corp2"])
def test_other_names(start, name):
    """Any other name is good."""
    assert start(name) is not None
