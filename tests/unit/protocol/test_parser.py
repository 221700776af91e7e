"""The one parser: what it takes, and what it keeps of strangers."""

from __future__ import annotations

import base64
import threading

import pytest
from lxml import etree

from saml_wsgi.errors import Refused
from saml_wsgi.protocol import parser


@pytest.fixture(autouse=True)
def _nothing_unvouched():
    """Each test begins with a thread that read nothing yet."""
    before = parser._OWN.unvouched
    parser._OWN.unvouched = 0
    yield
    parser._OWN.unvouched = before


def readers(monkeypatch) -> list[str]:
    """The names of the threads that parse from now on."""
    found: list[str] = []
    read = parser.parse

    def noting(xml):
        found.append(threading.current_thread().name)
        return read(xml)

    monkeypatch.setattr(parser, "parse", noting)
    return found


def test_what_is_vouched_for_is_read_here(monkeypatch):
    """A thread goes on reading messages itself, however many, as long as they turn out to be signed."""
    found = readers(monkeypatch)
    message = b"<a>" + b"x" * 200_000 + b"</a>"
    for _ in range(30):
        root, unvouched = parser.parse_message(message)
        assert root.text == "x" * 200_000
        parser.vouch(unvouched)
    assert set(found) == {threading.current_thread().name}


def test_what_nobody_vouches_for_is_read_elsewhere(monkeypatch):
    """After 2 MiB of strangers' messages each further one is read by a thread that ends with it."""
    found = readers(monkeypatch)
    message = b"<a>" + b"x" * 200_000 + b"</a>"
    trees = [parser.parse_message(message) for _ in range(14)]
    here = [name for name in found if name == threading.current_thread().name]
    assert len(here) == 10
    assert len(set(found)) == 5
    assert all(root.tag == "a" and len(root.text) == 200_000 for root, _ in trees)
    assert [unvouched for _, unvouched in trees[10:]] == [0] * 4


@pytest.mark.parametrize("xml", [b"<a", b"<!DOCTYPE a><a/>", b"", b"<a>\x00</a>"])
def test_elsewhere_is_no_other_parser(xml):
    """Whichever thread reads it, what isn't XML is refused under the same code."""
    parser._OWN.unvouched = parser._MOST_UNVOUCHED
    with pytest.raises(Refused) as refused:
        parser.parse_message(xml)
    assert refused.value.code == "xml_malformed"


def test_what_stands_around_an_assertion():
    """Of a message whose assertion alone is signed, everything else counts as a stranger's."""
    inside = "<s:Assertion xmlns:s='urn:oasis:names:tc:SAML:2.0:assertion'>" + "x" * 5_000 + "</s:Assertion>"
    around = "<e>" + "<n/>" * 100 + "</e>"
    root = etree.fromstring(f"<r>{inside}{around}</r>")
    assert 400 <= parser.size_around(root) < 1_000


def test_one_signed_answer_vouches_for_nothing_else(saml_idp, service):
    """Posted again and again with other names around it, a signed assertion doesn't vouch for those."""
    ours = service()
    form = saml_idp.response("wiki", "mara", in_response_to=ours.request.id, sign="assertion")
    names = "".join(f"<n:n{number}/>" for number in range(80))
    extensions = f'<saml2p:Extensions xmlns:n="urn:n">{names}</saml2p:Extensions><saml2p:Status>'
    text = base64.b64encode(form.message.replace(b"<saml2p:Status>", extensions.encode()))
    message = ours.provider.read(text)
    left = parser._OWN.unvouched
    ours.provider.consume(message, ours.request)
    assert len(names) <= parser._OWN.unvouched < left
    again = ours.provider.read(text)
    before = parser._OWN.unvouched
    with pytest.raises(Refused, match="replayed"):
        ours.provider.consume(again, ours.request)
    assert parser._OWN.unvouched == before
