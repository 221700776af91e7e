"""What a response costs: validated, and as a whole request with replay check, user and session in SQLite.

Each in one run with python3-saml alone, with other libraries where they are installed (minisaml, pysaml2,
Lasso), and with what can't be undercut: the signature check by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, Final

from saml_wsgi.protocol import bindings, parser, profile
from saml_wsgi.testing.keys import SigningKey
from tests.benchmarks import certificates, limits
from tests.benchmarks.harness import Benchmark, Case
from tests.benchmarks.peers import peers
from tests.benchmarks.stock import stock, validates
from tests.benchmarks.subject import Subject, start_response

#: The request without the record that an operator reads later: what others have no counterpart of.
_UNRECORDED: Final = {"records.keep": "0"}
_REFERENCE = "python3-saml process_response(), settings reused"


def benchmarks() -> Iterator[Benchmark]:
    with certificates.unset() as bundle:
        for groups in (3, 200):
            yield from _compared(f"acs, {groups} groups", Subject(groups, **_UNRECORDED), Subject(groups))
        yield from _compared("acs, encrypted assertion", encrypting(**_UNRECORDED), encrypting())
        yield _threads(Subject(200))
        yield from certificates.benchmarks(bundle)


def _compared(name: str, subject: Subject, recorded: Subject) -> Iterator[Benchmark]:
    request, settings, auth = stock(subject)
    request_id, text = posted(subject)
    message = bindings.decode(text, 1 << 20)
    with peers(subject, request_id, message) as others:
        yield Benchmark(
            name,
            _REFERENCE,
            (
                Case(
                    _REFERENCE,
                    lambda: validates(auth, settings, request, message, request_id),
                    note=f"python3-saml {version('python3-saml')}",
                ),
                Case("guard, engine and profile", validation(subject, request_id, text)),
                Case(
                    "a complete request, SQLite",
                    lambda given: subject.app(given, start_response),
                    subject.answer,
                ),
                Case(
                    "a complete request and its sign-in record, SQLite",
                    lambda given: recorded.app(given, start_response),
                    recorded.answer,
                ),
                *limits.cases(subject, message),
                *others,
            ),
        )


def _threads(subject: Subject) -> Benchmark:
    """Whether two threads get more done than one: the ratio is time for the same work."""
    request_id, text = posted(subject)
    validate = validation(subject, request_id, text)

    def with_threads(count: int) -> Callable[[], None]:
        def run() -> None:
            share = [threading.Thread(target=_repeat, args=(validate, 60 // count)) for _ in range(count)]
            for thread in share:
                thread.start()
            for thread in share:
                thread.join()

        return run

    return Benchmark(
        "acs, threads, 200 groups",
        "60 validations in 1 thread",
        (
            Case("60 validations in 1 thread", with_threads(1)),
            Case("60 validations in 2 threads", with_threads(2)),
        ),
    )


def _repeat(run: Callable[[], None], times: int) -> None:
    for _ in range(times):
        run()


def posted(subject: Subject) -> tuple[str, bytes]:
    """A request's id, and a response to it as a form holds it."""
    request_id, _ = subject.pending()
    form = subject.idp.response("wiki", "mara", in_response_to=request_id)
    return request_id, form.fields["SAMLResponse"].encode()


def validation(subject: Subject, request_id: str, text: bytes) -> Callable[[], None]:
    """Guard, engine and profile on a response, without what a request does before and after."""
    provider = subject.app.provider
    _, verifier, rules = provider._current()

    def validate() -> None:
        message = provider.read(text)
        root = message.root
        verified = verifier.verify(root)
        now = provider._clock.time()
        profile.check(root, verified, rules, request_id=request_id, requested=now, now=now)
        parser.vouch(message.unvouched + verified.unvouched)

    return validate


def encrypting(**further: str) -> Subject:
    """A subject whose identity provider signs the response and encrypts the assertion."""
    key = SigningKey.cached("service provider")
    options: dict[str, Any] = {
        "sp.private_key": key.private_key.decode(),
        "sp.certificate": key.certificate.decode(),
    }
    subject = Subject(3, **options, **further)
    subject.idp.change_app("wiki", encrypt="aes128-gcm", encryption_certificate=key.certificate.decode())
    return subject
