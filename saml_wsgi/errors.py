"""What can go wrong, in one tree.

Every error has a ``code``: a stable slug that appears in log records, on pages and in the
documentation. What is safe to show to a person stands in :data:`CODES`; what only an operator may
see is the error's ``detail``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """What a person is told when something ends with this code.

    Attributes:
        status: The HTTP status of the answer.
        title: The page's heading.
        text: What happened, in one sentence, safe to show to anybody.
        advice: What to do next.
        shown: Whether the code itself may leave the server. What is wrong with a message that
            nobody vouched for is the operator's business: outside it is ``response_refused``.
        asks: Whether the advice is only whom to ask: a resolver that knows better says so in its place.
    """

    status: int
    title: str
    text: str
    advice: str
    shown: bool = True
    asks: bool = False


_SIGN_IN_FAILED = "Sign-in failed"
_TRY_AGAIN = "Please try again in a moment."
_ASK = "If it happens again, give the reference below to the people who run this application."
_START_AGAIN = f"Please sign in again. {_ASK}"


def _private(text: str) -> Code:
    return Code(403, _SIGN_IN_FAILED, text, _START_AGAIN, shown=False)


CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        # -- every refused message looks like this from outside --
        "response_refused": Code(
            403, _SIGN_IN_FAILED, "The answer of the identity provider was not accepted.", _START_AGAIN
        ),
        # -- the message as bytes and as XML (protocol/bindings, protocol/guard) --
        "message_too_large": _private("The message is larger than idp.max_message."),
        "message_malformed": _private("The message is not one base64-encoded SAML response."),
        "message_encoding": _private("The message is not UTF-8 encoded XML 1.0."),
        "xml_malformed": _private("The message is not well-formed XML."),
        "xml_forbidden": _private("The message has a DTD, a comment or a processing instruction."),
        "shape_refused": _private("The message has a shape that no identity provider needs."),
        "algorithm_refused": _private("The message uses an algorithm that isn't accepted."),
        "schema_invalid": _private("The message doesn't follow the SAML 2.0 schema."),
        "encryption_refused": _private("The message is encrypted in a way that isn't accepted."),
        # -- the signature (protocol/engine) --
        "signature_missing": _private("Nothing that is signed covers the assertion."),
        "signature_invalid": _private("The signature was not made by the identity provider's key."),
        # -- the exact checks (protocol/profile) --
        "version_mismatch": _private("The message is not SAML version 2.0."),
        "issuer_mismatch": _private("The message was issued by somebody else."),
        "destination_mismatch": _private("The message was sent to another address."),
        "in_response_to_mismatch": _private("The message doesn't answer the request of this browser."),
        "status_mismatch": _private("The message's status is not Success."),
        "subject_missing": _private("The assertion names nobody."),
        "name_id_refused": _private("The name identifier can't be used."),
        "attribute_refused": _private("An attribute has a value that can't be used."),
        "confirmation_mismatch": _private("The assertion has no bearer confirmation for this service."),
        "recipient_mismatch": _private("The assertion was made for another address."),
        "audience_mismatch": _private("The assertion was made for another service."),
        "conditions_refused": _private("The assertion has a condition that can't be kept."),
        "not_yet_valid": _private("The assertion is not valid yet."),
        "expired": _private("The assertion is not valid any more."),
        "too_old": _private("The assertion was issued too long ago."),
        "authentication_too_old": _private("The person authenticated too long ago."),
        "authn_context_mismatch": _private("The person authenticated in another way than asked for."),
        "replayed": _private("The message was used before."),
        # -- said plainly --
        "idp_refused": Code(
            403,
            "The identity provider didn't sign you in",
            "The identity provider answered, and the answer was no.",
            "Ask the people who administer your account there whether you may use this application.",
        ),
        "session_too_short": Code(
            403,
            _SIGN_IN_FAILED,
            "Your session at the identity provider is about to end.",
            "Sign out there, then sign in again.",
        ),
        "unsolicited_refused": Code(
            403,
            "Please start here",
            "This application accepts a sign-in only if it was started here.",
            "Use the link below instead of the tile in the portal.",
        ),
        "cookie_refused": Code(
            403,
            "Your browser refused the cookie",
            "Signing in needs a cookie, and your browser didn't send ours back.",
            "Allow cookies for this site, leave private mode, or use another browser. Then sign in again.",
        ),
        "resume_refused": Code(
            403,
            "Nothing to resume",
            "There is no sign-in of this browser to go on with.",
            "Please sign in again.",
        ),
        "emergency_refused": Code(
            403,
            "This address can't be used",
            "It was used before, is too old, or was never good.",
            "Operators: make another one with saml-wsgi users let-in.",
        ),
        "sign_in_again": Code(
            401,
            "Please sign in",
            "You aren't signed in (any more), and what you just sent was not stored.",
            "Go back, copy what you wrote, sign in, and send it again.",
        ),
        # -- the person is known, and may not (resolvers) --
        "not_found": Code(
            403,
            "You have no account here",
            "You were signed in, but this application has no account for you.",
            "Ask the people who run this application to make one.",
            asks=True,
        ),
        "ambiguous": Code(
            403, _SIGN_IN_FAILED, "More than one account of this application matches you.", _ASK
        ),
        "inactive": Code(
            403,
            "Your account is switched off",
            "This application has an account for you, but it is not active.",
            "Ask the people who run this application.",
            asks=True,
        ),
        "not_allowed": Code(
            403,
            "You may not use this application",
            "You were signed in, but you aren't among the people who may use this application.",
            "Ask the people who run this application.",
            asks=True,
        ),
        "missing_attribute": Code(
            403,
            _SIGN_IN_FAILED,
            "The identity provider didn't say something that this application needs to know.",
            _ASK,
        ),
        "attribute_unusable": Code(
            403,
            _SIGN_IN_FAILED,
            "The identity provider said something about you that this application can't use.",
            _ASK,
        ),
        "managed_elsewhere": Code(
            403,
            _SIGN_IN_FAILED,
            "Your account here is kept in another way, and can't be used with this sign-in.",
            "Ask the people who run this application.",
        ),
        "mismatch": Code(403, _SIGN_IN_FAILED, "Your name belongs to another person's account here.", _ASK),
        "link_conflict": Code(403, _SIGN_IN_FAILED, "Your account here belongs to another identity.", _ASK),
        "conflict": Code(
            403, _SIGN_IN_FAILED, "Your account couldn't be made, since another one has its name.", _ASK
        ),
        # -- the request itself --
        "bad_path": Code(400, "Bad address", "This address can't be read.", "Check the address."),
        "bad_request": Code(400, "Bad request", "This request can't be read.", "Start again."),
        "body_too_large": Code(413, "Too large", "What was sent is too large.", "Start again."),
        "method_not_allowed": Code(
            405, "Not this way", "This address doesn't take requests of this kind.", "Start again."
        ),
        "endpoint_unknown": Code(404, "Not found", "There is nothing at this address.", "Start again."),
        # -- our side --
        "store_unavailable": Code(
            503, "Please try again", "This application can't sign anybody in right now.", _TRY_AGAIN
        ),
        "directory_unavailable": Code(
            503, "Please try again", "This application can't look up its users right now.", _TRY_AGAIN
        ),
        "source_unavailable": Code(
            503, "Please try again", "This application can't look you up right now.", _TRY_AGAIN
        ),
        "idp_unavailable": Code(
            503, "Please try again", "The identity provider can't be used right now.", _TRY_AGAIN
        ),
        "store_not_shared": Code(
            500,
            "Not set up correctly",
            "This application runs in several processes, but keeps its sessions in one.",
            "Operators: set store.url to a database.",
        ),
        "internal_error": Code(
            500, "Something went wrong", "This application couldn't finish signing you in.", _ASK
        ),
        # -- configuration --
        "configuration": Code(
            500, "Not set up correctly", "This application isn't configured correctly.", _ASK
        ),
    }
)


class SamlWsgiError(Exception):
    """The root of everything this package raises on purpose."""

    code = "internal_error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def status(self) -> int:
        """The HTTP status that answers this error."""
        return CODES[self.code].status


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a configuration.

    Attributes:
        key: The option as an operator writes it, for example ``session.secret``.
        reason: What is wrong with it.
        cure: What to write or do instead.
        fatal: False for a warning: the configuration starts all the same.
    """

    key: str
    reason: str
    cure: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.key}: {self.reason} {self.cure}".rstrip()


