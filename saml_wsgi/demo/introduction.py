"""What the terminal says: where things are, who can sign in, what to try."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from saml_wsgi.demo.application import DEEP_LINK
from saml_wsgi.demo.running import Demonstration
from saml_wsgi.demo.tree import ADMIN, person_dn
from saml_wsgi.testing.people import Person

_STATES = {
    "active": "",
    "suspended": "suspended: turned away by the identity provider",
    "unassigned": "has an account, but wasn't given this application",
}


def introduction(demonstration: Demonstration, program: str) -> str:
    """The text, with a line feed at its end. ``program`` is what to write for ``saml-wsgi``."""
    base, idp, ini = demonstration.base_url, demonstration.idp, demonstration.folder.ini
    return f"""\
The application          {base}/
The identity provider    {idp.base_url}/
                         behaves like JumpCloud and is not JumpCloud
The configuration        {ini}
                         edit it, then start again
{_directory(demonstration)}
Who has an account
{_people(idp.people)}
What to try
  - Open {base}{DEEP_LINK}
    After the sign-in you are there, with the query.
  - Reload, go back, sign in in two tabs at once.
  - Sign out, then sign in again: the identity provider still knows you. Sign out there, too.
  - Begin at the identity provider: open {idp.base_url}/
    and choose the tile "{demonstration.app.title}".
  - Sign in as somebody who is suspended, or with a wrong password.
  - Ask as a program does, then as somebody who claims to be somebody:
      curl -i {base}/api/me
      curl -i -H 'Remote-User: admin' -H 'X-Remote-User: admin' {base}/api/me
  - See what JumpCloud would want to know, and what is checked before a start:
      {_command(program, "metadata", ini)}
      {_command(program, "check", ini)}
{_changing(demonstration, program)}
What happens is told below. Ctrl-C ends it.
"""


def _directory(demonstration: Demonstration) -> str:
    """The directory of people, and what became of it, if there is one."""
    report = demonstration.report
    if report is None:
        return ""
    if not report.done:
        said = f"NOT synchronised ({report.code}): {report.detail}\n                         {report.cure}"
    else:
        counts = report.counts
        said = (
            f"synchronised: {counts.get('read', 0)} people read, {counts.get('created', 0)} new users, "
            f"{counts.get('deactivated', 0)} switched off"
        )
    return f"The directory of people  {_url(demonstration)}\n                         {said}\n"


def _changing(demonstration: Demonstration, program: str) -> str:
    """What can be tried with a directory of our own."""
    if demonstration.report is None:
        return ""
    folder, url = demonstration.folder, _url(demonstration)
    mara = person_dn(demonstration.idp.people[0])
    first = demonstration.idp.people[0].username
    return f"""\
  - Switch {first} off in the directory (ldapmodify comes with OpenLDAP's tools), synchronise, and reload the
    page after half a minute:
      ldapmodify -x -H {url} -D {ADMIN} -y {_shown(folder.password)} <<.
      dn: {mara}
      changetype: modify
      replace: shadowExpire
      shadowExpire: 1
      .
      {_command(program, "sync", folder.ini)}
    Switch {first} on again with "delete: shadowExpire" in place of the last two lines.
  - See what a synchronisation would do, what the last ones did, and whom it brought:
      {_command(program, "sync", folder.ini)} --dry-run
      {_command(program, "sync", folder.ini)} --history
      {_command(program, "users list", folder.ini)}
"""


def _url(demonstration: Demonstration) -> str:
    return demonstration.folder.options().get("source.people.servers", "").strip()


def _people(people: tuple[Person, ...]) -> str:
    return "".join(f"{line}\n" for line in _lines(people))


def _lines(people: tuple[Person, ...]) -> Iterator[str]:
    name = max(len(person.username) for person in people)
    password = max(len(person.password) for person in people)
    yield f"  {'name':<{name}}  {'password':<{password}}"
    for person in people:
        # Last, since nobody knows how wide a terminal shows 由紀.
        more = _STATES.get(person.state, person.state)
        about = f"{person.displayname} ({more})" if more else person.displayname
        yield f"  {person.username:<{name}}  {person.password:<{password}}  {about}"


def _command(program: str, name: str, ini: Path) -> str:
    """As it can be copied into the terminal that shows it."""
    return f"{_quoted(program)} {name} {_shown(ini)}"


def _shown(path: Path) -> str:
    here = Path.cwd()
    return _quoted(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word
