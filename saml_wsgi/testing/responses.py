"""The answer to an application as a tree: JumpCloud's skeleton, bent by the knobs. Nothing signs here."""

from __future__ import annotations

import base64
import datetime as dt
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from lxml import etree

from saml_wsgi.testing.knobs import App
from saml_wsgi.testing.people import Person

Element: TypeAlias = Any  # lxml has no type hints

SAMLP: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
STATUS: Final = "urn:oasis:names:tc:SAML:2.0:status:"
_XS: Final = "http://www.w3.org/2001/XMLSchema"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"


@dataclass(frozen=True, slots=True)
class PostedForm:
    """What a browser posts to the application: the URL and the form's fields.

    The fields are ``SAMLResponse`` (base64, not deflated: SAML bindings §3.5.4) and perhaps
    ``RelayState``.
    """

    url: str
    fields: Mapping[str, str]

    @classmethod
    def carrying(cls, url: str, message: bytes, relay_state: str | None = None) -> PostedForm:
        """A form with that message, whatever it is. None or ``""``: no RelayState."""
        fields = {"SAMLResponse": base64.b64encode(message).decode("ascii")}
        if relay_state:
            fields["RelayState"] = relay_state
        return cls(url, MappingProxyType(fields))

    @property
    def message(self) -> bytes:
        """The XML as it stands in the form."""
        return base64.b64decode(self.fields["SAMLResponse"])

    @property
    def body(self) -> bytes:
        """The body of the POST, ``application/x-www-form-urlencoded``."""
        return urlencode(self.fields).encode("ascii")


@dataclass(frozen=True, slots=True)
class Occasion:
    """What one answer is about, besides the application and the person.

    Attributes:
        acs_url: Where it goes.
        now: When it is made, in seconds since the epoch.
        authenticated: When the person gave the password.
        in_response_to: The request's ID; None if nobody asked.
        name_id_format: Instead of the application's; ``""``: the application's.
    """

    acs_url: str
    now: float
    authenticated: float
    in_response_to: str | None = None
    name_id_format: str = ""


def success(app: App, person: Person, occasion: Occasion) -> Element:
    """A Response with an assertion about the person."""
    build = _Builder(app, occasion)
    response = build.response()
    build.status(response, ("Success",))
    _finish(build.assertion(response, person), app)
    return _finish(response, app)


def failure(app: App, occasion: Occasion, status: tuple[str, ...], message: str = "") -> Element:
    """A Response with a status only: names below ``…:status:``, outermost first, for example
    ``("Responder", "RequestDenied")``.
    """
    build = _Builder(app, occasion)
    response = build.response()
    build.status(response, status, message)
    return _finish(response, app)


def serialised(tree: Element, app: App) -> bytes:
    """The message's bytes, UTF-8."""
    text: bytes = etree.tostring(tree, encoding="UTF-8", xml_declaration=app.shape.xml_declaration)
    return text


def _finish(tree: Element, app: App) -> Element:
    if app.shape.indented:
        etree.indent(tree)
    return tree