class ConfigurationError(SamlWsgiError):
    """The configuration doesn't start; carries every problem found, not the first one."""

    code = "configuration"

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        lines = "\n".join(f"  - {problem}" for problem in problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"saml_wsgi can't start, {count}:\n{lines}")


class Problems:
    """Collects what is wrong, so that an operator sees all of it at once."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, key: str, reason: str, cure: str = "") -> None:
        """Note something that must not start."""
        self._found.append(Problem(key, reason, cure))

    def warn(self, key: str, reason: str, cure: str = "") -> None:
        """Note something that starts, but that the operator should know."""
        self._found.append(Problem(key, reason, cure, fatal=False))

    def include(self, error: ConfigurationError) -> None:
        """Take over what somebody else collected."""
        self._found.extend(error.problems)

    @property
    def fatal(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self._found if problem.fatal)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self._found if not problem.fatal)

    def raise_if_fatal(self) -> None:
        """Raise ConfigurationError if anything noted must not start."""
        if self.fatal:
            raise ConfigurationError(*self.fatal)


class Refused(SamlWsgiError):
    """A message or a person is refused.

    Args:
        code: A slug of :data:`CODES`.
        detail: For the operator only: what was expected and what was there.
        explanation: One more sentence for the person, safe to show.
    """

    def __init__(self, code: str, detail: str = "", explanation: str = "") -> None:
        if code not in CODES:
            raise ValueError(f"unknown code {code!r}")
        super().__init__(detail)
        self.code = code
        self.explanation = explanation

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


class Unavailable(SamlWsgiError):
    """Something that a sign-in needs doesn't answer: nobody is signed in, "try again"."""

    code = "store_unavailable"


class StoreUnavailable(Unavailable):
    """The store can't be reached, is full, or didn't answer in time."""


class DirectoryUnavailable(Unavailable):
    """The directory of users can't be reached."""

    code = "directory_unavailable"


class SourceUnavailable(Unavailable):
    """A source of profiles (LDAP) can't be reached."""

    code = "source_unavailable"


class IdentityProviderUnavailable(Unavailable):
    """No usable metadata of the identity provider is at hand."""

    code = "idp_unavailable"


class DirectoryConflict(SamlWsgiError):
    """A user can't be written, since another one has the same unique value."""

    code = "conflict"


class Ambiguous(SamlWsgiError):
    """A source knows several people for one key."""

    code = "ambiguous"
