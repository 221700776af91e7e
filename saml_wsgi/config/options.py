"""The one table of options.

From it come the parsing of an ini and of keyword arguments, "did you mean", ``saml-wsgi check``, and
the reference page.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from saml_wsgi.config.certificates import IDP_CERTIFICATES, SP_CERTIFICATE, Metadata, PrivateKey
from saml_wsgi.config.declare import Group, Option
from saml_wsgi.config.files import Folder
from saml_wsgi.config.kinds import (
    AUTO_YES_NO,
    AttributeNames,
    Choice,
    Count,
    Duration,
    Flag,
    HeaderNames,
    Lines,
    ResolverNames,
    Size,
    Text,
    Uris,
    Words,
)
from saml_wsgi.config.secrets import SigningSecret, SigningSecrets
from saml_wsgi.config.urls import BaseUrl, DatabaseUrl, Origins, Prefix, Url
from saml_wsgi.model import FIELDS
from saml_wsgi.resolvers.mapping import AttributeMap

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_KIB: Final = 1024


_NAMES: Final = AttributeMap()
_PATTERNS: Final = Lines(kind="list of patterns")

GROUPS: Final[tuple[Group, ...]] = (
    Group(
        "The application's place",
        "All addresses that are ever shown or sent begin with `base_url`; none comes from a request's "
        "headers.",
        (
            Option(
                "base_url",
                BaseUrl(),
                None,
                "Where people reach the application, for example `https://wiki.example.com`; it may have a "
                "path. `http` only on the loopback.",
                required=True,
            ),
            Option("prefix", Prefix(), "/saml", "The path below `base_url` that our own endpoints are at."),
            Option(
                "public",
                _PATTERNS,
                (),
                "Paths that need no sign-in, one a line: `/healthz`, or `/static/*` for all below, with "
                "methods in front if need be: `GET,HEAD /feed`. A person who is signed in is known there, "
                "too.",
            ),
            Option(
                "api",
                _PATTERNS,
                (),
                "Paths that programs ask for, in the same form: without a session they get 401 and JSON, "
                "never a redirect.",
            ),
            Option(
                "challenge",
                Choice(("always", "on_401")),
                "always",
                "Who decides that a sign-in is needed: `always`, every path that isn't public needs one; "
                "`on_401`, the application does, by answering 401.",
            ),
            Option(
                "remote_user",
                Words(("id", *FIELDS)),
                ("username",),
                "What becomes `REMOTE_USER`: the first of these fields of the user that has a value.",
            ),
            Option(
                "scrub",
                HeaderNames(),
                (),
                "Further headers (`X-Employee`) or environ names that are removed from every request, beside "
                "those by which applications look for an identity.",
            ),
            Option(
                "cors.origins",
                Origins(),
                (),
                "Origins of other sites whose scripts may read our 401, for example "
                "`https://app.example.com`.",
            ),
        ),
    ),
    Group(
        "The identity provider",
        "`idp.metadata`, as exported from JumpCloud, says it all. Without metadata, write `idp.entity_id`, "
        "`idp.sso_url` and `idp.certificate`.",
        (
            Option(
                "idp.metadata",
                Metadata(),
                None,
                "The identity provider's SAML metadata. A file is read again when it changes.",
                without="required, if the three below aren't written",
            ),
            Option(
                "idp.entity_id",
                Text(kind="text or URI"),
                None,
                "The identity provider's entity id, letter for letter. Beside metadata, it picks one entity "
                "of many.",
                without="from the metadata",
            ),
            Option(
                "idp.sso_url",
                Url(),
                None,
                "Where sign-ins are sent to, if there is no metadata.",
                without="from the metadata",
            ),
            Option(
                "idp.certificate",
                IDP_CERTIFICATES,
                (),
                "What it signs with, if there is no metadata. Several certificates, one behind the other, "
                "are accepted side by side while it changes its key.",
                without="from the metadata",
            ),
            Option(
                "idp.name",
                Text(longest=256),
                None,
                "The name under which users are linked to this identity provider. Changing it forgets the "
                "links.",
                without="the entity id",
            ),
            Option(
                "idp.request_binding",
                Choice(("auto", "redirect", "post")),
                "auto",
                "How a sign-in is sent: `redirect` (an address), `post` (a form), or what the metadata "
                "offers.",
            ),
            Option(
                "idp.signed",
                Choice(("either", "assertion", "response", "both")),
                "either",
                "What must be signed. `either` takes an assertion that is signed itself or inside a signed "
                "response.",
            ),
            Option(
                "idp.unsolicited",
                Choice(("restart", "refuse", "accept")),
                "restart",
                "What happens to a sign-in that started at the identity provider (the tile in JumpCloud's "
                "portal): `restart` starts it again from here, unnoticed; `refuse` shows a page; `accept` "
                "takes it, which lets somebody sign a person in to an account that isn't theirs.",
            ),
            Option(
                "idp.clock_skew",
                Duration(0, 300),
                180,
                "How far the clocks of both sides may be apart.",
            ),
            Option(
                "idp.max_age",
                Duration(30, _HOUR),
                5 * _MINUTE,
                "How old a message may be, by its IssueInstant.",
            ),
            Option(
                "idp.max_authn_age",
                Duration(_MINUTE, 365 * _DAY),
                None,
                "How long ago the person may have authenticated at the identity provider.",
                without="not checked",
            ),
            Option(
                "idp.max_validity",
                Duration(_MINUTE, _DAY),
                _HOUR,
                "For how long a message is good at most, whatever it says itself. Shortens, never refuses.",
            ),
            Option(
                "idp.max_message",
                Size(16 * _KIB, 4 * _KIB * _KIB),
                256 * _KIB,
                "The largest message, decoded. 2,000 groups need about 400 KiB.",
            ),
            Option(
                "idp.max_elements",
                Count(100, 100_000),
                None,
                "The most XML elements of a message, however large it is, and likewise of what was encrypted "
                "in it. Unless it is written, that grows with the message itself: 5,342 in one of 256 KiB.",
                without="one for each 50 bytes of the message, and 100",
            ),
            Option(
                "idp.nameid_stable",
                AUTO_YES_NO,
                "auto",
                "Whether a NameID that is labelled `transient` is one person's for good all the same. "
                "`auto`: at JumpCloud, where the format is only a label.",
            ),
            Option(
                "idp.force_authn",
                Flag(),
                False,
                "Whether people must authenticate anew at each sign-in, even if the identity provider knows "
                "them.",
            ),
            Option(
                "idp.authn_context",
                Uris(),
                (),
                "How people must have authenticated: AuthnContextClassRef URIs, one of which must be "
                "asserted.",
            ),
            Option(
                "idp.allow_sha1",
                Flag(),
                False,
                "Whether signatures with SHA-1 are accepted. They can be forged by somebody with enough "
                "means.",
            ),
            Option(
                "idp.allow_cbc",
                Flag(),
                False,
                "Whether assertions encrypted with AES in CBC mode are accepted, inside a signed response "
                "only. AES in GCM mode always is, where there is an `sp.private_key`.",
            ),
        ),
    ),
    Group(
        "This service provider",
        "What the identity provider knows this application by.",
        (
            Option(
                "sp.entity_id",
                Text(kind="text or URI"),
                None,
                "This application's entity id, letter for letter as in JumpCloud.",
                without="the address of our metadata",
            ),
            Option(
                "sp.certificate",
                SP_CERTIFICATE,
                None,
                "The certificate that belongs to `sp.private_key`.",
            ),
            Option(
                "sp.private_key",
                PrivateKey(),
                None,
                "The RSA key that our requests are signed and assertions decrypted with, 2048 bits or more.",
                without="none: requests aren't signed, and nothing is decrypted",
                secret=True,
            ),
        ),
    ),
    Group(
        "Attributes",
        "Which attributes of the assertion say what: ordered names, the first that has a value counts. "
        "`NameID` is the subject's name identifier.",
        (
            Option(
                "attributes.username",
                AttributeNames(off=False),
                _NAMES.username,
                "The user's name, which is unique. A NameID that is labelled `transient` names nobody for "
                "good: there the next one counts.",
            ),
            Option(
                "attributes.email",
                AttributeNames(),
                _NAMES.email,
                "The e-mail address.",
            ),
            Option(
                "attributes.first_name",
                AttributeNames(),
                _NAMES.first_name,
                "The given name.",
            ),
            Option(
                "attributes.last_name",
                AttributeNames(),
                _NAMES.last_name,
                "The family name.",
            ),
            Option(
                "attributes.display_name",
                AttributeNames(),
                _NAMES.display_name,
                "The name to show.",
            ),
            Option(
                "attributes.groups",
                AttributeNames(),
                _NAMES.groups,
                "The names of groups.",
            ),
        ),
    ),
    Group(
        "Who is it?",
        "Resolvers decide which user of the application a person is. An option of a resolver is written "
        "`resolver.<name>.<option>`; `resolver.<name>.use` says what the resolver is: the name of an entry "
        "point (`jit`, `existing`), or `module:attribute`. It is `<name>` where it isn't written.",
        (
            Option(
                "match",
                Choice(("username", "email")),
                "username",
                "The field by which a person is found among the application's users.",
            ),
            Option(
                "link.source",
                AttributeNames(),
                ("NameID",),
                "What identifies a person for good: the user found first is linked to it. `off` links "
                "nobody.",
            ),
            Option(
                "resolvers", ResolverNames(), ("jit",), "The resolvers, in the order in which they are asked."
            ),
        ),
    ),
    Group(
        "Where things are kept",
        "A relative SQLite path begins at the folder of the ini file.",
        (
            Option(
                "store.url",
                DatabaseUrl(memory=True),
                None,
                "Where sessions, and what was used once, are kept. `memory:` is for one process, and "
                "forgets.",
                without="`saml_wsgi.db` beside the ini file; in code it is required",
                secret=True,
            ),
            Option(
                "directory.url",
                DatabaseUrl(),
                None,
                "Where users and links are kept.",
                without="`store.url`, unless that is `memory:`",
                secret=True,
            ),
        ),
    ),
    Group(
        "Sessions",
        "",
        (
            Option(
                "session.secret",
                SigningSecret(),
                None,
                "Signs cookies and stored records. The same for all processes.",
                secret=True,
                required=True,
            ),
            Option(
                "session.secret_fallbacks",
                SigningSecrets(),
                (),
                "Earlier secrets, newest first: still accepted, never used to sign.",
                secret=True,
            ),
            Option(
                "session.lifetime",
                Duration(_MINUTE, 30 * _DAY),
                8 * _HOUR,
                "When a session ends, however busy the person is.",
            ),
            Option(
                "session.idle",
                Duration(_MINUTE, 30 * _DAY),
                _HOUR,
                "When a session ends of which nothing is heard. Not longer than `session.lifetime`.",
            ),
            Option(
                "session.idp_end",
                Choice(("honour", "ignore")),
                "honour",
                "Whether a session ends no later than the identity provider says (SessionNotOnOrAfter).",
            ),
            Option(
                "session.cache",
                Duration(0, 60),
                5,
                "For how long a process trusts what it knows of a session: after it, a sign-out elsewhere "
                "is seen.",
            ),
            Option(
                "session.recheck",
                Duration(0, _DAY),
                5 * _MINUTE,
                "How often it is looked up whether the user is still active.",
            ),
            Option(
                "session.grace",
                Duration(0, _HOUR),
                60,
                "For how long a session goes on that can't be looked up, since the store doesn't answer.",
            ),
        ),
    ),
    Group(
        "Pages",
        "",
        (
            Option(
                "pages.templates",
                Folder(),
                None,
                "A folder with Jinja2 templates that replace ours of the same name.",
                without="ours",
            ),
            Option(
                "pages.support",
                Text(longest=500, lines=True, kind="text, URL or e-mail address"),
                None,
                "Whom to ask, shown on every page that says no.",
            ),
        ),
    ),
)

TABLE: Final = MappingProxyType({option.key: option for group in GROUPS for option in group.options})
