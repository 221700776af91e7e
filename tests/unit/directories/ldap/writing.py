"""Writes what servers write, each length in any form that it may have."""

from __future__ import annotations

NUMBER = 7
#: Forms in which a length can be written: 0 is the shortest one, others the number of further bytes.
FORMS = (0, 1, 2, 3, 4, 8)


def tlv(kind, content, form=0):
    """A part, its length written in one of the forms."""
    size = len(content)
    needed = 0 if size < 128 else (size.bit_length() + 7) // 8
    if form < needed or form == 0:
        form = needed
    length = bytes([0x80 + form]) + size.to_bytes(form, "big") if form else bytes([size])
    return bytes([kind]) + length + content


def message(kind, content, *, number=NUMBER, behind=b"", form=0):
    return tlv(0x30, tlv(2, bytes([number])) + tlv(kind, content, form) + behind, form)


def attribute(name, *values, form=0, behind=b""):
    written = b"".join(tlv(4, value, form) for value in values)
    return tlv(0x30, tlv(4, name.encode(), form) + tlv(0x31, written, form) + behind, form)


def body(dn, *attributes, form=0, behind=b""):
    return tlv(4, dn, form) + tlv(0x30, b"".join(attributes), form) + behind


#: The content of a result that is a success.
DONE = tlv(10, b"\0") + tlv(4, b"") + tlv(4, b"")