class _Builder:
    def __init__(self, app: App, occasion: Occasion) -> None:
        self.app = app
        self.shape = app.shape
        self.occasion = occasion
        self.instant = self.at(0)

    def at(self, seconds: float) -> str:
        """That many seconds from now, as xs:dateTime in UTC (SAML core §1.3.3)."""
        return self.text(self.occasion.now + seconds)

    def text(self, moment: float) -> str:
        when = dt.datetime.fromtimestamp(moment, dt.UTC).replace(tzinfo=None)
        return when.isoformat(timespec=self.shape.timestamps) + "Z"

    def protocol(self, parent: Element | None, name: str, **attributes: str | None) -> Element:
        prefixes: dict[str | None, str] = {self.shape.protocol_prefix or None: SAMLP}
        if parent is None and self.shape.xsi_type:
            prefixes.update(xs=_XS, xsi=_XSI)
        return _element(parent, f"{{{SAMLP}}}{name}", attributes, prefixes)

    def saml(self, parent: Element, name: str, text: str | None = None, **attributes: str | None) -> Element:
        prefixes: dict[str | None, str] = {self.shape.assertion_prefix or None: SAML}
        element = _element(parent, f"{{{SAML}}}{name}", attributes, prefixes)
        element.text = text
        return element

    @property
    def in_response_to(self) -> str | None:
        return self.occasion.in_response_to if self.shape.names_request else None

    def response(self) -> Element:
        response = self.protocol(
            None,
            "Response",
            ID=_identifier(),
            Version="2.0",
            IssueInstant=self.instant,
            Destination=self.occasion.acs_url,
            InResponseTo=self.in_response_to,
        )
        self.saml(response, "Issuer", self.app.idp_entity_id)
        return response

    def status(self, response: Element, codes: tuple[str, ...], message: str = "") -> None:
        status = parent = self.protocol(response, "Status")
        for code in codes:
            parent = self.protocol(parent, "StatusCode", Value=STATUS + code)
        if message:
            self.protocol(status, "StatusMessage").text = message

    def assertion(self, response: Element, person: Person) -> Element:
        app, shape = self.app, self.shape
        assertion = self.saml(
            response, "Assertion", ID=_identifier(), Version="2.0", IssueInstant=self.instant
        )
        self.saml(assertion, "Issuer", app.idp_entity_id)
        self.subject(assertion, person)
        conditions = self.saml(
            assertion,
            "Conditions",
            NotBefore=self.at(-shape.conditions_before),
            NotOnOrAfter=self.at(shape.conditions_after),
        )
        restriction = self.saml(conditions, "AudienceRestriction")
        self.saml(restriction, "Audience", app.sp_entity_id)
        ends = shape.session_not_on_or_after
        statement = self.saml(
            assertion,
            "AuthnStatement",
            AuthnInstant=self.text(self.occasion.authenticated),
            SessionIndex=_identifier() if shape.session_index else None,
            SessionNotOnOrAfter=None if ends is None else self.at(ends),
        )
        context = self.saml(statement, "AuthnContext")
        self.saml(context, "AuthnContextClassRef", shape.authn_context)
        self.attributes(assertion, person)
        return assertion

    def subject(self, assertion: Element, person: Person) -> None:
        name_id = person.value(self.app.nameid_field)
        if self.shape.padded_name_id:
            name_id = f"\n        {name_id}\n      "
        subject = self.saml(assertion, "Subject")
        self.saml(subject, "NameID", name_id, Format=self.occasion.name_id_format or self.app.nameid_format)
        confirmation = self.saml(subject, "SubjectConfirmation", Method=_BEARER)
        self.saml(
            confirmation,
            "SubjectConfirmationData",
            NotOnOrAfter=self.at(self.shape.confirmation_after),
            Recipient=self.occasion.acs_url,
            InResponseTo=self.in_response_to,
        )

    def attributes(self, assertion: Element, person: Person) -> None:
        """The AttributeStatement; absent when nothing is mapped or everything mapped is omitted."""
        said = list(self.mapped(person))
        if not said:
            return
        if self.shape.attribute_order == "shuffled":
            secrets.SystemRandom().shuffle(said)
        statement = self.saml(assertion, "AttributeStatement")
        for name, values in said:
            attribute = self.saml(
                statement, "Attribute", Name=name, NameFormat=self.shape.name_format or None
            )
            for value in values:
                element = self.saml(attribute, "AttributeValue", value)
                if self.shape.xsi_type:
                    element.set(f"{{{_XSI}}}type", "xs:string")

    def mapped(self, person: Person) -> Iterator[tuple[str, tuple[str, ...]]]:
        app, shape = self.app, self.shape
        for name, field in app.attributes:
            value = person.value(field)
            if value or shape.empty_fields == "sent":
                yield name, (value,)
        for name, value in app.constant_attributes:
            yield name, (value,)
        if not app.group_attribute:
            return
        groups = person.groups
        if shape.groups_included == "bound":
            groups = tuple(group for group in groups if group in app.bound_groups)
        if shape.groups == "repeated":
            yield from ((app.group_attribute, (group,)) for group in groups)
        elif groups or shape.empty_fields == "sent":
            yield app.group_attribute, groups


def _element(
    parent: Element | None, tag: str, attributes: Mapping[str, str | None], prefixes: dict[str | None, str]
) -> Element:
    given = {key: value for key, value in attributes.items() if value is not None}
    if parent is None:
        return etree.Element(tag, given, nsmap=prefixes)
    return etree.SubElement(parent, tag, given, nsmap=prefixes)


def _identifier() -> str:
    # An xs:ID can't begin with a digit; SAML core §1.3.4 wants 128 random bits at least.
    return f"_{secrets.token_hex(20)}"
