"""Each option takes what it should, refuses the rest, and says what to write instead."""

from __future__ import annotations

from datetime import timedelta

import pytest

from saml_wsgi.config.options import TABLE
from saml_wsgi.middleware.environ import Scrubber


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90", 90),
        ("90 s", 90),
        ("90s", 90),
        ("2 min", 120),
        ("2 Minutes", 120),
        (120, 120),
        (120.0, 120),
        (timedelta(minutes=3), 180),
    ],
)
def test_durations_are_read_from_text_and_from_types(reading, written, seconds):
    """A time span may have a unit, or be a number of seconds or a timedelta in code."""
    assert reading({"idp.clock_skew": written}).good.idp.clock_skew == seconds


def test_days_and_hours_are_units_too(reading):
    """Long spans are written in hours and days."""
    session = reading({"session.lifetime": "2 d", "session.idle": "12 h"}).good.session
    assert (session.lifetime, session.idle) == (2 * 86400, 12 * 3600)


@pytest.mark.parametrize(
    "written",
    [
        "soon",
        "-5",
        "5 m",
        "1.5 min",
        "301",
        "6 min",
        pytest.param("9" * 5000, id="digits"),
        True,
        1.5,
        float("nan"),
        float("inf"),
        pytest.param(10**400, id="huge"),
    ],
)
def test_other_durations_are_refused(reading, written):
    """What is no time span, or out of its range, is one problem under its key."""
    problem = reading({"idp.clock_skew": written}).only
    assert problem.key == "idp.clock_skew"
    assert problem.cure


@pytest.mark.parametrize(
    ("written", "size"),
    [("65536", 65536), ("256 KiB", 262144), ("1 MiB", 1048576), ("64k", 65536), (65536, 65536)],
)
def test_sizes_are_read(reading, written, size):
    """A size is in bytes, or has a binary unit."""
    assert reading({"idp.max_message": written}).good.idp.max_message == size


@pytest.mark.parametrize(
    "written", ["big", "1", "5 MiB", "1 GiB", -1, pytest.param(10**5000, id="huge"), True, 1.5]
)
def test_other_sizes_are_refused(reading, written):
    """A size outside of 16 KiB to 4 MiB can't be configured."""
    assert reading({"idp.max_message": written}).only.key == "idp.max_message"


@pytest.mark.parametrize(("written", "count"), [("100", 100), ("5000", 5000), (100_000, 100_000), ("", None)])
def test_counts_are_read(reading, written, count):
    """A count is a whole number; where none is written, the message's size decides."""
    assert reading({"idp.max_elements": written}).good.idp.max_elements == count


@pytest.mark.parametrize(
    "written",
    [
        "many",
        "0",
        "99",
        "100001",
        "5,000",
        "5 KiB",
        "1e3",
        "٣٠٠",
        -1,
        True,
        500.0,
        pytest.param(10**5000, id="huge"),
    ],
)
def test_other_counts_are_refused(reading, written):
    """Fewer elements than a plain response needs, or more than a process should take, can't be configured."""
    problem = reading({"idp.max_elements": written}).only
    assert problem.key == "idp.max_elements"
    assert problem.cure


@pytest.mark.parametrize("written", ["yes", "TRUE", "on", "1", True, 1])
def test_a_boolean_may_be_true_in_many_words(reading, written):
    """All the usual spellings of yes are yes."""
    assert reading({"idp.force_authn": written}).good.idp.force_authn is True


@pytest.mark.parametrize("written", ["no", "False", "OFF", "0", False, 0])
def test_a_boolean_may_be_false_in_many_words(reading, written):
    """All the usual spellings of no are no; in particular text that Python finds true."""
    assert reading({"idp.force_authn": written}).good.idp.force_authn is False


