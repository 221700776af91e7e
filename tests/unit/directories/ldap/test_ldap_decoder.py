"""The decoder against ldap3's, and against a plain reading of X.690 that refuses whatever doesn't fit."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ldap3.operation.search import search_result_entry_response_to_dict_fast
from ldap3.utils.asn1 import decode_message_fast

from saml_wsgi.directories.ldap import decoder
from saml_wsgi.directories.ldap.ber import Malformed
from saml_wsgi.directories.ldap.decoder import SEARCH_DONE, SEARCH_ENTRY
from tests.unit.directories.ldap.writing import DONE, FORMS, NUMBER, attribute, body, message, tlv


def ours(data, *, behind=b""):
    """The one entry of a message, and what stands behind it isn't looked at."""
    spans = []
    framed = decoder.frame(data, 0)
    if framed is None or framed[1] != len(data):
        raise Malformed("the message has another end")
    decoder.scan(data + behind, 0, NUMBER, spans)
    if not spans:
        raise Malformed("the message is something else")
    return decoder.entries(spans)[0]


def ldap3s(data):
    """What ldap3 reads from it: the name and the attributes, by lower-case name."""
    payload = decode_message_fast(data)["payload"]
    found = search_result_entry_response_to_dict_fast(payload, None, None, False)
    return found["dn"], {
        name.lower(): tuple(values or ()) for name, values in found["raw_attributes"].items()
    }


NAMES = st.from_regex(
    r"[a-zA-Z][a-zA-Z0-9-]{0,12}(;range=[0-9]{1,4}-([0-9]{1,4}|\*)|;binary)?", fullmatch=True
)
VALUES = st.binary(max_size=40) | st.binary(min_size=120, max_size=300) | st.text(max_size=20).map(str.encode)
DNS = st.text(max_size=30).map(str.encode) | st.binary(max_size=30)
FORM = st.sampled_from(FORMS)


@st.composite
def entry_messages(draw):
    """A message with an entry: binary values, empty ones, none at all, long ones, every form of length."""
    names = draw(st.lists(NAMES, max_size=6, unique_by=str.lower))
    attributes = [attribute(name, *draw(st.lists(VALUES, max_size=4)), form=draw(FORM)) for name in names]
    written = body(draw(DNS), *attributes, form=draw(FORM))
    return message(SEARCH_ENTRY, written, form=draw(FORM))


def strict(data, at, end):
    """Reads parts, each with the parts in it, by the rules alone; ValueError where they don't fit."""
    parts = []
    while at < end:
        if at + 2 > end:
            raise ValueError("no length")
        kind, size, start = data[at], data[at + 1], at + 2
        if size >= 128:
            start += size - 128
            if not 1 <= size - 128 <= 8 or start > end:
                raise ValueError("a length in no form")
            size = int.from_bytes(data[at + 2 : start], "big")
        if start + size > end:
            raise ValueError("too long")
        parts.append((kind, start, start + size))
        at = start + size
    return parts


def strictly(data):
    """What the message says by the plain reading, or ValueError."""
    ((kind, start, stop),) = strict(data, 0, len(data))
    number, operation, *_ = strict(data, start, stop)
    said = int.from_bytes(data[number[1] : number[2]], "big", signed=True)
    if (kind, number[0], said, operation[0]) != (0x30, 2, NUMBER, SEARCH_ENTRY):
        raise ValueError("not an entry")
    (name_kind, a, b), (list_kind, c, d), *_ = strict(data, *operation[1:])
    if (name_kind, list_kind) != (4, 0x30):
        raise ValueError("not an entry")
    found = {}
    for attribute_kind, e, f in strict(data, c, d):
        if attribute_kind != 0x30:
            raise ValueError("not an attribute")
        (type_kind, g, h), (set_kind, i, j), *_ = strict(data, e, f)
        values = strict(data, i, j)
        if (type_kind, set_kind) != (4, 0x31) or any(value[0] != 4 for value in values):
            raise ValueError("not an attribute")
        name = data[g:h].decode("ascii").lower()
        if not name or name in found:
            raise ValueError("no name, or twice")
        found[name] = tuple(data[start:stop] for _, start, stop in values)
    return data[a:b], found


