"""What ``saml-wsgi resolve`` is given: a response that somebody captured, or attributes to try.

It may come from anywhere, so it is bounded before it is looked at, and no compressed form is unpacked.
"""

from __future__ import annotations

import base64
import binascii
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from saml_wsgi.errors import Refused
from saml_wsgi.protocol.bindings import longest_body, read_form

_NAME_ID: Final = "NameID"
_ATTRIBUTES: Final = "attributes"
_FORM: Final = b"SAMLResponse="
_EXAMPLE: Final = '{"NameID": "mara@example.com", "attributes": {"email": ["mara@example.com"]}}'


class Unusable(click.ClickException):
    """Nothing can be said of this input; ends the command with 2."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Claims:
    """Attributes that were made up."""

    name_id: str
    attributes: Mapping[str, tuple[str, ...]] = field(repr=False)


def read(name: str, max_message: int) -> bytes:
    """The file, or the standard input for ``-``; no more of it than a form with a message could have.

    Raises:
        Unusable: There is no such file, it can't be read, is empty, or is larger.
    """
    most = longest_body(max_message)
    try:
        if name == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(most + 1)
    except OSError as error:
        raise Unusable(f"{name} can't be read: {error.strerror}.") from None
    if len(data) > most:
        what = f"has more than {most} bytes, and no form with a response of idp.max_message has"
        raise Unusable(f"{_shown(name)} {what}.")
    data = data.removeprefix(b"\xef\xbb\xbf").strip()
    if not data:
        raise Unusable(f"{_shown(name)} is empty.")
    return data


def recognise(data: bytes) -> bytes | Claims:
    """What the input is: the text of a field SAMLResponse, whatever form it was captured in, or claims.

    Raises:
        Unusable: It is neither.
    """
    if data.startswith(b"{"):
        return _claims(data)
    if data.startswith(b"<"):
        return base64.b64encode(data)
    if data.startswith(_FORM) or b"&" + _FORM in data:
        return _field(data)
    if b"%" in data:  # the field's value as it travels
        return _field(_FORM + data)
    try:
        binascii.a2b_base64(b"".join(data.split()), strict_mode=True)
    except binascii.Error:
        raise Unusable(
            "This is no response (XML, base64, or a form with SAMLResponse=…) and no JSON. A response is what"
            f" a browser posts to the ACS URL; attributes to try are written {_EXAMPLE}"
        ) from None
    return data


def _field(body: bytes) -> bytes:
    try:
        return read_form(body).saml_response
    except Refused as refused:
        raise Unusable(f"This form can't be read: {refused.detail}.") from None


def _claims(data: bytes) -> Claims:
    try:
        value = json.loads(data)
    except RecursionError:
        raise Unusable("This JSON is nested too deeply.") from None
    except ValueError as error:  # neither UTF-8 nor JSON
        raise Unusable(f"This can't be read as JSON: {str(error)[:200]}.") from None
    assert isinstance(value, dict)  # it begins with a brace
    given = dict(value)
    name_id = given.pop(_NAME_ID, "")
    if not isinstance(name_id, str):
        raise Unusable(f"The {_NAME_ID} must be text.")
    if isinstance(given.get(_ATTRIBUTES), dict):
        attributes = given.pop(_ATTRIBUTES)
        if given:
            others = ", ".join(sorted(map(_shown, given)))
            raise Unusable(f"Beside {_NAME_ID} and {_ATTRIBUTES} there is {others}; write {_EXAMPLE}")
    else:
        attributes = given
    return Claims(name_id, {str(name): _values(name, value) for name, value in attributes.items()})


def _values(name: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        raise Unusable(f"The attribute {_shown(name)} must be text, or a list of texts; write {_EXAMPLE}")
    return tuple(values)


def _shown(name: str) -> str:
    return ascii(name) if not name.isprintable() or len(name) > 100 else name
