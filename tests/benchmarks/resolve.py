"""What it costs to find out who somebody is: resolvers on SQLite, and a match among a million users.

The reference of each comparison is what can't be undercut: the same two SELECTs by ``sqlite3`` alone, or
the same question to a small directory. The goals: a resolver adds less than 300 us to a sign-in that
changes nothing; a match among 1,000,000 users takes at most 1.5 times as long as one among 1,000.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from saml_wsgi import database, wiring
from saml_wsgi.model import Assertion, Resolution
from saml_wsgi.testing.idp import JumpCloudIdP
from saml_wsgi.testing.knobs import App
from tests.benchmarks.harness import Benchmark, Case
from tests.benchmarks.subject import SECRET, WIKI

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_ALONE: Final = "the two SELECTs by sqlite3 alone"
_SMALL, _LARGE = 1_000, 1_000_000

#: Everything that reads text: patterns, a map, a managed set, who may sign in.
_ELABORATE: Final = {
    "attributes.username.cut_domain": "yes",
    "attributes.username.replace": "^ext- -> x.\n_ -> .",
    "attributes.email.lower": "yes",
    "attributes.display_name.format": "{firstname} {lastname}",
    "groups.map": "\n".join(
        [
            *(f"group number {number:04} -> group number {number:04}" for number in range(0, 200, 2)),
            "/(group number .*)/ -> \\1",
        ]
    ),
    "groups.managed": "\ngroup *",
    "allow.groups": "\ngroup number 0000",
    "allow.domains": "example.test",
}


def benchmarks() -> Iterator[Benchmark]:
    with tempfile.TemporaryDirectory(prefix="saml_wsgi-resolve-") as folder:
        yield from _resolvers(Path(folder))
        yield from _sizes(Path(folder))


def assertion(number: int, *, groups: int = 3, last_name: str = "Lindqvist") -> Assertion:
    """What is asserted of the person of that number."""
    return Assertion(
        idp="JumpCloud",
        issuer="JumpCloud",
        id=f"_{number}",
        name_id=f"user{number:07}@example.test",
        name_id_format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        attributes={
            "username": (f"user{number:07}",),
            "email": (f"user{number:07}@example.test",),
            "firstname": ("Mara",),
            "lastname": (last_name,),
            "displayname": ("Mara Lindqvist",),
            "employeeNumber": (f"E{number:07}",),
            "memberOf": tuple(f"group number {index:04}" for index in range(groups)),
        },
        session_index="_1",
        authn_instant=0,
        session_not_on_or_after=None,
        expires=2**31,
    )


def parts(file: Path, options: Mapping[str, str] = _NOTHING) -> wiring.Parts:
    """Everything that a middleware is made of, with users in that file."""
    idp = JumpCloudIdP("https://sso.example.test", apps=[App.for_service("wiki", WIKI)])
    usual = {
        "base_url": WIKI,
        "idp.metadata": idp.metadata("wiki"),
        "session.secret": SECRET,
        "store.url": f"sqlite:///{file}",
        "attributes.username": "username",
    }
    return wiring.start({**usual, **options}, here=str(file.parent))


def _signs_in(made: wiring.Parts, said: Assertion) -> Callable[[], object]:
    """A sign-in that is known to change nothing."""
    resolve = made.chain.resolve
    resolve(said)
    outcome_of(resolve(said), "unchanged")
    return lambda: resolve(said)


def outcome_of(found: object, outcome: str) -> None:
    """AssertionError, unless somebody was signed in with that outcome: what fails is fast."""
    if getattr(found, "outcome", "") != outcome:
        raise AssertionError(found)


def _resolvers(folder: Path) -> Iterator[Benchmark]:
    for groups in (3, 200):
        said = assertion(1, groups=groups)
        file = folder / f"{groups}.db"
        plain = parts(file)
        unchanged = _signs_in(plain, said)
        elaborate = parts(folder / f"{groups}-elaborate.db", _ELABORATE)
        yield Benchmark(
            f"resolve, {groups} groups",
            _ALONE,
            (
                Case(_ALONE, _alone(file)),
                Case("jit, nothing changed", unchanged, note="goal: less than 300 us"),
                Case("existing", _signs_in(parts(file, {"resolvers": "existing"}), said)),
                Case(
                    "existing, then jit (which isn't asked)",
                    _signs_in(parts(file, {"resolvers": "existing jit"}), said),
                ),
                Case("jit, nothing changed, no links", _signs_in(parts(file, {"link.source": "off"}), said)),
                Case("jit, nothing changed, every option", _signs_in(elaborate, said)),
                Case("jit, another last name each time", _changing(plain, groups)),
            ),
        )


def _changing(made: wiring.Parts, groups: int) -> Callable[[], object]:
    """A sign-in that writes: each says another last name than the one before."""
    resolve = made.chain.resolve
    said = itertools.cycle([assertion(2, groups=groups, last_name=name) for name in ("Berg", "Holm")])
    resolve(next(said))
    outcome_of(resolve(next(said)), "updated")
    return lambda: resolve(next(said))


def _alone(file: Path) -> Callable[[], object]:
    """What SQLite itself needs for the user with their groups, and for the link."""
    connection = sqlite3.connect(file)
    ((subject,),) = connection.execute("SELECT subject FROM saml_wsgi_links LIMIT 1").fetchall()

    def run() -> tuple[list[Any], list[Any]]:
        user = connection.execute(
            "SELECT u.*, g.name FROM saml_wsgi_users u LEFT JOIN saml_wsgi_groups g ON g.user_id = u.id"
            " WHERE u.username_key = ?",
            ("user0000001",),
        ).fetchall()
        link = connection.execute(
            "SELECT user_id FROM saml_wsgi_links WHERE idp = ? AND subject = ?", ("JumpCloud", subject)
        ).fetchall()
        return user, link

    user, link = run()
    if not user or not link:
        raise AssertionError("nobody is there")
    return run


def _sizes(folder: Path) -> Iterator[Benchmark]:
    """The same questions to a small directory and to a large one, about somebody else each time."""
    choose = random.Random(4)
    made = {}
    for size in (_SMALL, _LARGE):
        file = folder / f"{size}.db"
        fill(file, size)
        made[size] = parts(file)
    asked = {
        "username": lambda number: f"user{number:07}",
        "email": lambda number: f"user{number:07}@example.test",
        "employee_id": lambda number: f"E{number:07}",
    }
    for field, value in asked.items():
        yield _compared(
            f"resolve, find by {field}",
            lambda size, field=field: lambda text: made[size].directory.find(field, text),
            lambda size, value=value: lambda: value(choose.randrange(size)),
        )
    yield _compared(
        "resolve, a sign-in that changes nothing",
        lambda size: made[size].chain.resolve,
        lambda size: lambda: assertion(choose.randrange(size)),
    )
    yield _compared(
        "resolve, a user who isn't there",
        lambda size: lambda text: made[size].directory.find("username", text),
        lambda size: lambda: f"nobody{choose.randrange(size):07}",
        found=False,
    )


def _compared(
    name: str,
    ask: Callable[[int], Callable[[Any], object]],
    about: Callable[[int], Callable[[], object]],
    *,
    found: bool = True,
) -> Benchmark:
    cases = []
    for size in (_SMALL, _LARGE):
        run, fresh = ask(size), about(size)
        answer = run(fresh())
        right = answer.outcome == "unchanged" if isinstance(answer, Resolution) else bool(answer) == found
        if not right:
            raise AssertionError(f"{name}, {size}: {answer}")
        note = "" if size == _SMALL else "goal: a ratio of at most 1.5"
        cases.append(Case(f"among {size:,} users", run, fresh, note=note))
    return Benchmark(name, cases[0].name, tuple(cases))


def fill(file: Path, size: int) -> None:
    """Make a directory with so many users, each with a link and in three groups, all as asserted."""
    url = f"sqlite:///{file}"
    database.create(url)
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {size - 1})"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.execute("BEGIN")
        connection.execute(
            f"""{numbers} INSERT INTO saml_wsgi_users
            (id, username, username_key, email, email_key, first_name, last_name, display_name, employee_id,
             active, managed_by, created, updated, seen)
            SELECT printf('%032x', i), printf('user%07d', i), printf('user%07d', i),
             printf('user%07d@example.test', i), printf('user%07d@example.test', i),
             'Mara', 'Lindqvist', 'Mara Lindqvist', printf('E%07d', i), 1, 'jit:JumpCloud', 0, 0,
             unixepoch() FROM n"""
        )
        connection.execute(
            f"""{numbers} INSERT INTO saml_wsgi_links (idp, subject, user_id, created)
            SELECT 'JumpCloud', printf('NameID:user%07d@example.test', i), printf('%032x', i), 0 FROM n"""
        )
        connection.execute(
            f"""{numbers} INSERT INTO saml_wsgi_groups (user_id, name, name_key)
            SELECT printf('%032x', i), name, name FROM n,
             (SELECT 'group number 0000' AS name UNION ALL SELECT 'group number 0001'
              UNION ALL SELECT 'group number 0002')"""
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA optimize")
