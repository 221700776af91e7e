"""The one XML parser: no DTD, no entities, no network, and nothing dropped from what was sent."""

from __future__ import annotations

import threading
from typing import Any, Final

from lxml import etree

from saml_wsgi.errors import Refused
from saml_wsgi.protocol.vocabulary import ASSERTIONS, Element

#: libxml2 keeps every name it ever read, for as long as the thread lives that read it. So much of what
#: nobody vouched for may be read by a thread that stays, in bytes; a name takes up to three times its size.
_MOST_UNVOUCHED: Final = 2 << 20


class _Own(threading.local):
    """What belongs to one thread. A parser that is shared would let only one thread parse at a time."""

    def __init__(self) -> None:
        # Comments and processing instructions stay: the guard refuses them, and what it saw is what
        # gets verified and read.
        self.parser: Any = etree.XMLParser(
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=False,
            remove_pis=False,
        )
        self.unvouched = 0


_OWN: Final = _Own()


def parse(xml: bytes) -> Element:
    """The root of what we or the operator wrote.

    Raises:
        Refused: ``xml_malformed``, also for a document type.
    """
    try:
        root = etree.fromstring(xml, _OWN.parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Refused("xml_malformed", f"{type(error).__name__}: {error}") from None
    if root.getroottree().docinfo.doctype:
        raise Refused("xml_malformed", "a document type")
    return root


def parse_message(xml: bytes) -> tuple[Element, int]:
    """The root of what anybody may have sent, and how many bytes are unvouched for now.

    Who verified the message gives that number to :func:`vouch`. A thread that was sent much that nobody
    vouched for has another one read the rest, and what that one learnt ends with it.

    Raises:
        Refused: ``xml_malformed``, also for a document type.
    """
    if _OWN.unvouched + len(xml) <= _MOST_UNVOUCHED:
        _OWN.unvouched += len(xml)
        return parse(xml), len(xml)
    found: list[Element | Refused] = []
    reader = threading.Thread(target=_read_into, args=(xml, found), daemon=True)
    reader.start()
    reader.join()
    root = found[0]
    if isinstance(root, Refused):
        raise root
    return root, 0


def vouch(unvouched: int) -> None:
    """The identity provider signed it: its names are few, and come again."""
    _OWN.unvouched = max(0, _OWN.unvouched - unvouched)


def size_around(root: Element) -> int:
    """How many bytes of a message stand around its assertion, about: what no signature of it covers."""
    around = [child for child in root if child.tag not in ASSERTIONS]
    texts = [root.text, *(child.tail for child in root if child.tag in ASSERTIONS), *root.attrib.values()]
    return sum(len(etree.tostring(child)) for child in around) + sum(len(text or "") for text in texts)


def _read_into(xml: bytes, found: list[Element | Refused]) -> None:
    try:
        found.append(parse(xml))
    except Refused as error:
        found.append(error)
    except BaseException as error:  # noqa: BLE001 - such as no memory: nothing may be left without an answer
        found.append(Refused("xml_malformed", type(error).__name__))


def parse_metadata(xml: bytes) -> Element:
    """The same, for a file that the operator chose: comments are common there, and left out.

    Raises:
        Refused: As :func:`parse`.
    """
    root = parse(xml)
    etree.strip_tags(root, etree.Comment, etree.ProcessingInstruction)
    return root
