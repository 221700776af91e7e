"""Who is signed in is looked at again by the rule of the sign-in, with the user as of now."""

from __future__ import annotations

import pytest

from saml_wsgi.errors import Refused
from saml_wsgi.model import Session, User
from saml_wsgi.resolvers import Access, AttributeMap, Chain, ExistingResolver, GroupRules

STAFF = Access(allow_groups=("Staff",))


@pytest.fixture
def readmitted(people):
    """Whether somebody with these groups, and these left since the sign-in, stays signed in."""

    def ask(access, *, groups=(), lost=(), asserted=None, email="", idp="jumpcloud", rules=None) -> bool:
        attributes = {
            name: (value,) if isinstance(value, str) else value for name, value in (asserted or {}).items()
        }
        session = Session(
            key="k",
            user=User("1", "ada", email, groups=groups),
            attributes=attributes,
            idp=idp,
            name_id="ada@x.test",
            name_id_format="",
            session_index="",
            created=1,
            expires=2,
            seen=1,
            checked=1,
            lost=lost,
        )
        mapping = AttributeMap(email=("NameID",)) if asserted is None else AttributeMap(email=("mail",))
        chain = Chain(
            [("existing", ExistingResolver(people))],
            people,
            access,
            mapping=mapping,
            groups=rules or GroupRules(),
        )
        try:
            chain.readmit(session)
        except Refused as refused:
            return refused.code != "not_allowed"
        return True

    return ask


def test_the_groups_of_the_user(readmitted):
    """Who was taken out of the allowed groups is out, who joined a denied one, too."""
    assert readmitted(STAFF, groups=("staff",), asserted={})
    assert not readmitted(STAFF, groups=("IT",), asserted={})
    assert not readmitted(Access(deny_groups=("Bad",)), groups=("bad",), asserted={})


def test_the_groups_that_were_asserted(readmitted):
    """They count as at the sign-in, where the user was never in them here."""
    assert readmitted(STAFF, asserted={"memberOf": ("Staff",)})
    rules = GroupRules(map=(("it-people", "Staff"),))
    assert readmitted(STAFF, asserted={"memberOf": ("it-people",)}, rules=rules)
    assert not readmitted(
        Access(deny_groups=("it-people",)), asserted={"memberOf": ("it-people",)}, rules=rules
    )


def test_groups_that_were_left(readmitted):
    """That a group was asserted hours ago doesn't outweigh that the user was taken out of it since."""
    said = {"memberOf": ("Staff", "IT")}
    assert not readmitted(STAFF, asserted=said, lost=("staff",))
    assert readmitted(STAFF, asserted=said, lost=("IT",))
    assert readmitted(STAFF, asserted=said, groups=("Staff",), lost=("IT",))
    # But it may still keep somebody out.
    assert not readmitted(Access(deny_groups=("IT",)), asserted=said, lost=("IT",))


def test_the_domain(readmitted):
    """An address that changed counts; the asserted one where the user has none."""
    domain = Access(allow_domains=("x.test",))
    assert readmitted(domain, email="a@x.test", asserted={})
    assert not readmitted(domain, email="a@y.test", asserted={"mail": "a@x.test"})
    assert readmitted(domain, asserted={"mail": "a@x.test"})
    assert readmitted(domain)
    assert not readmitted(domain, asserted={})


def test_whom_an_operator_let_in(readmitted):
    """For an emergency session nobody vouches: it was begun whatever the lists say, and goes on so."""
    assert readmitted(STAFF, idp="", asserted={})


def test_no_lists(readmitted):
    """Where everybody may sign in nothing is read."""
    assert readmitted(Access(), asserted={"memberOf": ("x" * 1000,)})
