"""Waitress, serving several WSGI applications in the threads of this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from typing import Any, Final, Self
from wsgiref.types import WSGIApplication

from waitress import create_server, wasyncore
from waitress.trigger import trigger

_THREADS: Final = 8
#: What is being answered at the end may take so many seconds.
_PATIENCE: Final = 3


class Servers:
    """Applications at sockets. One thread talks to the network, eight for each application answer."""

    def __init__(self) -> None:
        self._map: dict[int, Any] = {}
        self._wake = trigger(self._map)
        self._dispatchers: list[Any] = []
        self._stopping = threading.Event()
        # A daemon: whatever goes wrong at the end, the process ends.
        self._thread = threading.Thread(target=self._run, name="saml-wsgi-demo", daemon=True)

    def add(self, application: WSGIApplication, sockets: Sequence[socket.socket], path: str = "") -> None:
        """Serve the application at the sockets, below the path. Before ``start``; closes them at the end."""
        server = create_server(
            application,
            map=self._map,
            sockets=list(sockets),
            url_prefix=path,
            threads=_THREADS,
            clear_untrusted_proxy_headers=True,
            ident="saml-wsgi-demo",
        )
        self._dispatchers.append(server.task_dispatcher)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being answered, then close everything."""
        for dispatcher in self._dispatchers:
            dispatcher.shutdown(timeout=_PATIENCE)
        self._stopping.set()
        if self._thread.is_alive():
            self._wake.pull_trigger()
            self._thread.join()
        wasyncore.close_all(self._map, ignore_all=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            wasyncore.loop(timeout=1, map=self._map, count=1)