@given(entry_messages())
@example(message(SEARCH_ENTRY, body(b"", form=4), form=4))
@example(message(SEARCH_ENTRY, body(b"cn=a", attribute("member"), attribute("member;range=0-1", b"b"))))
@example(message(SEARCH_ENTRY, body(b"cn=a", attribute("objectSid", bytes(range(256)), b"", b"\0"))))
def test_equal_to_ldap3(data):
    """Every entry is what ldap3 says that it is."""
    found = ours(data)
    assert (found.dn, dict(found.attributes)) == ldap3s(data)


#: Values that look like attributes, which a length that is believed too easily would let out.
TRAPS = [attribute("uid", b"x"), tlv(4, b"mara"), attribute("cn", tlv(4, b"y")), tlv(4, b"z") * 2]
DECOYS = [
    body(b"cn=a", attribute("cn", TRAPS[0], TRAPS[1]), attribute("sn", TRAPS[2])),
    body(attribute("uid", b"x"), attribute("uid", TRAPS[3]), attribute("mail"), form=2),
    body(b"cn=a", attribute("sn", attribute("mail", b"x"))),
    body(b"cn=a", attribute("sn", b"x", attribute("mail", b"x"), form=1)),
    body(b"", attribute("c", b"", b"b", form=1), attribute("d", TRAPS[0], behind=TRAPS[1])),
]


@pytest.mark.parametrize("written", DECOYS)
@pytest.mark.parametrize("form", [0, 4])
def test_every_byte_that_may_be_changed(written, form):
    """An entry with any byte changed to any other is what the rules say, or refused: no length is overrun."""
    data = message(SEARCH_ENTRY, written, form=form)
    for at in range(len(data)):
        for byte in range(256):
            changed = data[:at] + bytes([byte]) + data[at + 1 :]
            try:
                expected = strictly(changed)
            except ValueError:
                expected = None
            try:
                found = ours(changed, behind=message(SEARCH_DONE, written))
            except Malformed:
                assert expected is None, (at, byte)
            else:
                assert expected == (found.dn.encode("latin-1"), dict(found.attributes)), (at, byte)


@given(st.binary(max_size=200))
def test_nonsense_bytes(junk):
    """Whatever the bytes are, they are no message, too few for one, or refused."""
    for data in (junk, message(SEARCH_ENTRY, junk), message(SEARCH_ENTRY, body(b"cn=a", junk))):
        spans = []
        try:
            decoder.scan(data, 0, NUMBER, spans)
            decoder.entries(spans)
            framed = decoder.frame(data, 0)
            if framed is not None and framed[1] <= len(data):
                said = decoder.message(data, 0, framed[1])
                decoder.result(data, said)
                decoder.reference(data, said.start, said.stop)
        except Malformed:
            pass


@given(entry_messages())
def test_what_has_not_come_yet(data):
    """The beginning of a message is never an entry."""
    for size in range(len(data)):
        spans = []
        assert decoder.scan(data[:size], 0, NUMBER, spans) == 0
        assert not spans


@given(st.lists(entry_messages(), max_size=5), entry_messages())
def test_several_in_one_buffer(several, last):
    """Entries are read up to the one that isn't complete, whatever stands before them."""
    data = b"junk" + b"".join(several) + last[:-1]
    spans = []
    assert decoder.scan(data, 4, NUMBER, spans) == 4 + sum(map(len, several))
    assert [(entry.dn, dict(entry.attributes)) for entry in decoder.entries(spans)] == [
        ldap3s(one) for one in several
    ]


