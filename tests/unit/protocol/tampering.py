"""Changes to a response's tree, as rows of a table can name them.

A path is a chain of local names below the Response: ``Assertion/Subject/NameID``; ``.`` is the
Response itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import etree

NAMESPACES = (
    'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"'
    ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"'
)
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"

CONFIRMATION = "Assertion/Subject/SubjectConfirmation"
DATA = f"{CONFIRMATION}/SubjectConfirmationData"
CONDITIONS = "Assertion/Conditions"
AUDIENCE = f"{CONDITIONS}/AudienceRestriction/Audience"
STATEMENT = "Assertion/AuthnStatement"
NAME_ID = "Assertion/Subject/NameID"

Element = Any
Change = Callable[[Element], None]


def at(tree: Element, path: str) -> Element:
    """The first element at the path."""
    found = tree if path == "." else tree.find("/".join(f"{{*}}{name}" for name in path.split("/")))
    assert found is not None, path
    return found


def after_signing(form: Any, change: Callable[[Element], Element | None]) -> Any:
    """The form with its message changed, signatures and all; the change may return another root."""
    # Parsed anew: names that xmlsec wrote into a tree can't be found there by wildcard.
    tree = etree.fromstring(form.message)
    other = change(tree)
    return type(form).carrying(
        form.url, etree.tostring(tree if other is None else other), form.fields.get("RelayState")
    )


def fragment(xml: str) -> Element:
    """An element, in which the prefixes saml, samlp, ds and xenc are known."""
    return etree.fromstring(f"<fragment {NAMESPACES}>{xml}</fragment>")[0]


def drop(path: str) -> Change:
    """Without this element."""

    def change(tree: Element) -> None:
        element = at(tree, path)
        element.getparent().remove(element)

    return change


def put(path: str, **attributes: str | None) -> Change:
    """With these attributes; None: without them."""

    def change(tree: Element) -> None:
        element = at(tree, path)
        for name, value in attributes.items():
            if value is None:
                element.attrib.pop(name, None)
            else:
                element.set(name, value)

    return change


def moved(path: str, **seconds: float) -> Change:
    """With these times, in seconds from when the message was made."""

    def change(tree: Element) -> None:
        made = datetime.strptime(tree.get("IssueInstant"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        for name, offset in seconds.items():
            moment = made + timedelta(seconds=offset)
            at(tree, path).set(name, moment.strftime("%Y-%m-%dT%H:%M:%SZ"))

    return change


def write(path: str, text: str) -> Change:
    """With this text."""

    def change(tree: Element) -> None:
        at(tree, path).text = text

    return change


def add(path: str, xml: str, position: int | None = None) -> Change:
    """With one more child, at the end or at a position."""

    def change(tree: Element) -> None:
        parent = at(tree, path)
        parent.insert(len(parent) if position is None else position, fragment(xml))

    return change


def twice(path: str) -> Change:
    """With a copy of this element beside it."""

    def change(tree: Element) -> None:
        element = at(tree, path)
        element.addnext(etree.fromstring(etree.tostring(element)))

    return change


def together(*changes: Change) -> Change:
    """All of them."""

    def change(tree: Element) -> None:
        for one in changes:
            one(tree)

    return change


def nothing(_tree: Element) -> None:
    """As it was."""