@pytest.mark.parametrize("written", ["yess", "y", "2", "none", 2, [], 0.0])
def test_a_wrong_boolean_is_explained(reading, written):
    """What is neither yes nor no is never guessed."""
    problem = reading({"idp.force_authn": written}).only
    assert problem.key == "idp.force_authn"
    assert "Write" in problem.cure


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("idp.force_authn", "yes ; only for now"),
        ("idp.clock_skew", "180 # seconds"),
        ("idp.max_message", "1 MiB ;"),
        ("challenge", "always # default"),
        ("base_url", "https://wiki.example.com ; production"),
        ("prefix", "/saml # default"),
        ("public", "/healthz ; monitoring"),
        ("public", "\n/healthz\n/static/* # files"),
        ("remote_user", "email ; the address"),
        ("cors.origins", "https://app.example.com # app"),
        ("attributes.email", "mail ; from JumpCloud"),
        ("resolvers", "jit ; create"),
        ("resolver.jit.use", "jit ; ours"),
        ("store.url", "sqlite:///a.db ; embedded"),
        ("store.url", "memory: ; test"),
        ("idp.metadata", "file:idp.xml ; exported"),
        ("session.secret", "env:SECRET ; from systemd"),
        ("session.secret", "file:/run/secret # from systemd"),
    ],
)
def test_a_comment_behind_a_value_is_recognised(reading, key, written):
    """An ini has no inline comments; whoever writes one is told so, not something about the value."""
    problem = reading({key: written}).only
    assert problem.key == key
    assert "line of its own" in problem.cure


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("challenge", ("always", "on_401")),
        ("idp.request_binding", ("auto", "redirect", "post")),
        ("idp.signed", ("either", "assertion", "response", "both")),
        ("idp.unsolicited", ("restart", "refuse", "accept")),
        ("idp.nameid_stable", ("auto", "yes", "no")),
        ("match", ("username", "email")),
        ("session.idp_end", ("honour", "ignore")),
    ],
)
def test_a_choice_takes_its_words_and_no_others(reading, key, words):
    """A choice is one of its words in any letter case; another word is refused, naming them all."""
    for word in words:
        settings = reading({key: word.upper()}).good
        value = settings
        for part in key.split("."):
            value = getattr(value, part)
        assert value == word
    problem = reading({key: "sometimes"}).only
    assert problem.key == key
    assert all(word in problem.cure for word in words)


@pytest.mark.parametrize(("written", "meant"), [(True, "yes"), ("off", "no"), ("auto", "auto"), ("1", "yes")])
def test_nameid_stable_knows_booleans(reading, written, meant):
    """Where a choice is auto, yes or no, booleans do as well."""
    assert reading({"idp.nameid_stable": written}).good.idp.nameid_stable == meant


def test_lists_are_split_at_newlines_or_else_at_white_space(reading):
    """Attribute names may have spaces in them where each is on a line of its own."""
    settings = reading(
        {"attributes.email": "mail email", "attributes.groups": "\nGroup Names\n  memberOf\n"}
    ).good
    assert settings.attributes.email == ("mail", "email")
    assert settings.attributes.groups == ("Group Names", "memberOf")


def test_lists_may_be_lists_in_code(reading):
    """In code a list is a list or a tuple, and text is split as in an ini."""
    settings = reading({"public": ["/healthz", "GET /feed"], "remote_user": ("email", "id")}).good
    assert settings.public == ("/healthz", "GET /feed")
    assert settings.remote_user == ("email", "id")


def test_a_single_pattern_with_a_method_stays_one(reading):
    """`public = GET /feed` is one pattern, though there is a space in it."""
    assert reading({"public": "GET,HEAD /feed"}).good.public == ("GET,HEAD /feed",)


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("remote_user", "nickname"),
        ("remote_user", []),
        ("attributes.email", "nameid"),
        ("attributes.email", ()),
        ("attributes.email", "x" * 300),
        ("attributes.username", "off"),
        ("attributes.groups", " ".join(f"g{number}" for number in range(100))),
        ("idp.authn_context", "password"),
        ("idp.authn_context", "urn:x y"),
        ("resolvers", "jit jit"),
        ("resolvers", "my.resolver"),
        ("resolvers", ()),
        ("resolvers", {"jit": 1}),
        ("public", 7),
        ("idp.entity_id", "two\nlines"),
        ("idp.entity_id", "x" * 2000),
        ("idp.name", "a\x00b"),
        ("pages.support", "\x1b[2J"),
        ("pages.templates", "file:nowhere"),
        ("pages.templates", "idp.xml"),
        ("link.source", "NAMEID"),
    ],
)
def test_a_wrong_value_is_one_problem_under_its_key(reading, key, written):
    """Whatever is wrong with a value, one problem says so under its key, with a cure."""
    problem = reading({key: written}).only
    assert problem.key == key
    assert problem.reason
    assert problem.cure


def test_off_takes_an_attribute_from_nowhere(reading):
    """`off` empties a list of attributes; for link.source it means that nobody is linked."""
    settings = reading({"attributes.groups": "off", "attributes.email": False, "link.source": "OFF"}).good
    assert settings.attributes.groups == ()
    assert settings.attributes.email == ()
    assert settings.link.source == ()


