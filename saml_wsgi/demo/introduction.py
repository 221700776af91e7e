"""What the terminal says: where things are, who can sign in, what to try."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from saml_wsgi.demo.application import DEEP_LINK
from saml_wsgi.demo.running import Demonstration
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

What happens is told below. Ctrl-C ends it.
"""


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
    here = Path.cwd()
    shown = str(ini.relative_to(here) if ini.is_relative_to(here) else ini)
    return " ".join(f'"{word}"' if " " in word else word for word in (program, name, shown))
