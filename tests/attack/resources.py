"""Messages that want to hang, bloat or crash a worker. Each runs in a process of its own, with limits.

``python -m tests.attack.resources FOLDER [UNSOLICITED]`` runs them all and writes what came of each as a
line of JSON. Where unsolicited messages are accepted, they come from a browser that never asked for one.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from saml_wsgi.testing.transports import Sent, call, environ_for
from tests.attack.scene import ACS, Scene, Service

#: Whoever needs more than this of either has hung.
_PATIENCE = 2.0
_ADDRESS_SPACE = 1 << 30

Change = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One attack: what is sent in place of a plain POST with a valid pending cookie.

    Attributes:
        attack: Makes what differs in the environ; it is given the scene and the trap.
        status: How it is answered.
        code: The reason in the log; empty: none.
        key: Whether the service has a key to decrypt with.
    """

    name: str
    attack: Callable[[Scene, Trap], Change]
    status: int
    code: str = ""
    key: bool = False


@dataclass
class Outcome:
    """What came of an attack; seconds of CPU, bytes of memory."""

    name: str
    status: int = 0
    code: str = ""
    cpu: float = 0.0
    memory: int = 0
    connected: bool = False


class Trap:
    """What a message must not reach: opening the FIFO hangs, and the listener notices a connection."""

    def __init__(self, folder: Path) -> None:
        self.fifo = str(folder / "fifo")
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self.fifo)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    @property
    def sprung(self) -> bool:
        try:
            self._listener.accept()
        except BlockingIOError:
            return False
        return True


def form(body: bytes) -> Change:
    """This body, with an honest length."""
    return {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}


def run(cases: list[Case], folder: Path, unsolicited: str = "restart") -> Iterator[Outcome]:
    """Run each case in a process of its own. What had to be killed has the status 0."""
    services = {
        key: Service(folder / str(key), with_key=key, idp__unsolicited=unsolicited) for key in (False, True)
    }
    trap = Trap(folder)
    for case in cases:
        scene = services[case.key].scene()
        change = case.attack(scene, trap)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _limit()
            outcome = _attack(case, scene, change, asked=unsolicited != "accept")
            os.write(writing, json.dumps(asdict(outcome)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        outcome = Outcome(**json.loads(said)) if said else Outcome(case.name)
        outcome.connected = trap.sprung
        yield outcome


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _attack(case: Case, scene: Scene, change: Change, *, asked: bool) -> Outcome:
    # Whatever is loaded or prepared at the first use must not count.
    other = Scene(scene.service)
    other.post(other.answer())
    _send(other, form(b"SAMLResponse=AAAA"), asked=asked)
    scene.log.clear()
    # What hangs in C can't be interrupted, only ended.
    signal.setitimer(signal.ITIMER_REAL, 4 * _PATIENCE)
    signal.setitimer(signal.ITIMER_PROF, _PATIENCE)
    memory, cpu = _peak(), time.thread_time()
    status = _send(scene, change, asked=asked)
    cpu, memory = time.thread_time() - cpu, _peak() - memory
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.setitimer(signal.ITIMER_PROF, 0)
    return Outcome(case.name, status, scene.code, cpu, memory)


def _send(scene: Scene, change: Change, *, asked: bool) -> int:
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    if asked:
        cookies = scene.browser.cookies.header(ACS, method="POST", initiator="https://sso.example.test/")
        headers.append(("Cookie", cookies))
    environ = environ_for(Sent("POST", ACS, tuple(headers)))
    environ.update(change)
    return call(scene.service.app, environ).status


def _peak() -> int:
    kibibytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kibibytes


def main(folder: Path, unsolicited: str = "restart") -> None:
    from tests.attack.resource_bodies import BODIES, MESSAGES, REQUESTS
    from tests.attack.resource_cases import ENCRYPTED, SIGNED

    for outcome in run([*SIGNED, *ENCRYPTED, *MESSAGES, *BODIES, *REQUESTS], folder, unsolicited):
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