def test_contexts_of_authentication_are_uris(reading):
    """Several URIs keep their order and lose their doubles."""
    password, mfa = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "https://refeds.org/profile/mfa"
    written = f"{mfa} {password} {mfa}"
    assert reading({"idp.authn_context": written}).good.idp.authn_context == (mfa, password)


def test_the_folder_of_templates_becomes_absolute(reading, here):
    """A relative folder begins at the ini file."""
    (here / "pages").mkdir()
    assert reading({"pages.templates": "pages"}).good.pages.templates == str(here / "pages")


def test_support_is_free_text_on_one_line(reading):
    """Several lines of an ini become one."""
    assert reading({"pages.support": "Call 123\n  or write"}).good.pages.support == "Call 123 or write"


@pytest.mark.parametrize("key", [key for key, option in TABLE.items() if not option.required])
@pytest.mark.parametrize("unset", ["", "  \n ", None])
def test_an_empty_value_means_unset(reading, key, unset):
    """An option without a value is as if it weren't there."""
    if key == "idp.metadata":
        assert reading({key: unset}).only.reason == "it is required."
    else:
        assert reading({key: unset}).good == reading().good


@pytest.mark.parametrize("key", list(TABLE))
@pytest.mark.parametrize("value", [object(), b"bytes", {"a": 1}, 3.7, ["a", 5], "\ud800", "\x00"], ids=repr)
def test_no_option_takes_a_type_it_has_no_use_for(reading, key, value):
    """A value of a strange type or with strange characters is a problem of its key, never an exception."""
    found = reading({key: value})
    assert key in {problem.key for problem in found.fatal}


@pytest.mark.parametrize("key", ["sp.entity_id", "idp.name", "idp.entity_id", "pages.support"])
@pytest.mark.parametrize("character", ["\ufffe", "\uffff", "\x01", "\x85", "\ud800"])
def test_characters_that_xml_can_not_have_are_refused(reading, key, character):
    """What no message could carry is told at the start, not at the first sign-in."""
    problem = reading({key: f"the{character}wiki"}).only
    assert problem.key == key
    assert f"U+{ord(character):04X}" in problem.reason


@pytest.mark.parametrize("written", ["X-Employee", "x-employee", "http_x_employee", "HTTP_X_Employee"])
def test_header_names_have_no_letter_case(reading, written):
    """However a header is written, it becomes the one key that a request's environ has."""
    assert reading({"scrub": f"{written} X-Employee"}).good.scrub == ("HTTP_X_EMPLOYEE",)
    assert Scrubber(reading({"scrub": written}).good.scrub)._names >= {"HTTP_X_EMPLOYEE"}


def test_other_names_to_scrub(reading):
    """REMOTE_… are keys of their own, and what has a dot is kept as it is written."""
    written = "remote_realm repoze.who.plugins HTTP_X.Y"
    assert reading({"scrub": written}).good.scrub == ("REMOTE_REALM", "repoze.who.plugins", "HTTP_X.Y")


@pytest.mark.parametrize(
    "written",
    [
        *(
            "wsgi.input",
            "wsgi.url_scheme",
            "WSGI.errors",
            "saml_wsgi.user",
            "HTTP_COOKIE",
            "Cookie",
            "http_host",
        ),
        *("PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "REQUEST_METHOD", "SERVER_NAME", "server-port", "Host"),
        *("Content-Length", "CONTENT_TYPE", "Sec-Fetch-Site", "Origin"),
    ],
)
def test_what_requests_need_can_not_be_scrubbed(reading, written):
    """Without these neither WSGI nor our endpoints could answer."""
    problem = reading({"scrub": f"X-Employee {written}"}).only
    assert problem.key == "scrub"
    assert written in problem.reason


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ({"public": "/*"}, True),
        ({"public": "GET,HEAD /*"}, True),
        ({"public": "\n/healthz\nPOST,GET /*"}, True),
        ({"public": "/*", "challenge": "on_401"}, False),
        ({"public": "OPTIONS /*"}, False),
        ({"public": "/static/*"}, False),
    ],
)
def test_everything_public_is_a_warning(reading, options, warned):
    """Where nobody is ever asked to sign in, the operator is told."""
    found = reading(options)
    assert found.good
    assert [problem.key for problem in found.warnings] == (["public"] if warned else [])
