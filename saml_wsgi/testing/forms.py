"""What a page offers to a person: its forms, its links, its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a page.

    Attributes:
        url: Where it goes, absolute.
        method: ``GET`` or ``POST``.
        fields: Names and values in the page's order, without buttons; the boxes and options that aren't
            chosen are left out.
        buttons: The submit buttons: visible text, name (``""``: none), value.
    """

    url: str
    method: str
    fields: tuple[tuple[str, str], ...]
    buttons: tuple[tuple[str, str, str], ...] = ()

    @property
    def values(self) -> dict[str, str]:
        """The fields by name; the last of a repeated name."""
        return dict(self.fields)

    def filled(self, values: Mapping[str, str], button: str | None = None) -> list[tuple[str, str]]:
        """What is sent when these values were typed, and the button of that text pressed.

        Raises LookupError for a field or a button that the form doesn't have.
        """
        if unknown := values.keys() - self.values.keys():
            raise LookupError(f"the form has no field {', '.join(sorted(unknown))}")
        sent = [(name, values.get(name, value)) for name, value in self.fields]
        if button is not None:
            pressed = [found for found in self.buttons if found[0] == button]
            if not pressed:
                raise LookupError(f"the form has no button {button!r}")
            sent += [(name, value) for _, name, value in pressed[:1] if name]
        return sent


@dataclass(frozen=True, slots=True)
class Offer:
    """All that a page offers: its forms, and its links as pairs of text and absolute URL."""

    forms: tuple[Form, ...]
    links: tuple[tuple[str, str], ...]


def read(url: str, text: str) -> Offer:
    """Read an HTML page that came from the URL."""
    reader = _Reader(url)
    reader.feed(text)
    reader.close()
    return Offer(tuple(reader.forms), tuple(reader.links))


def words(text: str) -> str:
    """What a person reads of an HTML page, title first: without markup, in one line."""
    reader = _Words()
    reader.feed(text)
    reader.close()
    return " ".join(" ".join(reader.found).split())


class _Words(HTMLParser):
    """Collects text, but not that of style sheets and scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._hidden = False
        self.found: list[str] = []

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag in ("style", "script")

    def handle_endtag(self, _tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(data)


class _Reader(HTMLParser):
    """Collects forms and links. Of HTML's many kinds of fields it knows those that sign-in pages have."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self._url = url
        self._form: tuple[str, str] | None = None
        self._fields: list[tuple[str, str]] = []
        self._buttons: list[tuple[str, str, str]] = []
        self._text: list[str] = []
        self._opened: dict[str, str] = {}
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "base" and "href" in given:
            self._url = urljoin(self._url, given["href"])
        elif tag == "form":
            method = "POST" if given.get("method", "").lower() == "post" else "GET"
            self._form = (urljoin(self._url, given.get("action", "")), method)
            self._fields, self._buttons = [], []
        elif tag == "input":
            self._input(given)
        elif tag in ("a", "button", "textarea", "select"):
            self._opened, self._text = given, []
        elif tag == "option" and "selected" in given and self._opened.get("name"):
            self._fields.append((self._opened["name"], given.get("value", "")))

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        given, text = self._opened, "".join(self._text)
        if tag == "a" and "href" in given:
            self.links.append((text.strip(), urljoin(self._url, given["href"])))
        elif tag == "button" and given.get("type", "submit").lower() == "submit":
            self._buttons.append((text.strip(), given.get("name", ""), given.get("value", "")))
        elif tag == "textarea" and given.get("name"):
            self._fields.append((given["name"], text))
        elif tag == "form" and self._form is not None:
            self.forms.append(Form(*self._form, tuple(self._fields), tuple(self._buttons)))
            self._form = None
        if tag in ("a", "button", "textarea", "select"):
            self._opened = {}

    def _input(self, given: Mapping[str, str]) -> None:
        kind, name = given.get("type", "text").lower(), given.get("name", "")
        if kind == "submit":
            self._buttons.append((given.get("value", ""), name, given.get("value", "")))
        elif kind in ("checkbox", "radio"):
            if name and "checked" in given:
                self._fields.append((name, given.get("value", "on")))
        elif name and kind not in ("button", "reset", "image", "file"):
            self._fields.append((name, given.get("value", "")))
