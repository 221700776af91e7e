"""A dry run in words, for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from saml_wsgi.cli.dry_run import Decision, GroupChanges, Shown
from saml_wsgi.cli.inifile import IniSection
from saml_wsgi.cli.listing import Row, say, show, visible
from saml_wsgi.cli.rehearsed import Rehearsed
from saml_wsgi.cli.report import count
from saml_wsgi.model import Assertion, User
from saml_wsgi.protocol.explanation import Explanation, Finding, Verdict
from saml_wsgi.protocol.instants import write

_WIDTH: Final = 100
_EMPTY: Final = "-"
_COLUMNS: Final = ("field", "now", "then", "from", "left_alone_because")
_USED: Final = "Whether it was used before isn't looked at."
_PENDING: Final = "request"
_UNVERIFIED: Final = (
    "NOT VERIFIED. Nobody vouches for what follows: it is what would happen if the response were acceptable,"
    " while a sign-in refuses it."
)


def tell(section: IniSection, rehearsed: Rehearsed) -> None:
    """Print it; whatever came from outside is made visible."""
    for line in _until_decided(section, rehearsed):
        say(line)
    decision = rehearsed.decision
    if decision.user is not None:
        say("")
        for line in _wrapped(_who(decision, decision.user), ""):
            say(line)
        say("")
        show(None, _COLUMNS, _rows(decision))
    for line in _consequences(decision):
        say(line)


def _until_decided(section: IniSection, rehearsed: Rehearsed) -> Iterator[str]:
    yield visible(f"{section}, as of {write(rehearsed.at)}. Nothing is written.")
    if rehearsed.explanation is not None:
        yield from _explanation(rehearsed.explanation)
        if rehearsed.tried and not rehearsed.trusted:
            yield ""
            yield from _wrapped(_UNVERIFIED, "!! ")
    else:
        yield "\nAttributes to try: that a response with them is acceptable is taken for granted."
    if rehearsed.asserted is not None:
        yield "\nAsserted" if rehearsed.trusted else "\nAsserted, in a response that isn't acceptable"
        yield from _asserted(rehearsed.asserted)


# -- the response --


def _explanation(explanation: Explanation) -> Iterator[str]:
    findings = explanation.findings
    passed = sum(finding.verdict is Verdict.OK for finding in findings)
    if explanation.refused is not None:
        yield f"\nThe response would be refused: {explanation.refused.code}"
        remarkable: Sequence[Finding] = findings
    else:
        remarkable = [finding for finding in findings if finding.verdict is not Verdict.OK]
        expired = [finding for finding in remarkable if finding.check != _PENDING]
        when = "was acceptable when it was issued, and expired since" if expired else "is acceptable"
        yield f"\nThe response {when}: {count(passed, 'check')} passed. {_USED}"
    hints: set[str] = set()
    for finding in remarkable:
        yield from _finding(finding, hints)


def _finding(finding: Finding, hints: set[str]) -> Iterator[str]:
    """A check; a hint that was given already isn't given again."""
    verdict = {
        Verdict.OK: "ok",
        Verdict.FAILED: "FAILED",
        Verdict.MEANWHILE: "not known" if finding.check == _PENDING else "expired meanwhile",
        Verdict.NOT_REACHED: "not reached",
    }[finding.verdict]
    code = f"  [{finding.code}]" if finding.verdict is Verdict.FAILED else ""
    yield f"  {verdict:<17}  {finding.title}{code}"
    if finding.verdict not in (Verdict.FAILED, Verdict.MEANWHILE):
        return
    if finding.expected or finding.received:
        yield from _wrapped(finding.expected or _EMPTY, f"{'':21}expected  ")
        yield from _wrapped(finding.received or _EMPTY, f"{'':21}received  ")
    # Most say what was expected and received again.
    if finding.verdict is Verdict.FAILED and not finding.detail.startswith("expected "):
        yield from _wrapped(finding.detail, " " * 21)
    if finding.hint and finding.hint not in hints:
        hints.add(finding.hint)
        yield from _wrapped(finding.hint, f"{'':21}-> ")


def _asserted(assertion: Assertion) -> Iterator[str]:
    label = "NameID (transient)" if assertion.transient else "NameID"
    rows = [(label, (assertion.name_id,)), *sorted(assertion.attributes.items())]
    width = max(len(visible(name)) for name, _ in rows)
    for name, values in rows:
        first = visible(name)
        for value in values or ("",):
            yield f"  {first:<{width}}  {visible(value) or '(empty)'}"
            first = ""


# -- what would happen --


def _consequences(decision: Decision) -> Iterator[str]:
    if decision.user is None:
        yield f"\nRefused: {decision.code}"
        if decision.detail:
            yield from _wrapped(decision.detail, "  ")
    else:
        yield from _groups(decision.groups)
    yield from _links(decision)
    if decision.user is None and any(written.after is not None for written in decision.written):
        yield "\nWritten before it was refused"
        for written in decision.written:
            if written.after is not None:
                yield visible(f"  {written.what} user {written.user_id} ({written.after.username})")
    if decision.shown is not None:
        yield from _page(decision.shown)


def _who(decision: Decision, user: User) -> str:
    if decision.outcome == "created":
        return f"Signed in: a new user, made by {decision.resolver} (managed by {user.managed_by})"
    known = "" if decision.before is not None else ", whom the directory doesn't know"
    done = {"updated": "updated", "unchanged": "left as is"}.get(decision.outcome, decision.outcome)
    return (
        f"Signed in: user {user.id} ({user.username}){known}, found by {decision.resolver}"
        f" and {done} (managed by {user.managed_by})"
    )


def _rows(decision: Decision) -> Iterator[Row]:
    for one in decision.fields:
        unchanged = one.now == one.then and one.now
        then = "=" if unchanged else one.then or _EMPTY
        cells = (one.name, one.now or _EMPTY, then, one.origin, one.left)
        yield dict(zip(_COLUMNS, cells, strict=True))


def _groups(groups: GroupChanges) -> Iterator[str]:
    origin = f" (from {groups.origin})" if groups.origin else ""
    yield f"\nGroups{visible(origin)}"
    rows = [("joins", group) for group in groups.joins]
    rows += [("leaves", group) for group in groups.leaves]
    rows += [("stays", group) for group in groups.stays]
    rows += [("left out", f"{group}: {why}") for group, why in groups.left.items()]
    if not rows:
        yield "  none"
    for what, group in rows:
        yield f"  {what:<8}  {visible(group)}"


def _links(decision: Decision) -> Iterator[str]:
    made = [written.link for written in decision.written if written.link is not None]
    if decision.pinned or made:
        yield "\nLinks"
    if decision.pinned:
        yield visible(f"  is pinned to    {decision.pinned}")
    for idp, subject in made:
        yield visible(f"  gets pinned to  {subject} of {idp}")


def _page(shown: Shown) -> Iterator[str]:
    yield f"\nThe person would read (HTTP {shown.status})"
    for text in (shown.title, shown.text, shown.explanation, shown.advice):
        if text:
            yield from _wrapped(text, "  ")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        visible(text),
        width=_WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_long_words=False,
        break_on_hyphens=False,
    )
