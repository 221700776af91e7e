"""What ends an answer: results, references and the control of pages, as ldap3 reads them, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import search_result_reference_response_to_dict_fast
from ldap3.protocol.rfc2696 import RealSearchControlValue
from ldap3.utils.asn1 import decode_message_fast, encode, ldap_result_to_dict_fast

from saml_wsgi.directories.ldap import decoder
from saml_wsgi.directories.ldap.ber import Malformed
from saml_wsgi.directories.ldap.decoder import SEARCH_DONE, SEARCH_REFERENCE
from tests.unit.directories.ldap.writing import DONE, message, tlv


@given(st.integers(0, 120), st.text(max_size=20), st.lists(st.text(min_size=1, max_size=20), max_size=3))
def test_results_as_ldap3_reads_them(code, text, referrals):
    """The code and the words of a result, also of one that has referrals."""
    content = tlv(10, bytes([code])) + tlv(4, b"dc=test") + tlv(4, text.encode())
    if referrals:
        content += tlv(0xA3, b"".join(tlv(4, uri.encode()) for uri in referrals))
    data = message(SEARCH_DONE, content)
    found = decoder.result(data, decoder.message(data, 0, len(data)))
    try:
        theirs = ldap_result_to_dict_fast(decode_message_fast(data)["payload"])
    except KeyError:  # a code that ldap3 has no name for
        theirs = {"result": code, "message": text}
    assert (found.code, found.message) == (theirs["result"], theirs["message"])


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=3))
def test_references_as_ldap3_reads_them(uris):
    """All addresses of a reference."""
    data = message(SEARCH_REFERENCE, b"".join(tlv(4, uri.encode()) for uri in uris))
    said = decoder.message(data, 0, len(data))
    theirs = search_result_reference_response_to_dict_fast(decode_message_fast(data)["payload"])
    assert decoder.reference(data, said.start, said.stop) == theirs["uri"]


@given(st.binary(max_size=60), st.integers(0, 2**31 - 1), st.booleans())
def test_the_control_of_paged_results(value, size, critical):
    """The cookie of a page, behind whichever other controls."""
    control = RealSearchControlValue()
    control["size"], control["cookie"] = size, value
    said = tlv(4, b"1.2.840.113556.1.4.319") + (b"\1\1\xff" if critical else b"") + tlv(4, encode(control))
    other = tlv(0x30, tlv(4, b"1.3.6.1.4.1.42.2.27.8.5.1"))
    content = DONE
    data = message(SEARCH_DONE, content, behind=tlv(0xA0, other + tlv(0x30, said)))
    found = decoder.result(data, decoder.message(data, 0, len(data)))
    assert decoder.cookie(found.controls["1.2.840.113556.1.4.319"]) == value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        tlv(2, b"\7"),
        tlv(2, b"") + tlv(SEARCH_DONE, DONE),
        tlv(2, bytes(6)) + tlv(SEARCH_DONE, DONE),
        tlv(4, b"\7") + tlv(SEARCH_DONE, DONE),
        tlv(2, b"\7") + tlv(SEARCH_DONE, DONE + b"\x04\x05"),
        tlv(2, b"\7") + tlv(SEARCH_DONE, tlv(10, b"") + DONE[3:]),
        tlv(2, b"\7") + tlv(SEARCH_DONE, tlv(10, bytes(5)) + DONE[3:]),
        tlv(2, b"\7") + tlv(SEARCH_DONE, tlv(2, b"\0") + DONE[3:]),
        tlv(2, b"\7") + tlv(SEARCH_DONE, DONE[:-1]),
        tlv(2, b"\7") + tlv(SEARCH_DONE, DONE) + tlv(0xA0, tlv(4, b"")),
        tlv(2, b"\7") + tlv(SEARCH_DONE, DONE) + b"\xa0\x05",
    ],
)
def test_results_that_are_none(content):
    """A message without a number or a code, or with parts that don't fit, says nothing."""
    data = tlv(0x30, content)
    for buffer in (data, data + data):
        with pytest.raises(Malformed):
            decoder.result(buffer, decoder.message(buffer, 0, len(data)))


def test_a_reference_to_nowhere():
    """A reference that names no place isn't one."""
    with pytest.raises(Malformed):
        decoder.reference(b"", 0, 0)


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"\x30", b"\x30\0", b"\x30\x80", b"\x30\x03\2\1\0", b"\x04\0"),
        *(b"\x30\x05\2\1\0\4\0\0", b"\x30\x06\2\1\0\4\0\0"),
    ],
)
def test_a_control_that_is_none(value):
    """A server that doesn't say whether there is more isn't believed to have said everything."""
    with pytest.raises(Malformed):
        decoder.cookie(value)
