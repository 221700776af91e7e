"""Who may sign in, by groups and by domain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.errors import ConfigurationError, Refused
from saml_wsgi.model import User
from saml_wsgi.resolvers.access import Access


def refused(access: Access, user: User, **more) -> str:
    """The refusal, or "" if the user may sign in."""
    try:
        access.check(user, **more)
    except Refused as no:
        return str(no)
    return ""


@pytest.mark.parametrize(
    ("options", "groups", "may"),
    [
        ({}, (), True),
        ({"allow_groups": ("a", "b")}, ("b",), True),
        ({"allow_groups": ("a",)}, ("A",), True),
        ({"allow_groups": ("a",)}, ("\uff41",), True),
        ({"allow_groups": ("a",)}, ("b",), False),
        ({"allow_groups": ("a",)}, (), False),
        ({"deny_groups": ("a",)}, (), True),
        ({"deny_groups": ("a",)}, ("b", "A"), False),
        ({"allow_groups": ("b",), "deny_groups": ("a",)}, ("a", "b"), False),
        ({"allow_groups": ("a",), "deny_groups": ("a",)}, ("a",), False),
        ({"allow_groups": ("a",), "allow_domains": ("x.test",)}, ("a",), True),
        ({"allow_groups": ("a",), "allow_domains": ("x.test",)}, (), False),
        ({"allow_groups": ("a",), "allow_domains": ("y.test",)}, ("a",), False),
    ],
)
def test_lists(options, groups, may):
    """Deny wins; of the lists that allow, each that is written must hold."""
    access = Access(**options)
    assert (refused(access, User("1", "ada", email="ada@x.test", groups=groups)) == "") is may
    assert (refused(access, User("1", "ada", email="ada@x.test"), mapped=groups) == "") is may


def test_names_as_asserted_keep_out_but_let_nobody_in():
    """A group under the identity provider's name can deny, not allow."""
    user = User("1", "ada")
    assert "deny.groups" in refused(Access(deny_groups=("a",)), user, said=["A"])
    assert "allow.groups" in refused(Access(allow_groups=("a",)), user, said=["A"])


@pytest.mark.parametrize(
    ("domain", "email", "may"),
    [
        ("example.com", "ada@example.com", True),
        ("Example.COM", "ada@EXAMPLE.com", True),
        ("example.com", "ada@mail.example.com", False),
        ("example.com", "ada@badexample.com", False),
        ("example.com", "ada@example.com.evil.test", False),
        ("example.com", "example.com", False),
        ("example.com", "ada@evil.test@example.com", False),
        ("example.com", "@example.com", False),
        ("example.com", "ada@example.com ", False),
        ("example.com", "", False),
        ("b\u00fccher.example", "ada@xn--bcher-kva.example", True),
        ("xn--bcher-kva.example", "ada@B\u00dcCHER.example", True),
        ("b\u00fccher.example", "ada@bucher.example", False),
        ("example.com", "ada@\u0435xample.com", False),
        ("xn--strae-oqa.example", "ada@stra\u00dfe.example", False),
        ("strasse.example", "ada@stra\u00dfe.example", False),
        ("example.com", "ada\uff20evil.test@example.com", False),
        ("example.com", "ada@" + "\u00e9" * 100 + ".com", False),
    ],
)
def test_domains(domain, email, may):
    """A domain is compared as a whole, without letter case, and in its ASCII form."""
    assert (refused(Access(allow_domains=(domain,)), User("1", "ada", email=email)) == "") is may


def test_the_asserted_address_counts_only_without_another():
    """The user's own address comes first."""
    access = Access(allow_domains=("x.test",))
    assert refused(access, User("1", "a"), email="a@x.test") == ""
    assert refused(access, User("1", "a", email="a@y.test"), email="a@x.test") != ""


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"allow_groups": ("",)}, ["allow.groups"]),
        ({"deny_groups": (" ",)}, ["deny.groups"]),
        ({"allow_domains": ("@x.test",)}, ["allow.domains"]),
        ({"allow_domains": ("*.x.test",)}, ["allow.domains"]),
        ({"allow_domains": ("",)}, ["allow.domains"]),
        ({"allow_domains": ("x" * 254,)}, ["allow.domains"]),
        ({"allow_domains": ("\u00e9" * 100,), "deny_groups": ("",)}, ["deny.groups", "allow.domains"]),
    ],
)
def test_what_cannot_be_meant(options, keys):
    """Entries that nobody can be in don't start."""
    with pytest.raises(ConfigurationError) as error:
        Access(**options)
    assert [problem.key for problem in error.value.problems] == keys


def test_what_matters():
    """It is said what of an assertion must be read, so that nothing else can refuse."""
    assert Access().needs == frozenset()
    assert Access(deny_groups=("a",)).needs == {"groups"}
    assert Access(allow_domains=("x.test",), allow_groups=("a",)).needs == {"groups", "email"}


@given(email=st.text(max_size=300), groups=st.lists(st.text(max_size=20), max_size=3))
def test_whatever_somebody_is_called(email, groups):
    """Any address and any groups are a clear yes or no."""
    detail = refused(
        Access(allow_domains=("x.test",), deny_groups=("a",)),
        User("1", "ada", email=email, groups=tuple(groups)),
    )
    assert detail.startswith("not_allowed: ") or email.casefold().endswith("@x.test") or not email.isascii()


def test_no_pattern_keeps_anybody_out():
    """Groups are denied by name: a pattern there would deny none, and doesn't start."""
    with pytest.raises(ConfigurationError) as caught:
        Access(deny_groups=("Contractor*",))
    assert [problem.key for problem in caught.value.problems] == ["deny.groups"]
