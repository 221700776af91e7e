"""The demonstration as a whole: an application, an identity provider, and a folder for both."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from saml_wsgi import database, examination, synchronising, wiring
from saml_wsgi.config.settings import read
from saml_wsgi.demo import openldap
from saml_wsgi.demo.folder import Folder
from saml_wsgi.demo.listening import listen, port_of
from saml_wsgi.errors import ConfigurationError, Problem, Problems
from saml_wsgi.sync.report import Report
from saml_wsgi.testing.idp import JumpCloudIdP
from saml_wsgi.testing.knobs import App
from saml_wsgi.testing.metadata import uploaded
from saml_wsgi.testing.people import PEOPLE

#: What the administrator of the identity provider maps, beside the groups as ``memberOf``.
_ATTRIBUTES: Final = ("email", "username", "firstname", "lastname", "displayname", "employee_identifier")
_APP: Final = "demo"
_SOURCE: Final = "people"
#: In seconds.
_LOOK: Final = 0.5
_SSO_PORT: Final = re.compile(rf':(\d{{1,5}})/saml2/{_APP}"')


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What runs.

    Attributes:
        base_url: The application, as its ini says; no slash at the end.
        idp: The identity provider, served at its ``base_url``.
        app: What the identity provider knows of the application.
        folder: Where everything is kept.
        report: What the synchronisation with the directory did before it began; None: there is no directory.
    """

    base_url: str
    idp: JumpCloudIdP
    app: App
    folder: Folder
    report: Report | None = None


@contextmanager
def running(
    path: Path, port: int | None = None, idp_port: int | None = None, *, resolver: str | None = None
) -> Iterator[Demonstration]:
    """Serve the application and the identity provider until the end of the ``with`` statement.

    Args:
        path: The folder; made if it isn't there, reused with the user's edits if it is.
        port: The application's; by default what the ini says, or a free one for a new ini.
        idp_port: The identity provider's; by default the one of the last time if it is free.
        resolver: ``ldap``, where people come from a directory, or ``jit``; None: what the folder has, or
            ``jit`` for a new one.

    Raises:
        ConfigurationError: Why it can't start, and what to do.
    """
    if find_spec("waitress") is None:
        raise ConfigurationError(
            Problem(
                "saml-wsgi demo",
                "it serves with waitress, which isn't installed.",
                "Run: pip install 'saml_wsgi[demo]'",
            )
        )
    from saml_wsgi.demo.serving import Servers

    folder = Folder(path.absolute())
    folder.refuse_unsuitable()
    if resolver == "ldap":
        openldap.required()
    _refuse_other(folder, resolver)
    with ExitStack() as stack:
        place, doors = _application_place(folder, port, stack, ldap=resolver == "ldap")
        stack.enter_context(openldap.serving(folder, PEOPLE))
        idp_doors = _idp_place(folder, place.hostname or "", idp_port, stack)
        idp, app = _identity_provider(folder, _url(place.hostname or "", port_of(idp_doors)))
        application = folder.application()
        for url in _databases(folder):
            # At the end: the folder may be about to be removed.
            stack.callback(database.disconnect, url)
        report = _synchronised(folder)
        servers = stack.enter_context(Servers())
        servers.add(application, doors, place.path)
        servers.add(idp, idp_doors)
        servers.start()
        yield Demonstration(place.geturl().rstrip("/"), idp, app, folder, report)


@contextmanager
def until_stopped() -> Iterator[Callable[[], None]]:
    """What waits for SIGINT (Ctrl-C) or SIGTERM, when called; a second one ends the process as usual.

    In the main thread only, since signals are its business.
    """
    # Not an Event: its lock isn't reentrant, and the handler may interrupt the very wait() that holds it.
    # SimpleQueue.put() may interrupt a get() (the standard library says so), and nothing is lost.
    arrived: SimpleQueue[int] = SimpleQueue()
    before: dict[signal.Signals, Any] = {}

    def stop(number: int, _frame: object) -> None:
        arrived.put(number)
        signal.signal(number, before[signal.Signals(number)] or signal.SIG_DFL)

    def wait() -> None:
        # Windows wakes nobody up who waits without an end.
        while True:
            with suppress(Empty):
                arrived.get(timeout=_LOOK)
                return

    for wanted in (signal.SIGINT, signal.SIGTERM):
        before[wanted] = signal.getsignal(wanted)
        signal.signal(wanted, stop)
    try:
        yield wait
    finally:
        for wanted, handler in before.items():
            signal.signal(wanted, handler or signal.SIG_DFL)