@pytest.mark.parametrize(
    "written",
    [
        body(b"cn=a", attribute("cn", b"a"), attribute("CN", b"b")),
        body(b"cn=a", attribute("", b"a")),
        body(b"cn=a", attribute("näme", b"a")),
        body(b"cn=a", tlv(0x30, tlv(4, b"cn"))),
        body(b"cn=a", tlv(0x30, tlv(4, b"cn") + tlv(0x30, tlv(4, b"a")))),
        body(b"cn=a", tlv(0x31, tlv(4, b"cn") + tlv(0x31, tlv(4, b"a")))),
        body(b"cn=a", tlv(0x30, tlv(4, b"cn") + tlv(0x31, tlv(2, b"\1")))),
        body(b"cn=a", tlv(0x30, tlv(4, b"cn") + b"\x31\x80\x04\x01a\0\0")),
        body(b"cn=a", attribute("cn", b"a", behind=b"\x04\x05x")),
        body(b"cn=a", behind=b"\x04\x05x"),
        tlv(4, b"cn=a"),
        tlv(0x30, b""),
        b"",
    ],
)
def test_entries_that_are_none(written):
    """An attribute twice or without a name, other parts, indefinite lengths: refused as a whole."""
    with pytest.raises(Malformed):
        ours(message(SEARCH_ENTRY, written))


def test_parts_that_nobody_knows_yet():
    """What a later version of the protocol puts behind the known parts is skipped (RFC 4511, 4)."""
    more = tlv(0x85, b"later")
    data = message(SEARCH_ENTRY, body(b"cn=a", attribute("cn", b"a", behind=more), behind=more), behind=more)
    found = ours(data)
    assert (found.dn, found.attributes) == ("cn=a", {"cn": (b"a",)})


def test_a_name_that_is_not_utf8():
    """Such a name is read as ldap3 reads it."""
    data = message(SEARCH_ENTRY, body("cn=Jörg".encode("latin-1")))
    assert ours(data).dn == ldap3s(data)[0] == "cn=Jörg"


def test_the_bytes_of_an_entry():
    """The same entry has the same bytes in every message."""
    written = body(b"cn=a", attribute("cn", b"a"))
    spans = []
    decoder.scan(message(SEARCH_ENTRY, written, number=8, form=4), 0, 8, spans)
    assert decoder.entries(spans)[0].raw == ours(message(SEARCH_ENTRY, written)).raw == written


def test_an_entry_of_another_request():
    """Another request's entries, and whatever else it is, are left to who knows what to do with them."""
    for data in (
        message(SEARCH_ENTRY, body(b"cn=a"), number=8),
        message(SEARCH_DONE, DONE),
    ):
        spans = []
        assert decoder.scan(data, 0, NUMBER, spans) == 0
        assert not spans


@pytest.mark.parametrize("number", [1, 127, 128, 255, 256, 70_000, 2**31 - 1])
def test_numbers_in_every_form(number):
    """A message's number counts, in however many bytes it is written."""
    size = number.bit_length() // 8 + 1
    for width in {size, 5}:
        head = tlv(2, number.to_bytes(width, "big"))
        data = tlv(0x30, head + tlv(SEARCH_ENTRY, body(b"cn=a")))
        spans = []
        assert decoder.scan(data, 0, number, spans) == len(data)


def test_controls_of_an_entry():
    """They are of no interest, but have to be controls."""
    good = message(SEARCH_ENTRY, body(b"cn=a"), behind=tlv(0xA0, tlv(0x30, tlv(4, b"1.2.3"))))
    assert ours(good).dn == "cn=a"
    with pytest.raises(Malformed):
        ours(message(SEARCH_ENTRY, body(b"cn=a"), behind=tlv(0xA0, tlv(4, b"1.2.3"))))


def test_spans_are_all_that_is_read():
    """Nothing is read beyond the end of an entry, even where it says so and there is something."""
    whole = body(b"cn=a", attribute("cn", b"abcdef"))
    for size in range(len(whole)):
        with pytest.raises(Malformed):
            decoder.entries([(whole + whole, 0, size)])
