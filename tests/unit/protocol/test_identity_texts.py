"""The NameID and the attributes: whole, and without what nobody can see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from saml_wsgi.errors import Refused
from saml_wsgi.protocol import text
from saml_wsgi.testing.idp import JumpCloudIdP
from saml_wsgi.testing.knobs import App
from tests.unit.protocol.tampering import NAME_ID, add, fragment, put, write

TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
STATEMENT = "Assertion/AttributeStatement"


@pytest.mark.parametrize(
    ("name_id", "read"),
    [
        pytest.param("mara@example.test", "mara@example.test", id="plain"),
        pytest.param("\n   mara\t \n", "mara", id="layout around it"),
        pytest.param("Søren 田中 O'Brien", "Søren 田中 O'Brien", id="letters of the world"),
        pytest.param("x" * 256, "x" * 256, id="256 characters"),
        pytest.param("", None, id="empty"),
        pytest.param(" \n\t ", None, id="white space"),
        pytest.param("x" * 257, None, id="257 characters"),
        pytest.param("ma\nra", None, id="line feed"),
        pytest.param("ma\tra", None, id="tab"),
        pytest.param("ma\x7fra", None, id="delete"),
        pytest.param("ma\x85ra", None, id="next line"),
        pytest.param("ma\u200bra", None, id="zero-width space"),
        pytest.param("ma\u200dra", None, id="zero-width joiner"),
        pytest.param("mara\u3164", None, id="a letter that shows nothing"),
        pytest.param("mara\ufe0f", None, id="a variation selector"),
        pytest.param("\ufeffmara", None, id="byte order mark"),
        pytest.param("ma\u00adra", None, id="soft hyphen"),
        pytest.param("ma\u202era", None, id="right-to-left override"),
        pytest.param("ma\u2028ra", None, id="line separator"),
        pytest.param("ma\u2029ra", None, id="paragraph separator"),
        pytest.param("ma\U000e0061ra", None, id="tag character"),
    ],
)
def test_name_id(service, name_id, read):
    """A NameID is taken whole, or refused; nothing in it is repaired but the layout around it."""
    one = service()
    if read is None:
        assert one.outcome(tamper=write(NAME_ID, name_id)) == "name_id_refused"
    else:
        assert one.assertion(tamper=write(NAME_ID, name_id)).name_id == read


@pytest.mark.parametrize(
    ("stable", "format_", "transient"),
    [
        ("auto", TRANSIENT, True),
        ("no", TRANSIENT, True),
        ("yes", TRANSIENT, False),
        ("auto", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", False),
        ("no", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", False),
    ],
)
def test_transient_name_ids(service, stable, format_, transient):
    """A NameID that says it is transient identifies nobody, unless the operator knows better."""
    assertion = service(nameid_stable=stable).assertion(name_id_format=format_)
    assert (assertion.name_id_format, assertion.transient) == (format_, transient)


@pytest.mark.parametrize(("stable", "transient"), [("auto", False), ("yes", False), ("no", True)])
def test_at_jumpcloud_the_format_is_only_a_label(saml_clock, stable, transient):
    """With `auto` the preset for JumpCloud takes a transient NameID for a stable one."""
    from tests.unit.protocol.conftest import Service

    wiki = App.for_service("wiki", "https://wiki.example.test", nameid_format=TRANSIENT)
    idp = JumpCloudIdP("https://sso.jumpcloud.com", apps=[wiki], clock=saml_clock)
    assert Service(idp, saml_clock, nameid_stable=stable).assertion().transient is transient


def test_what_an_assertion_holds(service, saml_clock):
    """The assertion holds what was said, under the name of the identity provider that the operator gave."""
    now = int(saml_clock.time())
    assertion = service(name="jc").assertion(session_not_on_or_after=900, authenticated=now - 50)
    assert (assertion.idp, assertion.issuer) == ("jc", "JumpCloud")
    assert assertion.name_id == "mara@example.test"
    assert assertion.authn_instant == now - 50
    assert assertion.session_not_on_or_after == now + 900
    assert assertion.session_index.startswith("_")
    assert assertion.attributes["memberOf"] == ("Staff", "Wiki Editors", "Engineering (Backend)")
    with pytest.raises(TypeError):
        assertion.attributes["memberOf"] = ()


def test_what_is_not_said_is_empty(service):
    """Without idp.name, SessionIndex and Format there are the entity id and empty texts."""
    assertion = service().assertion(session_index=False, tamper=put(NAME_ID, Format=None))
    assert (assertion.idp, assertion.session_index, assertion.name_id_format) == ("JumpCloud", "", "")


def attribute(name, *values):
    inside = "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
    return f'<saml:Attribute Name="{name}">{inside}</saml:Attribute>'


@pytest.mark.parametrize(
    ("xml", "name", "values"),
    [
        pytest.param(attribute("a", "1", "2"), "a", ("1", "2"), id="two values"),
        pytest.param(attribute("a"), "a", (), id="no value"),
        pytest.param(attribute("a", ""), "a", ("",), id="empty value"),
        pytest.param(attribute("a", " \n x y\t "), "a", ("x y",), id="layout around it"),
        pytest.param(attribute("a", "x\ny\tz"), "a", ("x\ny\tz",), id="lines of text"),
        pytest.param(attribute("a", "&#1711;&#8204;&#1576;"), "a", ("گ\u200cب",), id="zero-width non-joiner"),
        pytest.param(attribute("a", "&#2325;&#8205;"), "a", ("क\u200d",), id="zero-width joiner"),
        pytest.param(attribute("a", "<x>1</x>", "2"), "a", ("2",), id="a value that is XML"),
        pytest.param(attribute("a", "1<x/>2"), "a", (), id="a value with an element inside"),
        pytest.param(attribute("a", "y" * 8192), "a", ("y" * 8192,), id="8192 characters"),
        pytest.param(attribute("groups ", "x"), "groups ", ("x",), id="a name with a space behind it"),
        pytest.param(attribute("Groups", "x"), "Groups", ("x",), id="a name in capitals"),
        pytest.param(attribute("n" * 256, "x"), "n" * 256, ("x",), id="a name of 256 characters"),
    ],
)
def test_attributes(service, xml, name, values):
    """Values are stripped of layout and otherwise taken as they are, names to the letter."""
    attributes = service().assertion(tamper=add(STATEMENT, xml)).attributes
    assert attributes[name] == values
    assert set(attributes) - {name} == {
        "email",
        "username",
        "firstname",
        "lastname",
        "displayname",
        "memberOf",
    }


@pytest.mark.parametrize(
    "xml",
    [
        pytest.param(attribute("a", "x&#127;"), id="delete"),
        pytest.param(attribute("a", "x&#133;y"), id="next line"),
        pytest.param(attribute("a", "fine", "x&#8203;"), id="zero-width space"),
        pytest.param(attribute("a", "&#8238;x"), id="right-to-left override"),
        pytest.param(attribute("a", "&#65279;x"), id="byte order mark"),
        pytest.param(attribute("a", "x&#8232;y"), id="line separator"),
        pytest.param(attribute("a", "y" * 8193), id="8193 characters"),
        pytest.param(attribute("", "x"), id="no name"),
        pytest.param(attribute("n" * 257, "x"), id="a name of 257 characters"),
        pytest.param(attribute("a&#8205;b", "x"), id="a joiner in the name"),
        pytest.param(attribute("a&#9;b", "x"), id="a tab in the name"),
        pytest.param(attribute("a&#10;b", "x"), id="a line feed in the name"),
    ],
)
def test_attributes_that_nobody_can_read(service, xml):
    """A control or invisible character, or a length beyond reason, refuses the message."""
    assert service().outcome(tamper=add(STATEMENT, xml)) == "attribute_refused"


def test_repeated_attributes_are_joined_in_order(service):
    """One name in several elements, and in several statements, is one attribute with all the values."""

    def change(tree):
        statement = tree.find(".//{*}AttributeStatement")
        statement.append(fragment(attribute("role", "1", "2")))
        statement.append(fragment(attribute("other", "x")))
        statement.append(fragment(attribute("role", "2")))
        statement.addnext(
            fragment(f"<saml:AttributeStatement>{attribute('role', '0')}</saml:AttributeStatement>")
        )

    assert service().assertion(tamper=change).attributes["role"] == ("1", "2", "2", "0")


def test_no_attributes(service):
    """A message without attributes is fine: there are none."""
    assert service().assertion(attributes=(), group_attribute="").attributes == {}


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300))
def test_any_text_is_taken_whole_or_refused(value):
    """Whatever a NameID holds, it is what stands there without layout, or it is refused."""
    element = etree.Element("x")
    try:
        element.text = value
    except ValueError:  # not to be written in XML 1.0
        return
    try:
        read = text.name_id(element)
    except Refused:
        return
    assert read == value.strip(" \t\r\n")
    assert 0 < len(read) <= 256
    assert not any(character < " " for character in read)
