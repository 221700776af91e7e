"""How many users one synchronisation may switch off, as an operator writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from saml_wsgi.config.convert import Place, Unfit, shown, word

_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)\s*(?:%|percent)")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_CURE: Final = "Write a share such as 5 % (in an ini 5 %%, or 5 percent), or a number of users such as 20."


@dataclass(frozen=True, slots=True)
class Share:
    """So many of each hundred, and some few in any case.

    Attributes:
        percent: More than 0, and at most 100.
    """

    percent: float

    def __str__(self) -> str:
        return f"{self.percent:g} %"


@dataclass(frozen=True, slots=True)
class Removals:
    """A share (``5 %``, ``5 percent``) or a number of users (``20``)."""

    kind: str = "`5 %`, `5 percent` or a number of users"

    def __call__(self, value: object, _: Place, /) -> Share | int:
        if isinstance(value, Share):
            return self._share(value.percent)
        if isinstance(value, int) and not isinstance(value, bool):
            if not 0 <= value < 10**9:
                raise Unfit("it is a number that can't be meant.", _CURE)
            return value
        content = word(value)
        if found := _SHARE.fullmatch(content):
            return self._share(float(found[1]))
        if _NUMBER.fullmatch(content):
            return int(content)
        raise Unfit(f"it is {shown(content)}.", _CURE)

    @staticmethod
    def _share(percent: float) -> Share:
        if not 0 < percent <= 100:
            raise Unfit(f"it is {percent:g} %.", "Write more than 0 %, and at most 100 %.")
        return Share(percent)
