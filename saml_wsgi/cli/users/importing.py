"""``saml-wsgi users import``: a table of users, made and brought up to date."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import click

from saml_wsgi.cli.listing import visible
from saml_wsgi.cli.opening import INI, opened, sentence
from saml_wsgi.cli.people import LOCAL, ambiguous, directory, end_sessions, merged, twins
from saml_wsgi.cli.report import count
from saml_wsgi.cli.users import table
from saml_wsgi.errors import DirectoryConflict, Refused, Unavailable
from saml_wsgi.interfaces import AdministeredDirectory, Directory
from saml_wsgi.model import FIELDS, Changes, Profile, User
from saml_wsgi.names import key

if TYPE_CHECKING:
    from saml_wsgi.wiring import Parts


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about one line.

    Attributes:
        user: Who is there already; None: to be made.
        changes: What is to be written to that user.
    """

    line: table.Line
    user: User | None
    changes: Changes

    @property
    def kind(self) -> str:
        return "create" if self.user is None else "change" if self.changes else "leave"

    def __str__(self) -> str:
        named = ", ".join(self.changes.values) if self.user is not None else ""
        name = visible(self.line.username)
        return f"line {self.line.number}: {self.kind} {name}" + (f": {named}" if named else "")


@click.command("import", short_help="Make and change users from a CSV file.")
@INI
@click.argument("file", metavar="FILE.csv", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Only say what would be made and changed.")
def import_(ini: str, file: IO[bytes], dry_run: bool) -> None:
    """Make users, and bring them up to date, from a CSV file (- is the standard input).

    The first line names the columns: username, and any of email, first_name, last_name, display_name,
    employee_id, groups and active. Several groups in one cell are separated by semicolons. Users are found
    by their username. What there is no column for stays as it is; an empty cell clears the field, or all
    groups; an empty cell below active says nothing. Whoever isn't in the file is left alone.

    The file is UTF-8, with commas, semicolons or tabs between the cells, for example what `users list --csv`
    prints. An apostrophe in front of a formula (=, +, -, @) isn't part of the text.

    Everything is checked before anything is written. If writing stops halfway, what was written stays: run
    it again.
    """
    with opened(ini) as parts:
        people = directory(parts, "create", "update")
        read = table.read(file.read())
        if read.passed_over and not read.problems:
            click.echo(f"Passed over, since it can't be written: {', '.join(read.passed_over)}.", err=True)
        steps = [] if read.problems else list(_plan(people, read))
        if read.problems:
            for number, text in sorted(read.problems, key=lambda problem: problem[0]):
                click.echo(f"line {number}: {text}", err=True)
            raise click.ClickException(f"{count(len(read.problems), 'problem')}; nothing was written.")
        _warn(steps)
        if parts.settings.match != "username":
            _warn_of_twins(people, parts.settings.match, steps)
        if dry_run:
            for step in steps:
                if step.kind != "leave":
                    click.echo(str(step))
            kinds = Counter(step.kind for step in steps)
            click.echo(f"Would be: {kinds['create']} made, {kinds['change']} changed, {kinds['leave']} left.")
            return
        if not _write(parts, people, steps):
            sys.exit(1)


def _plan(people: Directory, read: table.Table) -> Iterator[Step]:
    """What each line comes to; a user who can't be told from another is one more problem."""
    for line in read.lines:
        found = people.find("username", line.username)
        if len(found) > 1:
            ids = ", ".join(user.id for user in found)
            text = f"there are {len(found)} users {visible(line.username)} (ids: {ids})."
            read.problems.append((line.number, text))
            continue
        user = found[0] if found else None
        yield Step(line, user, Changes(_changed(line, user)) if user else Changes())


def _changed(line: table.Line, user: User) -> dict[str, Any]:
    # The username found the user: another spelling of it is no change.
    wanted: dict[str, Any] = {name: value for name, value in line.fields.items() if name != "username"}
    if line.groups is not None and set(map(key, line.groups)) != set(map(key, user.groups)):
        wanted["groups"] = merged(user.groups, line.groups)
    if line.active is not None:
        wanted["active"] = line.active
    return {name: value for name, value in wanted.items() if getattr(user, name) != value}


def _warn(steps: Sequence[Step]) -> None:
    others = Counter(
        step.user.managed_by
        for step in steps
        if step.user is not None and step.changes and step.user.managed_by != LOCAL
    )
    for who, number in sorted(others.items()):
        click.echo(
            f"Warning: {count(number, 'user')} to change, managed by {visible(who)}: the next sign-in or "
            "synchronisation may change what is written here.",
            err=True,
        )


def _warn_of_twins(people: Directory, match: str, steps: Sequence[Step]) -> None:
    """Tell who couldn't sign in afterwards, since another one has the value that a sign-in looks for."""
    first: dict[str, int] = {}
    for step in steps:
        line, value = step.line, step.line.fields.get(match)
        if not value:
            continue
        earlier = first.setdefault(key(value) if match == "email" else value, line.number)
        others = twins(people, match, value, step.user.id if step.user is not None else None)
        if earlier != line.number:
            others.insert(0, f"line {earlier}")
        if others:
            click.echo(f"Warning: line {line.number}: {ambiguous(match, others)}", err=True)


def _write(parts: Parts, people: AdministeredDirectory, steps: Sequence[Step]) -> bool:
    """Write them all; one that can't be written is told, and the others are all the same."""
    done: Counter[str] = Counter()
    failed = 0
    todo = [step for step in steps if step.kind != "leave"]
    with _progress(todo) as bar:
        for step in bar:
            try:
                _carry_out(parts, people, step)
            except (Refused, DirectoryConflict) as error:
                click.echo(f"line {step.line.number}: {sentence(error)}", err=True)
                failed += 1
            except Unavailable as error:
                click.echo(f"Stopped at line {step.line.number}. {sentence(error)}", err=True)
                failed += 1
                break
            else:
                done[step.kind] += 1
    left = len(steps) - len(todo)
    click.echo(f"{done['create']} made, {done['change']} changed, {left} left.")
    if failed:
        click.echo(f"{count(failed, 'line')} couldn't be written.", err=True)
    return not failed


def _progress(todo: Sequence[Step]) -> AbstractContextManager[Iterable[Step]]:
    """The steps, with a bar for a person who waits for them."""
    if not sys.stderr.isatty():
        return nullcontext(todo)
    return click.progressbar(todo, label="Writing", file=sys.stderr)


def _carry_out(parts: Parts, people: AdministeredDirectory, step: Step) -> None:
    user, line = step.user, step.line
    if user is None:
        named: dict[str, Any] = {name: line.fields[name] for name in FIELDS if name in line.fields}
        made = people.create(Profile(groups=merged((), line.groups or ()), **named), managed_by=LOCAL)
        if line.active is False:
            people.update(made, Changes({"active": False}))
        return
    people.update(user, step.changes)
    if line.active is False:
        click.echo(f"line {line.number}: {visible(user.username)} is disabled, {end_sessions(parts, user)}.")
