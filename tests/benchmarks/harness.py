"""Times cases side by side: interleaved rounds of one run, medians, ratios to a named reference."""

from __future__ import annotations

import gc
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Timed(Protocol):
    """What can be timed, here or in another process."""

    @property
    def name(self) -> str: ...

    @property
    def note(self) -> str: ...

    def time(self, count: int) -> float:
        """Seconds for one call, of so many."""
        ...


@dataclass(frozen=True, slots=True)
class Missing:
    """A case that can't be timed here, and why: it is named in the results, not forgotten."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to time in this process.

    Attributes:
        name: What it is.
        run: Does it once; called with what ``fresh`` made, if there is one.
        fresh: Makes an argument for each call, outside of the timed part: for what may be used once.
        note: Versions, and whatever else tells this case from another run's.
    """

    name: str
    run: Callable[..., Any]
    fresh: Callable[[], Any] | None = None
    note: str = ""

    def time(self, count: int) -> float:
        """Seconds for one call, of so many."""
        run = self.run
        arguments = [self.fresh() for _ in range(count)] if self.fresh else None
        gc.collect()
        gc.disable()
        try:
            if arguments is None:
                start = time.perf_counter()
                for _ in range(count):
                    run()
            else:
                start = time.perf_counter()
                for argument in arguments:
                    run(argument)
            return (time.perf_counter() - start) / count
        finally:
            gc.enable()


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Cases that are compared with the one called ``reference``."""

    name: str
    reference: str
    cases: tuple[Timed | Missing, ...]


def measure(benchmark: Benchmark, *, rounds: int = 15, seconds: float = 0.05) -> dict[str, Any]:
    """Median microseconds of each case and its ratio to the reference, and what is missing, and why."""
    cases = [case for case in benchmark.cases if not isinstance(case, Missing)]
    missing = [case for case in benchmark.cases if isinstance(case, Missing)]
    counts = {case.name: _calls_for(case, seconds) for case in cases}
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        # In turn, so that whatever else the machine does hits all of them.
        for case in cases:
            times[case.name].append(case.time(counts[case.name]))
    medians = {name: statistics.median(found) for name, found in times.items()}
    # Where even the reference is missing, nothing was measured.
    reference = medians[benchmark.reference] if medians else 0.0
    return {
        "reference": benchmark.reference,
        "cases": [
            {
                "case": case.name,
                "median_us": round(medians[case.name] * 1e6, 3),
                "ratio": round(medians[case.name] / reference, 4),
            }
            | ({"note": case.note} if case.note else {})
            for case in cases
        ],
        "missing": [{"case": case.name, "reason": case.reason} for case in missing],
    }


def report(results: dict[str, dict[str, Any]], file: str | None) -> None:
    """Print a table, and write it as JSON."""
    for name, result in results.items():
        print(f"\n{name} (reference: {result['reference']})")
        for row in result["cases"]:
            print(f"  {row['case']:<58} {row['median_us']:>12.2f} us {row['ratio']:>9.3f}")
        for row in result["missing"]:
            print(f"  {row['case']:<58} not measured: {row['reason']}")
    if file is not None:
        machine = {"python": platform.python_version(), "machine": platform.machine()}
        Path(file).write_text(json.dumps({**machine, "benchmarks": results}, indent=2) + "\n")


def _calls_for(case: Timed, seconds: float) -> int:
    once = max(case.time(3), 1e-7)
    return max(3, min(20_000, int(seconds / once)))
