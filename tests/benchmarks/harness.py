"""Times cases side by side: interleaved rounds in one process, medians, ratios to a named reference."""

from __future__ import annotations

import gc
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to time.

    Attributes:
        name: What it is.
        run: Does it once; called with what ``fresh`` made, if there is one.
        fresh: Makes an argument for each call, outside of the timed part: for what may be used once.
    """

    name: str
    run: Callable[..., Any]
    fresh: Callable[[], Any] | None = None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Cases that are compared with the one called ``reference``."""

    name: str
    reference: str
    cases: tuple[Case, ...]


def measure(benchmark: Benchmark, *, rounds: int = 15, seconds: float = 0.05) -> list[dict[str, Any]]:
    """Median microseconds of each case, and its ratio to the reference."""
    counts = {case.name: _calls_for(case, seconds) for case in benchmark.cases}
    times: dict[str, list[float]] = {case.name: [] for case in benchmark.cases}
    for _ in range(rounds):
        # In turn, so that whatever else the machine does hits all of them.
        for case in benchmark.cases:
            times[case.name].append(_time(case, counts[case.name]))
    medians = {name: statistics.median(found) for name, found in times.items()}
    reference = medians[benchmark.reference]
    return [
        {"case": name, "median_us": round(median * 1e6, 3), "ratio": round(median / reference, 4)}
        for name, median in medians.items()
    ]


def report(results: dict[str, dict[str, Any]], file: str | None) -> None:
    """Print a table, and write it as JSON."""
    for name, result in results.items():
        print(f"\n{name} (reference: {result['reference']})")
        for row in result["cases"]:
            print(f"  {row['case']:<58} {row['median_us']:>12.2f} us {row['ratio']:>9.3f}")
    if file is not None:
        machine = {"python": platform.python_version(), "machine": platform.machine()}
        Path(file).write_text(json.dumps({**machine, "benchmarks": results}, indent=2) + "\n")


def _calls_for(case: Case, seconds: float) -> int:
    once = max(_time(case, 3), 1e-7)
    return max(3, min(20_000, int(seconds / once)))


def _time(case: Case, count: int) -> float:
    run = case.run
    arguments = [case.fresh() for _ in range(count)] if case.fresh else None
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
