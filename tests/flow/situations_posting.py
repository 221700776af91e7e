"""Responses that are made beforehand and posted at a chosen moment: without a browser, from any process."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from typing import Any, TypeAlias
from urllib.parse import urlencode

from tests.flow.situations import Says
from tests.flow.situations_scene import Scene

#: The cookie of the browser that asked, and the body that answers it.
Ready: TypeAlias = tuple[str, bytes]


def prepared(scene: Scene, says: Says) -> Ready:
    """A response to a request of a browser of its own."""
    scene.arrange(says)
    app = scene.app
    pending = app.provider.request("/x").pending
    _, cookie = app._cookies.set_pending(app.provider.pending.pack(pending), 0)
    form = scene.idp.response("wiki", "visitor", in_response_to=pending.id)
    return cookie.partition(";")[0], urlencode(form.fields).encode()


def post(app: Any, ready: Ready) -> tuple[str, int]:
    """Post it: the status, and how many sessions began."""
    cookie, body = ready
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/saml/acs",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_COOKIE": cookie,
        "wsgi.input": io.BytesIO(body),
    }
    answers: list[tuple[str, list[tuple[str, str]]]] = []
    app(environ, lambda status, headers: answers.append((status, headers)))
    status, headers = answers[0]
    kept = [value for name, value in headers if name == "Set-Cookie"]
    return status, sum(value.startswith(app._session_cookie) for value in kept)


def at_once(app: Any, ready: Sequence[Ready]) -> list[tuple[str, int]]:
    """Post all of them, each in a thread of its own, at the same moment."""
    barrier = threading.Barrier(len(ready))
    results: list[tuple[str, int]] = []

    def run(one: Ready) -> None:
        barrier.wait()
        results.append(post(app, one))

    threads = [threading.Thread(target=run, args=(one,)) for one in ready]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
