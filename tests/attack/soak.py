"""Thousands of hostile messages, one after the other, at one process: what does it keep of them?

``python -m tests.attack.soak FOLDER COUNT [KIND]`` writes what came of them as a line of JSON: of all kinds,
or of names that no message had before. One process makes the messages and another takes them, so that what
it costs to make them isn't counted.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import os
import random
import resource
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote_from_bytes

from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.transports import Sent, call, environ_for
from tests.attack.encrypting import Recipe, encrypted
from tests.attack.mutation import BYTES, mutate
from tests.attack.resource_bodies import BODIES, MESSAGES, RESPONSE
from tests.attack.resource_cases import ENCRYPTED, SIGNED
from tests.attack.resources import Trap, form
from tests.attack.scene import ACS, SSO, Scene, Service

#: After so many everything is loaded, prepared and pooled; from then on nothing may grow.
WARM = 1_000
_ADDRESS_SPACE = 1 << 30
#: What is posted in one run is at most so long on average, or the run takes minutes.
_LONG = 60_000

Maker = Callable[[random.Random], bytes]


@dataclass
class Held:
    """What a process has in its hands: bytes of memory that are resident, and numbers of the rest."""

    memory: int
    files: int
    threads: int
    objects: int
    records: int
    users: int


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        statuses: How many were answered how.
        codes: How many were refused for which reason, by the log.
        warm, end: What the process held after the first ``WARM`` messages, and after the last one.
        tracebacks: What no answer is made of: exceptions that nobody expected.
    """

    statuses: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    warm: Held | None = None
    end: Held | None = None
    tracebacks: list[str] = field(default_factory=list)


# -- making them ------------------------------------------------------------------------------------


def messages(scene: Scene, trap: Trap, kind: str, chance: random.Random) -> Iterator[bytes]:
    """Bodies without end, none of them twice, of which none may sign anybody in."""
    makers = list(_makers(scene, trap)) if kind == "all" else [(partial(_never_seen, scene, _LONG_NAMES), 1)]
    kinds, weights = zip(*makers, strict=True)
    seen: set[bytes] = set()
    while True:
        body = chance.choices(kinds, weights)[0](chance)
        digest = hashlib.sha256(body).digest()
        if digest not in seen:
            seen.add(digest)
            yield body


def _makers(scene: Scene, trap: Trap) -> Iterator[tuple[Maker, int]]:
    """Each kind of message, and its share."""
    evil = {"key": SigningKey.cached("attacker")}
    signs = ("response", "assertion", "both")
    forged = [
        scene.answer(sign=sign, **evil, **how).message for sign in signs for how in ({}, {"indented": True})
    ]
    sealed = [
        encrypted(scene, recipe, sign=sign, **evil).message for sign in signs[1:] for recipe in _RECIPES
    ]
    late = [
        scene.answer(sign=sign, **how).message
        for sign in signs
        for how in (
            {"now": scene.service.clock.time() - 9_000},
            {"acs_url": "https://other.example.test/acs"},
        )
    ]
    bodies = [
        change["wsgi.input"].getvalue()
        for case in (*SIGNED, *ENCRYPTED, *MESSAGES, *BODIES)
        if hasattr((change := case.attack(scene, trap)).get("wsgi.input"), "getvalue")
    ]
    # As much of the long as of the short ones would be minutes of one and the same.
    short = [body for body in bodies if len(body) < _LONG]
    long = [body for body in bodies if len(body) >= _LONG]
    yield (lambda chance: _posted(mutate(chance.choice(forged), chance.choice(late), chance))), 40
    yield (lambda chance: _posted(_numbered(chance.choice(sealed), chance))), 8
    yield (lambda chance: _posted(_numbered(chance.choice(late), chance))), 12
    yield (lambda chance: chance.choice(BYTES)(_posted(chance.choice(forged)), chance)), 8
    yield partial(_never_seen, scene, _NAMES), 16
    yield (lambda chance: chance.choice(short) + b"&n=%d" % chance.getrandbits(64)), 13
    yield (lambda chance: chance.choice(long) + b"&n=%d" % chance.getrandbits(64)), 3


_NAMES = (50, 500, 2_000)
_LONG_NAMES = (5_000, 45_000)
_RECIPES = (Recipe(), Recipe(content="cbc"), Recipe(spoil="tag"), Recipe(spoil="key"), Recipe(key="attacker"))


