"""The obligations of :class:`saml_wsgi.interfaces.Resolver`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import pytest

from saml_wsgi.errors import CODES, SamlWsgiError
from saml_wsgi.interfaces import Resolver
from saml_wsgi.model import Assertion, Denied, Resolution, User
from saml_wsgi.testing.contracts.crowd import at_once

Answer: TypeAlias = Resolution | User | Denied | None

_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "username": ("ada",),
    "email": ("ada@example.com",),
    "firstname": ("Ada",),
    "lastname": ("Lovelace",),
    "memberOf": ("staff", "analysts"),
}

#: What an identity provider may well say, and a resolver must have an answer to.
_UNUSUAL: Final[Sequence[Mapping[str, tuple[str, ...]]]] = (
    {},
    dict.fromkeys(_ATTRIBUTES, ()),
    dict.fromkeys(_ATTRIBUTES, ("",)),
    dict.fromkeys(_ATTRIBUTES, ("  ", "\t")),
    {name: (*values, "second") for name, values in _ATTRIBUTES.items()},
    {**_ATTRIBUTES, "username": ("\u202eada",), "email": ("not an address",)},
    {**_ATTRIBUTES, "username": ("*)(uid=*",), "email": ("' OR 1=1 --@example.com",)},
    {**_ATTRIBUTES, "username": ("x" * 100_000,)},
    {**_ATTRIBUTES, "memberOf": tuple(f"group-{number}" for number in range(2000))},
)


class ResolverContract:
    """Provide the fixture ``resolver``, and ``make_assertion`` where the default one is of no use.

    ``make_assertion(**fields)`` returns an :class:`Assertion` with those fields changed; without any it
    is about a person whom the resolver has an opinion on.
    """

    @pytest.fixture
    def resolver(self) -> Resolver:
        raise NotImplementedError("a ResolverContract needs the fixture resolver")

    @pytest.fixture
    def make_assertion(self) -> Callable[..., Assertion]:
        def make(**fields: Any) -> Assertion:
            values: dict[str, Any] = {
                "idp": "https://idp.example/saml",
                "issuer": "https://idp.example/saml",
                "id": "_a1",
                "name_id": "ada@example.com",
                "name_id_format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
                "attributes": MappingProxyType(dict(_ATTRIBUTES)),
                "session_index": "_s1",
                "authn_instant": 1_800_000_000,
                "session_not_on_or_after": None,
                "expires": 1_800_000_300,
            }
            return Assertion(**{**values, **fields})

        return make

    @pytest.fixture
    def unusual(self, make_assertion: Callable[..., Assertion]) -> Sequence[Assertion]:
        """Assertions that passed every check of the protocol and are odd all the same."""
        odd = [make_assertion(attributes=MappingProxyType(dict(values))) for values in _UNUSUAL]
        return [*odd, make_assertion(name_id="_7f3a", name_id_format="", transient=True)]

    def test_has_the_shape_of_a_resolver(self, resolver: Resolver) -> None:
        """It has every method of the protocol."""
        assert isinstance(resolver, Resolver)

    def test_answers_with_an_allowed_value(
        self, resolver: Resolver, make_assertion: Callable[..., Assertion]
    ) -> None:
        """The answer is a Resolution, a User, a Denied or None, and complete."""
        check_answer(resolver.resolve(make_assertion()))

    def test_unusual_assertions_are_answered_too(
        self, resolver: Resolver, unusual: Sequence[Assertion]
    ) -> None:
        """Missing, empty, repeated and hostile values get an answer or an error of this package."""
        for assertion in unusual:
            try:
                check_answer(resolver.resolve(assertion))
            except SamlWsgiError as error:
                assert error.code in CODES  # noqa: PT017 - which errors are allowed is the point

    def test_the_assertion_is_left_as_it_was(
        self, resolver: Resolver, make_assertion: Callable[..., Assertion]
    ) -> None:
        """What others are handed after it is what it was handed, even if it could have been changed."""
        assertion = make_assertion()
        open_to_change = make_assertion(attributes=dict(assertion.attributes))
        before = copy.deepcopy(open_to_change)
        resolver.resolve(open_to_change)
        assert open_to_change == before

    def test_the_same_person_is_the_same_user(
        self, resolver: Resolver, make_assertion: Callable[..., Assertion]
    ) -> None:
        """A second sign-in of one person leads to the same user, or is answered with the same no."""
        first = resolver.resolve(make_assertion(id="_a1"))
        second = resolver.resolve(make_assertion(id="_a2"))
        assert _verdict(second) == _verdict(first)

    def test_many_threads_at_once(self, resolver: Resolver, make_assertion: Callable[..., Assertion]) -> None:
        """Sign-ins of one person at once all get the same verdict, and one user is enough for them."""
        answers = at_once(8, lambda number: resolver.resolve(make_assertion(id=f"_a{number}")))
        for answer in answers:
            check_answer(answer)
        assert len({_verdict(answer) for answer in answers}) == 1


def check_answer(answer: object) -> None:
    """Assert that the answer is one that a resolver may give."""
    if isinstance(answer, Denied):
        assert answer.code in CODES, f"Denied has the unknown code {answer.code!r}"
        return
    if isinstance(answer, Resolution):
        assert answer.outcome in {"created", "updated", "unchanged"}
        answer = answer.user
    assert answer is None or type(answer) is User
    if answer is not None:
        assert answer.id, "a user needs an id"
        assert answer.username, "a user needs a username"
        assert list(answer.groups) == sorted(set(answer.groups))


def _verdict(answer: Answer) -> str | None:
    if isinstance(answer, Denied):
        return f"denied: {answer.code}"
    if isinstance(answer, Resolution):
        answer = answer.user
    return None if answer is None else f"user: {answer.id}"
