"""What a request costs that is signed in already, or needs not be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from itsdangerous import URLSafeTimedSerializer
from webob import Request

from tests.benchmarks.harness import Benchmark, Case
from tests.benchmarks.subject import SECRET, Subject, bare, environ, start_response

_REFERENCE = "bare application"


def benchmarks() -> Iterator[Benchmark]:
    for groups in (3, 200):
        subject = Subject(groups)
        cookie = subject.session_cookie()
        subject.never_ask()
        cold = Subject(groups)
        cold_cookie = cold.session_cookie()

        def run_cold(given: dict[str, Any], cold: Subject = cold) -> None:
            cold.forget()
            cold.app(given, start_response)

        def run_warm(given: dict[str, Any], subject: Subject = subject) -> None:
            subject.app(given, start_response)

        yield Benchmark(
            f"request, {groups} groups",
            _REFERENCE,
            (
                Case(_REFERENCE, lambda given: bare(given, start_response), environ),
                Case("signed in, warm", run_warm, lambda cookie=cookie: environ(cookie)),
                Case(
                    "signed in, cold (signature and SQLite read)", run_cold, lambda c=cold_cookie: environ(c)
                ),
                Case("anonymous on a public path", run_warm, lambda: environ(path="/public")),
                Case("WebOb and itsdangerous", _peer(groups), lambda: environ(_peer_cookie(groups))),
            ),
        )


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        SECRET, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
    )


def _peer_cookie(groups: int) -> str:
    value = {"user": "mara@example.test", "groups": [f"group number {i:04}" for i in range(groups)]}
    return f"session={_serializer().dumps(value)}"


def _peer(groups: int) -> Any:
    serializer = _serializer()

    def run(given: dict[str, Any]) -> None:
        request = Request(given)
        session = serializer.loads(request.cookies["session"], max_age=3600)
        given["REMOTE_USER"] = session["user"]
        bare(given, start_response)

    return run
