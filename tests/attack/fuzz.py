"""Fuzzing: whatever chance makes of a good message, what is accepted is what was signed.

``python -m tests.attack.fuzz SECONDS [SEED]`` goes on for so long, says how much it did, and shows one
message for each way in which the promise was broken.
"""

from __future__ import annotations

import base64
import faulthandler
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from saml_wsgi.errors import Refused, Unavailable
from saml_wsgi.model import Assertion, PendingRequest
from saml_wsgi.protocol.requests import fingerprint
from tests.attack.encrypting import Recipe, encrypted
from tests.attack.mutation import BYTES, mutate
from tests.attack.scene import Scene, Service


class Forgetful:
    """A store that has never seen anything, so that one message can be tried again and again."""

    def add(self, *_args: Any, also: Any = ()) -> bool:
        return True


class Broken(AssertionError):
    """A message that broke the promise."""

    def __init__(self, message: bytes, what: str) -> None:
        super().__init__(f"{what}\n{base64.b64encode(message).decode()}")
        self.what = what


class Fuzz:
    """A service, and good messages for it.

    Attributes:
        counts: How many inputs ended how.
    """

    def __init__(self, folder: Path) -> None:
        self.service = Service(folder, with_key=True, idp__allow_cbc=True)
        self.provider = self.service.app.provider
        self.provider._store = Forgetful()  # type: ignore[assignment]
        self.scene = Scene(self.service)
        self.request = PendingRequest(
            self.scene.request, "/", fingerprint(self.provider.idp_name), int(self.service.clock.time())
        )
        self.counts: Counter[str] = Counter()
        self.seeds = [*self._plain(), *self._encrypted()]
        self.said = [self._consume(seed) for seed in self.seeds]

    def _plain(self) -> list[bytes]:
        shapes: Sequence[dict[str, Any]] = (
            {},
            {"indented": True, "padded_name_id": True, "key_info": False},
            {"xsi_type": True, "groups": "repeated", "protocol_prefix": "", "assertion_prefix": ""},
            {"user": "soren", "inclusive_namespaces": "xs", "xml_declaration": False, "signature_prefix": ""},
        )
        return [
            self.scene.answer(sign=sign, **shape).message
            for sign in ("response", "assertion", "both")
            for shape in shapes
        ]

    def _encrypted(self) -> list[bytes]:
        return [
            encrypted(self.scene, recipe, sign=sign).message
            for sign in ("response", "assertion", "both")
            for recipe in (Recipe(), Recipe(content="cbc", bits=128))
            if recipe.content == "gcm" or sign != "assertion"
        ]

    def _consume(self, message: bytes) -> Assertion:
        read = self.provider.read(base64.b64encode(message))
        return self.provider.consume(read, self.request)

    def one(self, chance: random.Random) -> str:
        """Try one message; how it ended.

        Raises:
            Broken: It was accepted and says something else than what was signed, or something else than
                Refused or Unavailable was raised.
        """
        good, other = chance.choice(self.seeds), chance.choice(self.seeds)
        made_anew = chance.random() < 0.15
        if made_anew:
            # What is encrypted is changed before: anybody can encrypt for us.
            message = encrypted(
                self.scene, sign="assertion", text=lambda xml: mutate(xml, other, chance)
            ).message
        else:
            message = mutate(good, other, chance)
        outcome = self._try(message, made_anew=made_anew)
        self.counts[outcome] += 1
        return outcome

    def transport(self, chance: random.Random) -> str:
        """Try a form whose bytes were changed; only the promise about exceptions counts here."""
        body = b"SAMLResponse=" + base64.b64encode(chance.choice(self.seeds))[:4_000] + b"&RelayState=x"
        for _ in range(chance.choice((1, 2, 4))):
            body = chance.choice(BYTES)(body, chance)
        page = self.scene.post_body(body)
        if page.status not in {303, 400, 403, 413}:
            raise Broken(body, f"answered with {page.status}: {self.service.log.text[-2_000:]}")
        self.counts["form"] += 1
        return "form"

    def _try(self, message: bytes, *, made_anew: bool) -> str:
        try:
            said = self._consume(message)
        except (Refused, Unavailable) as error:
            return error.code
        except Exception as error:
            raise Broken(message, f"raised {type(error).__name__}: {error}") from error
        if made_anew:
            # Signed anew each time, with an ID and times of its own.
            same = (said.name_id, said.attributes) == (self.said[0].name_id, self.said[0].attributes)
        else:
            # Whichever of the good messages it was taken from: whole, or not at all.
            same = said in self.said
        if not same:
            raise Broken(message, f"accepted {said}, which nobody signed")
        return "accepted"

    def run(self, seconds: float, chance: random.Random) -> int:
        """Go on for so long, or until a promise is broken; how many inputs that were."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(19):
                self.one(chance)
            self.transport(chance)
            self.service.log.clear()
        return self.counts.total()


def main(seconds: float, seed: int) -> int:
    faulthandler.enable()
    broken: dict[str, Broken] = {}
    chance = random.Random(seed)
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        fuzz = Fuzz(Path(folder))
        sys.stdout.write(f"seed {seed}, {len(fuzz.seeds)} good messages\n")
        while (left := end - time.monotonic()) > 0:
            try:
                fuzz.run(left, chance)
            except Broken as error:
                fuzz.counts["BROKEN"] += 1
                broken.setdefault(error.what[:60], error)
    for outcome, count in fuzz.counts.most_common():
        sys.stdout.write(f"{count:>9,} {outcome}\n")
    sys.stdout.write(f"{fuzz.counts.total():>9,} in all\n")
    for error in broken.values():
        sys.stdout.write(f"BROKEN: {error}\n")
    return len(broken)


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(float(given[0]), int(given[1]) if len(given) > 1 else random.randrange(1 << 32)))
