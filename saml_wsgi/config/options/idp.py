"""The identity provider, and what it knows this application by."""

from __future__ import annotations

from typing import Final

from saml_wsgi.config.certificates import IDP_CERTIFICATES, SP_CERTIFICATE, Metadata, PrivateKey
from saml_wsgi.config.declare import Group, Option
from saml_wsgi.config.kinds import AUTO_YES_NO, Choice, Count, Duration, Flag, Size, Text, Uris
from saml_wsgi.config.urls import Url

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_KIB: Final = 1024

GROUPS: Final[tuple[Group, ...]] = (
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
)
