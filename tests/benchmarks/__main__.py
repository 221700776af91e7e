"""``python -m tests.benchmarks NAME… [--json FILE]``."""

from __future__ import annotations

import argparse
import importlib

from tests.benchmarks.harness import measure, report

NAMES = ("request", "challenge", "acs", "resolve", "ldap", "sync")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(NAMES))
    parser.add_argument("--json", metavar="FILE", help="write the results there, too")
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    for name in chosen.names:
        if name not in NAMES:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(NAMES)}")
    results = {}
    for name in chosen.names or NAMES:
        for benchmark in importlib.import_module(f"tests.benchmarks.{name}").benchmarks():
            results[benchmark.name] = measure(benchmark, rounds=chosen.rounds)
    report(results, chosen.json)


main()