# -- where --


def _application_place(
    folder: Folder, port: int | None, stack: ExitStack, *, ldap: bool
) -> tuple[SplitResult, tuple[socket.socket, ...]]:
    """Where the ini says that the application is; for a new ini, a place that is free."""
    if not folder.ini.exists():
        doors = _listen("localhost", port or 0, stack, "--port", "Name another one, or none for a free one.")
        place = urlsplit(_url("localhost", port_of(doors)))
        folder.furnish(place.geturl(), f"ldap://127.0.0.1:{openldap.free_port()}" if ldap else None)
        return place, doors
    folder.furnish("")
    place = _base_url(folder)
    wanted = place.port or 80
    if port not in (None, wanted):
        raise ConfigurationError(
            Problem(
                "--port",
                f"base_url in {folder.ini} says port {wanted}, not {port}.",
                "Leave --port out, or change it in base_url.",
            )
        )
    doors = _listen(
        place.hostname or "",
        wanted,
        stack,
        "base_url",
        f"End the program that uses it (another demonstration?), or write another port in {folder.ini}, "
        "or name another folder: --folder",
    )
    return place, doors


def _base_url(folder: Folder) -> SplitResult:
    options = folder.options()
    # Everything that the identity provider has to know is checked, base_url among it.
    examination.metadata(options, here=str(folder.path))
    place = urlsplit(options["base_url"].strip())
    if place.scheme != "http":
        raise ConfigurationError(
            Problem(
                "base_url",
                f"{place.geturl()} is https, and the demonstration only serves http.",
                f"Write http://localhost:8080, for example, in {folder.ini}.",
            )
        )
    return place


def _idp_place(folder: Folder, host: str, port: int | None, stack: ExitStack) -> tuple[socket.socket, ...]:
    """At the application's host, at another port."""
    cure = "Name another one, or none for a free one."
    if port is not None:
        return _listen(host, port, stack, "--idp-port", cure)
    # What stands in a browser's history goes on to work, if that can be had.
    last = _SSO_PORT.search(folder.exported())
    try:
        return _listen(host, int(last[1]) if last else 0, stack, "--idp-port", cure)
    except ConfigurationError:
        return _listen(host, 0, stack, "--idp-port", cure)


def _listen(host: str, port: int, stack: ExitStack, key: str, cure: str) -> tuple[socket.socket, ...]:
    try:
        doors = listen(host, port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            Problem(key, f"nothing can be served at {_url(host, port)}: {reason}.", cure)
        ) from error
    for door in doors:
        stack.callback(door.close)
    return doors


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


# -- what --


def _identity_provider(folder: Folder, origin: str) -> tuple[JumpCloudIdP, App]:
    """An identity provider that was given the application's metadata, and that exported its own."""
    ours = examination.metadata(folder.options(), here=str(folder.path))
    app = uploaded(
        _APP,
        ours,
        label="Demonstration",
        attributes=tuple((name, name) for name in _ATTRIBUTES),
        group_attribute="memberOf",
    )
    idp = JumpCloudIdP(origin, apps=[app], people=PEOPLE, key=folder.signing_key())
    folder.export(idp.metadata(app))
    return idp, app


def _has_directory(folder: Folder) -> bool:
    return f"source.{_SOURCE}.use" in folder.options()


def _refuse_other(folder: Folder, resolver: str | None) -> None:
    """Two answers to one question: one of them would be ignored."""
    if resolver is None or not folder.ini.exists() or _has_directory(folder) is (resolver == "ldap"):
        return
    where = "from a directory" if resolver == "jit" else "from no directory"
    raise ConfigurationError(
        Problem(
            f"--resolver {resolver}",
            f"{folder.ini} is there already, and in it people come {where}.",
            "Leave --resolver out, or name another folder: --folder",
        )
    )


def _synchronised(folder: Folder) -> Report | None:
    """Everybody in the directory becomes a user, as ``saml-wsgi sync`` does it."""
    if not _has_directory(folder):
        return None
    parts = wiring.start(folder.options(), here=str(folder.path), log_warnings=False)
    return synchronising.synchronisation(parts).run(full=True)


def _databases(folder: Folder) -> set[str]:
    """What the application has opened."""
    settings = read(folder.options(), here=str(folder.path), problems=Problems())
    urls = {settings.store.url, settings.directory.url} if settings else set()
    return {url for url in urls if url not in {None, "memory:"}}
