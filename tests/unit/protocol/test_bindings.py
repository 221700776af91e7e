"""Forms and query strings: bounded, strict, and never a surprise."""

from __future__ import annotations

import base64
import contextlib
import re
import zlib
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.config.options import TABLE
from saml_wsgi.errors import Refused
from saml_wsgi.protocol import bindings

XML = b"<a>" + b"x" * 93 + b"</a>"


def decoded(text, limit=1000):
    """The message, or the code it is refused with."""
    try:
        return bindings.decode(text, limit)
    except Refused as refused:
        return refused.code


def wrapped(text, width=76, end=b"\r\n"):
    return end.join(text[start : start + width] for start in range(0, len(text), width))


CODED = base64.b64encode(XML)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(CODED, XML, id="one line"),
        pytest.param(wrapped(CODED), XML, id="CRLF every 76"),
        pytest.param(wrapped(CODED, 10, b"\n"), XML, id="LF every 10"),
        pytest.param(b" \t" + CODED + b"\n", XML, id="white space around it"),
        pytest.param(b" ".join(bytes([byte]) for byte in CODED), XML, id="a space between all"),
        pytest.param(base64.b64encode(b"<a/>"), b"<a/>", id="padding of 2"),
        pytest.param(base64.b64encode(b"<aaaa/>").rstrip(b"="), "message_malformed", id="no padding"),
        pytest.param(base64.b64encode(b"<a/>") + b"=", "message_malformed", id="too much padding"),
        pytest.param(CODED + b"!", "message_malformed", id="junk behind it"),
        pytest.param(b"*" + CODED, "message_malformed", id="junk before it"),
        pytest.param(CODED[:10] + b"\x0b" + CODED[10:], "message_malformed", id="vertical tab"),
        pytest.param(CODED[:10] + b"\0" + CODED[10:], "message_malformed", id="NUL"),
        pytest.param(CODED.replace(b"4", b"-"), "message_malformed", id="URL-safe alphabet"),
        pytest.param(b"====", "message_malformed", id="padding alone"),
        pytest.param(XML, "message_malformed", id="not coded"),
        pytest.param(CODED[:-1], "message_malformed", id="cut off"),
        pytest.param(b"\xff" + CODED, "message_malformed", id="not ASCII"),
        pytest.param(base64.b64encode(CODED), CODED, id="coded twice is only text"),
    ],
)
def test_base64(text, expected):
    """White space is dropped; everything else must be exactly base64."""
    assert decoded(text) == expected


@pytest.mark.parametrize("limit", [99, 100, 101, 102])
def test_the_limit_is_exact(limit):
    """A message of `idp.max_message` bytes passes, one byte more doesn't, whatever its white space."""
    fits = b"<" + b"a" * (limit - 3) + b"/>"
    assert decoded(base64.b64encode(fits), limit) == fits
    assert decoded(wrapped(base64.b64encode(fits), 1, b"\r\n "), limit) == fits
    for more in (1, 2, 3, 4, 1000):
        assert decoded(base64.b64encode(fits + b"x" * more), limit) == "message_too_large"


def test_too_large_is_seen_before_it_is_decoded():
    """What is too long isn't even decoded, so its junk isn't noticed."""
    assert decoded(b"!" * 2000, 1000) == "message_too_large"


DECLARED = b'<?xml version="1.0" encoding="UTF-8"?><a/>'


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        pytest.param(b"<a/>", None, id="no declaration"),
        pytest.param(DECLARED, None, id="UTF-8"),
        pytest.param(
            b"<?xml version='1.0' encoding='utf-8' standalone='no' ?>\n<a/>", None, id="small letters"
        ),
        pytest.param(b'<?xml version="1.0"?><a/>', None, id="no encoding"),
        pytest.param(b'<?xml version="1.0" standalone="yes"?><a/>', None, id="standalone"),
        pytest.param(b"\xef\xbb\xbf" + DECLARED, None, id="byte order mark"),
        pytest.param("<a>東京</a>".encode(), None, id="letters of the world"),
        pytest.param(b"<a>&lt;!-- --&gt; ?&gt;</a>", None, id="escaped markup"),
        pytest.param("<a/>".encode("utf-16"), "message_encoding", id="UTF-16"),
        pytest.param("<ä/>".encode("latin-1"), "message_encoding", id="Latin-1"),
        pytest.param(b"<a>\xed\xa0\x80</a>", "message_encoding", id="surrogate"),
        pytest.param(b"<a>\xc0\xbc</a>", "message_encoding", id="overlong"),
        pytest.param("<a/>".encode("utf-16-le"), None, id="UTF-16 without mark is for the parser"),
        pytest.param(DECLARED.replace(b"UTF-8", b"ISO-8859-1"), "message_encoding", id="declares Latin-1"),
        pytest.param(DECLARED.replace(b"UTF-8", b"UTF-16"), "message_encoding", id="declares UTF-16"),
        pytest.param(DECLARED.replace(b"UTF-8", b"UTF-7"), "message_encoding", id="declares UTF-7"),
        pytest.param(DECLARED.replace(b"1.0", b"1.1"), "message_encoding", id="XML 1.1"),
        pytest.param(b"<?xml?><a/>", "message_encoding", id="an empty declaration"),
        pytest.param(b"<?xml-stylesheet href='x'?><a/>", "message_encoding", id="style sheet first"),
        pytest.param(b" " + DECLARED, "xml_forbidden", id="declaration after a space"),
        pytest.param(DECLARED + DECLARED, "xml_forbidden", id="two declarations"),
        pytest.param(b"<!DOCTYPE a><a/>", "xml_forbidden", id="DTD"),
        pytest.param(DECLARED[:-4] + b"<!doctype a><a/>", "xml_forbidden", id="DTD in small letters"),
        pytest.param(b"<a><!-- x --></a>", "xml_forbidden", id="comment"),
        pytest.param(b"<a><![CDATA[x]]></a>", "xml_forbidden", id="CDATA"),
        pytest.param(b"<a><?x y?></a>", "xml_forbidden", id="processing instruction"),
        pytest.param(b"<a/><?x y?>", "xml_forbidden", id="processing instruction at the end"),
    ],
)
def test_what_bytes_may_be(xml, code):
    """Only UTF-8, only XML 1.0, and nothing but elements and text."""
    assert decoded(base64.b64encode(xml)) == (code or xml)


