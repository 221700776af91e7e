"""Sessions, pages, and the way in when the identity provider is down."""

from __future__ import annotations

from typing import Final

from saml_wsgi.config.declare import Group, Option
from saml_wsgi.config.files import Folder
from saml_wsgi.config.kinds import Choice, Duration, Flag, Text
from saml_wsgi.config.secrets import SigningSecret, SigningSecrets

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

GROUPS: Final[tuple[Group, ...]] = (
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
    Group(
        "When the identity provider is down",
        "",
        (
            Option(
                "emergency.sign_in",
                Flag(),
                False,
                "Whether `saml-wsgi users let-in` may make an address that signs one active user in without "
                "the identity provider: used once, within 10 minutes, for an hour at most.",
            ),
        ),
    ),
)
