"""What is taken out of the environ, and what is put in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.middleware.environ import FORGEABLE, Introduction, Scrubber, path
from saml_wsgi.model import Session, User


@pytest.mark.parametrize("name", sorted(FORGEABLE))
def test_whatever_could_be_forged_is_removed(name):
    """Each name under which somebody might look for an identity is removed, whoever put it there."""
    environ = {name: "admin", "HTTP_ACCEPT": "*/*"}
    Scrubber()(environ)
    assert environ == {"HTTP_ACCEPT": "*/*"}


def test_the_usual_names_are_known():
    """The list holds what servers, proxies and middleware use, and all of our own."""
    assert {
        "REMOTE_USER",
        "AUTH_TYPE",
        "HTTP_REMOTE_USER",
        "HTTP_X_REMOTE_USER",
        "HTTP_X_FORWARDED_USER",
        "repoze.who.identity",
        *(
            f"saml_wsgi.{name}"
            for name in ("user", "session", "attributes", "login_url", "logout_url", "end_session")
        ),
    } <= FORGEABLE


@pytest.mark.parametrize(
    ("more", "removed"),
    [
        ("X-Employee", "HTTP_X_EMPLOYEE"),
        ("x-employee-id", "HTTP_X_EMPLOYEE_ID"),
        ("HTTP_X_EMPLOYEE", "HTTP_X_EMPLOYEE"),
        ("REMOTE_EMPLOYEE", "REMOTE_EMPLOYEE"),
        ("myapp.identity", "myapp.identity"),
    ],
)
def test_more_names(more, removed):
    """Header names and environ names may be added; nothing else goes."""
    environ = {removed: "x", "HTTP_HOST": "wiki", "wsgi.input": None}
    Scrubber([more])(environ)
    assert environ == {"HTTP_HOST": "wiki", "wsgi.input": None}


def session(**fields):
    return Session(
        key="k",
        user=User("7", **{"username": "mara", **fields}),
        attributes={"a": ("1",)},
        idp="jc",
        name_id="mara",
        name_id_format="",
        session_index="",
        created=0,
        expires=1,
        seen=0,
        checked=0,
    )


def introduce(*remote_user, ended=None):
    return Introduction(
        login_url="https://w.test/saml/login",
        logout_url="https://w.test/saml/logout",
        remote_user=remote_user or ("username",),
        end_session=lambda session, cookie: [("Set-Cookie", f"{session.key} {cookie}")],
    )


def test_what_the_application_is_told():
    """Somebody who is signed in is there in full; the session ends by a call."""
    one = session()
    told = introduce()(one, "cookie")
    assert told.pop("saml_wsgi.end_session")() == [("Set-Cookie", "k cookie")]
    assert told == {
        "REMOTE_USER": "mara",
        "AUTH_TYPE": "SAML",
        "saml_wsgi.user": one.user,
        "saml_wsgi.session": one,
        "saml_wsgi.attributes": {"a": ("1",)},
        "saml_wsgi.login_url": "https://w.test/saml/login",
        "saml_wsgi.logout_url": "https://w.test/saml/logout",
    }


def test_what_it_is_told_of_strangers():
    """Somebody who isn't is not mentioned at all; only the addresses are there."""
    assert dict(introduce().anonymous) == {
        "saml_wsgi.login_url": "https://w.test/saml/login",
        "saml_wsgi.logout_url": "https://w.test/saml/logout",
    }


@pytest.mark.parametrize(
    ("fields", "user", "expected"),
    [
        (("username",), {}, "mara"),
        (("email",), {"email": "m@x.test"}, "m@x.test"),
        (("email", "username"), {}, "mara"),
        (("email", "id"), {}, "7"),
        (("email",), {}, None),
        (("username",), {"username": "José"}, "Jos\u00c3\u00a9"),
        (("username",), {"username": "田中"}, "ç\x94°ä¸\xad"),
    ],
)
def test_remote_user(fields, user, expected):
    """The first field with a value, in UTF-8 as WSGI carries it; never an empty text."""
    assert introduce(*fields)(session(**user), "c").get("REMOTE_USER") == expected


@given(st.text(min_size=1, max_size=50))
def test_any_name_comes_through(name):
    """Whatever somebody is called, the application can read it back."""
    told = introduce()(session(username=name), "c").get("REMOTE_USER")
    if not name.isprintable():
        # It could end a line in somebody's log or header.
        assert told is None
        return
    assert all(ord(character) < 256 for character in told)
    assert told.encode("latin-1").decode() == name


@pytest.mark.parametrize(
    ("raw", "text"),
    [("/a", "/a"), ("/K\u00c3\u00a4se", "/Käse"), ("/\u00ff", None), ("/\u6771", None), ("", "")],
)
def test_paths(raw, text):
    """A path is text if it is UTF-8, and otherwise nothing."""
    assert path({"PATH_INFO": raw}) == text


def test_a_request_without_path():
    """A missing PATH_INFO is an empty one (PEP 3333)."""
    assert path({}) == ""
