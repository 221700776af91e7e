"""What it costs to send somebody to the identity provider, cookies included; with a signed request, too."""

from __future__ import annotations

from collections.abc import Iterator

from saml_wsgi.testing.keys import SigningKey
from tests.benchmarks.harness import Benchmark, Case
from tests.benchmarks.stock import stock
from tests.benchmarks.subject import Subject, environ, start_response

_REFERENCE = "python3-saml login(), settings reused"


def benchmarks() -> Iterator[Benchmark]:
    key = SigningKey.cached("service provider")
    own_key = {"sp.private_key": key.private_key.decode(), "sp.certificate": key.certificate.decode()}
    yield _compared("challenge, unsigned", Subject())
    yield _compared("challenge, signed", Subject(**own_key))


def _compared(name: str, subject: Subject) -> Benchmark:
    request, settings, auth = stock(subject)
    return Benchmark(
        name,
        _REFERENCE,
        (
            Case(_REFERENCE, lambda: auth(request, old_settings=settings).login(set_nameid_policy=False)),
            Case("the middleware's whole answer", lambda given: subject.app(given, start_response), environ),
        ),
    )
