"""What a response costs: validated, and as a whole request with replay check, user and session in SQLite."""

from __future__ import annotations

from collections.abc import Iterator

from saml_wsgi.protocol import bindings, engine, profile
from tests.benchmarks.harness import Benchmark, Case
from tests.benchmarks.stock import stock, validates
from tests.benchmarks.subject import Subject, start_response

_REFERENCE = "python3-saml process_response(), settings reused"


def benchmarks() -> Iterator[Benchmark]:
    for groups in (3, 200):
        subject = Subject(groups)
        request, settings, auth = stock(subject)
        request_id, _ = subject.pending()
        form = subject.idp.response("wiki", "mara", in_response_to=request_id)
        text = form.fields["SAMLResponse"].encode()
        message = bindings.decode(text, 1 << 20)
        provider = subject.app.provider
        _, verifier, rules = provider._current()

        def validate(
            text: bytes = text,
            provider=provider,
            verifier=verifier,
            rules=rules,
            request_id: str = request_id,
        ) -> None:
            root = provider.read(text).root
            verified = verifier.verify(root)
            now = provider._clock.time()
            profile.check(root, verified, rules, request_id=request_id, requested=now, now=now)

        def peer(
            message=message, request_id=request_id, request=request, settings=settings, auth=auth
        ) -> None:
            validates(auth, settings, request, message, request_id)

        yield Benchmark(
            f"acs, {groups} groups",
            _REFERENCE,
            (
                Case(_REFERENCE, peer),
                Case("guard, engine and profile", validate),
                Case(
                    "a complete request, SQLite",
                    lambda given, subject=subject: subject.app(given, start_response),
                    subject.answer,
                ),
                Case("parse alone", lambda message=message: engine.parse(message)),
            ),
        )