@pytest.mark.parametrize(
    ("element", "limit"), [(b"<b/>", 108), (b"<b></b>", 116), (b'<b c=""/>', 117), (b"<b c=''/>", 117)]
)
def test_elements_are_counted_before_they_are_parsed(element, limit):
    """A message has at most so many elements as its size explains; a tree of nothing but tags is refused."""
    assert decoded(base64.b64encode(element * limit), 10_000) == element * limit
    assert decoded(base64.b64encode(element * (limit + 5)), 10_000) == "shape_refused"


@pytest.mark.parametrize("element", [b"<b/>", b"<b></b>", b"<b>text of some length</b>", b'<b c=""/>'])
def test_the_limit_of_elements_is_exact(element):
    """With `idp.max_elements` exactly so many pass, in however few bytes; the trace names the option."""
    fits = b'<?xml version="1.0"?><a>' + element * 149 + b"</a>"
    assert bindings.decode(base64.b64encode(fits), 10_000, 150) == fits
    with pytest.raises(Refused, match=r"shape_refused: 151 elements; idp\.max_elements is 150"):
        bindings.decode(base64.b64encode(fits[:-4] + element + b"</a>"), 10_000, 150)


def test_the_largest_message_has_as_many_elements_as_the_page_says():
    """Without `idp.max_elements` the number is the size's, and it is the one that the help text names."""
    help_text, size = TABLE["idp.max_elements"].help, TABLE["idp.max_message"].default
    most = int(re.search(r"([\d,]+) in one of 256 KiB", help_text)[1].replace(",", ""))
    fits = b"<b/>" * most + b" " * (size - 4 * most)
    assert bindings.decode(base64.b64encode(fits), size) == fits
    with pytest.raises(Refused, match=r"idp\.max_elements"):
        bindings.decode(base64.b64encode(b"<b/>" + fits[:-4]), size)


def test_attributes_are_counted_before_they_are_parsed():
    """Nor more attributes."""
    few = b"<b " + b" ".join(b'a%d=""' % number for number in range(100)) + b"/>"
    many = b"<b " + b" ".join(b'a%d=""' % number for number in range(200)) + b"/>"
    assert decoded(base64.b64encode(few), 10_000) == few
    assert decoded(base64.b64encode(many), 10_000) == "shape_refused"


@pytest.mark.parametrize(
    ("body", "response", "relay_state"),
    [
        (b"SAMLResponse=abc", b"abc", ""),
        (b"SAMLResponse=abc&RelayState=x", b"abc", "x"),
        (b"RelayState=x&SAMLResponse=abc", b"abc", "x"),
        (b"SAMLResponse=a%2Bb%3D&x=1", b"a+b=", ""),
        (b"SAMLResponse=a+b", b"a b", ""),
        (b"SAMLResponse=abc&RelayState=K%C3%A4se", b"abc", "Käse"),
        (b"SAMLResponse=abc&RelayState=%ff", b"abc", ""),
        (b"SAMLResponse=abc&RelayState=" + b"x" * 2048, b"abc", "x" * 2048),
        (b"SAMLResponse=abc&RelayState=" + b"x" * 2049, b"abc", ""),
        (b"SAMLResponse=abc&samlresponse=evil", b"abc", ""),
        (b"SAMLResponse=abc" + b"&a=1" * 15, b"abc", ""),
    ],
)
def test_forms(body, response, relay_state):
    """One SAMLResponse, at most one RelayState, under exactly these names."""
    form = bindings.read_form(body)
    assert (form.saml_response, form.relay_state) == (response, relay_state)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"SAMLResponse=",
        b"SAMLResponse",
        b"samlresponse=abc",
        b"RelayState=x",
        b"SAMLResponse=abc&SAMLResponse=abc",
        b"SAMLResponse=abc&%53AMLResponse=evil",
        b"SAMLResponse=abc&SAMLResponse=",
        b"SAMLResponse=abc&RelayState=x&RelayState=y",
        b"SAMLResponse=abc&RelayState=x&Relay%53tate=y",
        b"SAMLResponse=abc" + b"&a=1" * 16,
        b"&" * 100_000,
        b"SAMLResponse+=abc",
        b"SAMLResponse%00=abc",
        b"a;SAMLResponse=abc",
    ],
)
def test_forms_that_are_none(body):
    """Whatever repeats a name, in any spelling, or lacks the response, is refused."""
    with pytest.raises(Refused) as refused:
        bindings.read_form(body)
    assert refused.value.code == "message_malformed"


