"""A synchronisation from a real OpenLDAP into SQLite, against the reading alone.

The goals: a first one takes at most twice as long as the reading, a second one that finds nothing new at
most 1.3 times. ``BENCHMARK_PEOPLE`` says how many people there are (20,000).
"""

from __future__ import annotations

import itertools
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from importlib.util import find_spec
from typing import Final

from saml_wsgi import database
from saml_wsgi.sync.run import Synchronisation
from tests.benchmarks import ldap
from tests.benchmarks.harness import Benchmark, Case, Missing
from tests.real import openldap
from tests.real.openldap import OpenLDAP

_COUNT: Final = int(os.environ.get("BENCHMARK_PEOPLE", "20000"))
_READ: Final = "the reading alone, decoded"


def benchmarks() -> Iterator[Benchmark]:
    name = f"sync, {_COUNT:,} people"
    lacking = openldap.missing() or ("" if find_spec("trustme") else "PyPI package trustme")
    if lacking:
        yield Benchmark(name, _READ, (Missing(_READ, f"needs {lacking}"),))
        return
    with ExitStack() as ending:
        folder = ending.enter_context(tempfile.TemporaryDirectory())
        server = OpenLDAP(ldap.tree(_COUNT), "127.31.0.11")
        ending.callback(server.remove)
        server.start()
        source = ldap.source(server)
        ending.enter_context(closing(source.client))
        numbers = itertools.count()

        def fresh() -> Synchronisation:
            url = f"sqlite:///{folder}/{next(numbers)}.db"
            database.create(url)
            ending.callback(database.disconnect, url)
            return Synchronisation(source, "corp", url)

        known = fresh()
        made = _done(known.run)
        cases = (
            Case(_READ, lambda: _read(source.client)),
            Case("a first synchronisation", lambda new: _done(new.run), fresh, "goal: at most 2"),
            Case(
                "a second one, which finds nothing new",
                lambda: _done(lambda: known.run(full=True)),
                note=f"goal: at most 1.3. {made}; most memory so far: "
                f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB",
            ),
        )
        yield Benchmark(name, _READ, cases)


def _read(client: ldap.Client) -> None:
    found = ldap.read(client)
    if found != _COUNT:
        raise AssertionError(found)


def _done(run: Callable[[], object]) -> str:
    """AssertionError unless it went well: what stops early is faster."""
    report = run()
    if getattr(report, "code", "") != "done":
        raise AssertionError(report)
    return str(getattr(report, "counts", ""))
