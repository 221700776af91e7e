"""Selections of combinations in which each two values meet at least once."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any


def pairwise(domains: Mapping[str, Sequence[Any]], *, seed: int = 1) -> list[dict[str, Any]]:
    """Rows with a value of each domain, so that every pair of values of two domains is in some row.

    Greedy, so not the fewest rows possible; the same rows each time for the same seed.
    """
    choose = random.Random(seed)
    names = list(domains)
    left = {
        (one, i, other, j)
        for one, other in itertools.combinations(range(len(names)), 2)
        for i in range(len(domains[names[one]]))
        for j in range(len(domains[names[other]]))
    }
    rows = []
    while left:
        best: tuple[int, list[int]] = (0, [])
        wanted = min(left)
        for _ in range(30):
            row = [choose.randrange(len(domains[name])) for name in names]
            row[wanted[0]], row[wanted[2]] = wanted[1], wanted[3]
            best = max(best, (len(left & _pairs(row)), row))
        left -= _pairs(best[1])
        rows.append({name: domains[name][index] for name, index in zip(names, best[1], strict=True)})
    return rows


def _pairs(row: Sequence[int]) -> set[tuple[int, int, int, int]]:
    return {(one, row[one], other, row[other]) for one, other in itertools.combinations(range(len(row)), 2)}