def _posted(message: bytes) -> bytes:
    return b"SAMLResponse=" + quote_from_bytes(base64.b64encode(message)).encode()


def _numbered(message: bytes, chance: random.Random) -> bytes:
    """The same message as no other: what follows the root says nothing."""
    return message + "".join(chance.choices(" \t\r\n", k=40)).encode()


def _never_seen(scene: Scene, sizes: tuple[int, ...], chance: random.Random) -> bytes:
    """Names, prefixes, namespaces and white space that no message had before: parsers keep such things."""
    size = chance.choice(sizes)
    fresh = f"n{chance.getrandbits(200):x}"
    name = (fresh * (size // len(fresh) + 1))[:size]
    blank = "".join(chance.choices(" \t\n", k=59))
    inside = chance.choice(
        (
            f"<{name}/>",
            f"<a {name}=''/>",
            f"<{fresh}:a xmlns:{fresh}='urn:{name}'/>",
            f"<a xmlns='urn:{name}'/>",
            f"<a xml:id='{name}'>{name}</a>",
            "".join(
                f"<a>{blank[place:]}{blank[:place]}<b/></a>{' ' * 60}" for place in range(min(59, size // 50))
            ),
            "".join(f"<{fresh}{number}/>{' ' * 40}" for number in range(size // 50)),
            f"<?{name}?>",
            f"&{name};",
        )
    )
    return _posted(f"{RESPONSE}>{inside}</samlp:Response>".replace("REQUEST", scene.request).encode())


# -- taking them ------------------------------------------------------------------------------------


def take(scene: Scene, bodies: Iterator[bytes]) -> Outcome:
    """Post one after the other, as one browser that has a pending request."""
    outcome = Outcome()
    statuses: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    service = scene.service
    cookies = scene.browser.cookies.header(ACS, method="POST", initiator=f"{SSO}/")
    headers = (("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", cookies))
    for number, body in enumerate(bodies):
        if number == WARM:
            outcome.warm = _held(service)
        environ = environ_for(Sent("POST", ACS, headers)) | form(body)
        statuses[str(call(service.app, environ).status)] += 1
        codes[scene.code] += 1
        if "Traceback" in service.log.text or any(record.exc_info for record in service.log.records):
            outcome.tracebacks.append(service.log.text[-3_000:])
        service.log.clear()
    outcome.end = _held(service)
    outcome.statuses, outcome.codes = dict(statuses), dict(codes)
    return outcome


def _held(service: Service) -> Held:
    # Looked up first: SQLite keeps a file open for the next time.
    records, users = service.records(), service.users()
    gc.collect()
    return Held(
        memory=_resident(),
        files=len(list(Path("/dev/fd").iterdir())),
        threads=threading.active_count(),
        objects=len(gc.get_objects()),
        records=records,
        users=users,
    )


def _resident() -> int:
    """The resident set; where the system doesn't say, the largest there ever was."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _read(pipe: BinaryIO) -> Iterator[bytes]:
    while header := pipe.read(4):
        yield pipe.read(struct.unpack("!I", header)[0])


def run(folder: Path, count: int, kind: str, seed: int) -> dict[str, Any]:
    """Make so many messages here, and have a process of its own take them."""
    service = Service(folder, with_key=True, idp__unsolicited="accept", idp__allow_cbc=True)
    scene, trap = service.scene(), Trap(folder)
    there, here = os.pipe()
    said, saying = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(here)
        os.close(said)
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with os.fdopen(there, "rb") as pipe, os.fdopen(saying, "w") as out:
            json.dump(asdict(take(scene, _read(pipe))), out)
        os._exit(0)
    os.close(there)
    os.close(saying)
    with os.fdopen(here, "wb") as pipe:
        for _, body in zip(range(count), messages(scene, trap, kind, random.Random(seed)), strict=False):
            pipe.write(struct.pack("!I", len(body)) + body)
    with os.fdopen(said) as answer:
        outcome: dict[str, Any] = json.load(answer)
    os.waitpid(child, 0)
    return outcome


if __name__ == "__main__":
    folder, count, *kind = sys.argv[1:]
    seed = random.randrange(1 << 32)
    json.dump({"seed": seed, **run(Path(folder), int(count), kind[0] if kind else "all", seed)}, sys.stdout)