FORMS = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from([b"SAMLResponse=", b"RelayState=", b"&", b"%", b"%ff", b"+", b"x", b"=", b"\xc3"]),
        max_size=12,
    ).map(b"".join),
)


@given(FORMS)
def test_any_form(body):
    """Nothing that is posted raises anything but a refusal."""
    try:
        form = bindings.read_form(body)
    except Refused:
        return
    assert form.saml_response
    assert len(form.relay_state) <= 2048


@given(
    st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(base64.b64encode), st.just(CODED)),
    st.integers(0, 400),
)
def test_any_message(text, limit):
    """No text raises anything but a refusal, and nothing larger than the limit comes out."""
    try:
        xml = bindings.decode(text, limit)
    except Refused:
        return
    assert len(xml) <= limit
    xml.decode()
    assert base64.b64encode(xml) == b"".join(text.split())


@given(st.binary(min_size=1, max_size=300), st.text(st.characters(codec="utf-8"), max_size=100))
def test_forms_come_back_as_they_were_sent(message, relay_state):
    """What a browser encodes is read as it was."""
    fields = {"SAMLResponse": base64.encodebytes(message).replace(b"\n", b"\r\n"), "RelayState": relay_state}
    form = bindings.read_form(urlencode(fields).encode())
    assert form.saml_response == fields["SAMLResponse"]
    assert form.relay_state == relay_state


@given(st.dictionaries(st.sampled_from(["SAMLResponse", "RelayState", "x"]), st.text(max_size=100)))
def test_no_form_breaks_it(fields):
    """Whatever is sent, nothing but a refusal is raised."""
    with contextlib.suppress(Refused):
        bindings.read_form(urlencode(fields, errors="surrogatepass").encode())


@pytest.mark.parametrize("value", [b"%41", b"%", b"a%2", b"%2b%2c", b"%00"])
def test_escapes_that_base64_does_not_need(value):
    """Decoding everything would take eighty times the size, so what browsers don't escape is refused."""
    with pytest.raises(Refused) as refused:
        bindings.read_form(b"SAMLResponse=" + value)
    assert refused.value.code == "message_malformed"


def test_room_for_the_largest_message():
    """The longest body that is read has room for the largest message, percent-encoded."""
    for size in (16 * 1024, 256 * 1024, 16 * 1024 * 1024):
        message = base64.b64encode(b"\xfb\xff\xbe" * (size // 3))
        assert len(message.replace(b"+", b"%2B")) < 4 * size
        typical = urlencode({"SAMLResponse": base64.b64encode(b"<saml2:Attribute>" * (size // 17))})
        assert len(typical) + 2048 <= bindings.longest_body(size)


@pytest.mark.parametrize(
    ("location", "start"),
    [
        ("https://sso.test/saml2/wiki", "https://sso.test/saml2/wiki?SAMLRequest="),
        ("https://sso.test/saml2?app=wiki", "https://sso.test/saml2?app=wiki&SAMLRequest="),
    ],
)
@pytest.mark.parametrize("signature", [None, ("Signature", "a+/=")])
def test_redirect_urls(location, start, signature):
    """The message joins what query the address has; the signature comes last, all is encoded."""
    parameters = [("SAMLRequest", "x+/="), ("RelayState", "a b&c")]
    url = bindings.redirect_url(location, parameters, signature)
    assert url.startswith(start)
    expected = [*parameters, *([signature] if signature else [])]
    assert parse_qsl(urlsplit(url).query)[-len(expected) :] == expected
    assert url.split("&Signature=")[0].endswith(bindings.query(parameters))


def test_what_is_signed_is_encoded_once():
    """The octets to sign are percent-encoded with capitals, and never with a plus."""
    assert bindings.query([("a", "x y/ä"), ("b", "~-_.")]) == "a=x%20y%2F%C3%A4&b=~-_."


@given(st.binary(max_size=2000))
def test_deflate(xml):
    """What travels in a query string is raw DEFLATE in base64."""
    assert zlib.decompress(base64.b64decode(bindings.deflate(xml), validate=True), wbits=-15) == xml


def test_post_fields():
    """What travels in a form is base64 without DEFLATE."""
    fields = bindings.post_fields(b"<a/>", "handle")
    assert fields == {"SAMLRequest": base64.b64encode(b"<a/>").decode(), "RelayState": "handle"}
