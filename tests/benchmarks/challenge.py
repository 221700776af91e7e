"""What it costs to send somebody to the identity provider."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.harness import Benchmark, Case
from tests.benchmarks.stock import stock
from tests.benchmarks.subject import Subject, environ, start_response

_REFERENCE = "python3-saml login(), settings reused"


def benchmarks() -> Iterator[Benchmark]:
    subject = Subject()
    request, settings, auth = stock(subject)
    yield Benchmark(
        "challenge, unsigned",
        _REFERENCE,
        (
            Case(_REFERENCE, lambda: auth(request, old_settings=settings).login(set_nameid_policy=False)),
            Case("the middleware's whole answer", lambda given: subject.app(given, start_response), environ),
        ),
    )
