"""``challenge = on_401``: the application answers first, and a sign-in begins only if it says 401.

The only place that looks at an application's response, and only for an anonymous person's navigation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

#: Schemes by which the application asks for something itself: those 401s are none of our business.
_OWN_SCHEMES = ("basic", "bearer", "negotiate", "digest", "ntlm")


class AwaitedResponse:
    """Runs the application and holds back a 401 of it; everything else goes out as it comes.

    Attributes:
        wants_sign_in: Whether it said 401 without asking for credentials itself.
        cookies: What it set together with the 401, to be kept.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self.wants_sign_in = False
        self.cookies: list[tuple[str, str]] = []

    def run(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """The application's iterable. If ``wants_sign_in`` is True afterwards it is closed and empty."""
        started: list[str] = []

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            started.append(status)
            if exc_info is None and status.startswith("401") and not _asks_itself(headers):
                self.wants_sign_in = True
                self.cookies = [item for item in headers if item[0].lower() == "set-cookie"]
                return lambda _data: None
            self.wants_sign_in = False
            if exc_info is not None:
                return start_response(status, headers, exc_info)
            return start_response(status, headers)

        body = self._app(environ, start)
        if started:
            if not self.wants_sign_in:
                return body
            _close(body)
            return []
        # A generator calls start_response only with its first chunk (PEP 3333), so that is awaited.
        try:
            chunks = iter(body)
            first = next(chunks, b"")
        except BaseException:
            _close(body)
            raise
        if self.wants_sign_in:
            _close(body)
            return []
        return _Rest(first, chunks, body)


class _Rest:
    """The first chunk, then the others; closing closes the application's own iterable."""

    def __init__(self, first: bytes, chunks: Any, body: Iterable[bytes]) -> None:
        self._first: bytes | None = first
        self._chunks = chunks
        self._body = body

    def __iter__(self) -> _Rest:
        return self

    def __next__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        chunk: bytes = next(self._chunks)
        return chunk

    def close(self) -> None:
        _close(self._body)


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


def _asks_itself(headers: list[tuple[str, str]]) -> bool:
    return any(
        name.lower() == "www-authenticate" and value.strip().lower().startswith(_OWN_SCHEMES)
        for name, value in headers
    )
