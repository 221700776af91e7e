"""Whether it matters that OpenSSL is told of a bundle of certificates.

``xmlsec.KeysManager()`` reads the whole bundle that ``SSL_CERT_FILE`` names, about ten milliseconds, and
nothing that we verify or decrypt needs one of its certificates: whoever makes a manager for each response
reads it each time. So the same work is timed with the variable set and unset, each in a child, since a
process may keep what it once read. python3-saml, which does make one for each encrypted assertion, shows
that the comparison would notice.
"""

from __future__ import annotations

import importlib.util
import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.elsewhere import Elsewhere, elsewhere
from tests.benchmarks.harness import Benchmark, Missing

_VARIABLE = "SSL_CERT_FILE"
_ROOT = Path(__file__).parents[2]


@contextmanager
def unset() -> Iterator[str]:
    """Without the variable, which would make python3-saml look worse than it is; gives what it was."""
    before = os.environ.pop(_VARIABLE, "")
    try:
        yield before
    finally:
        if before:
            os.environ[_VARIABLE] = before


def benchmarks(named: str) -> Iterator[Benchmark]:
    """Ours and python3-saml, where a bundle is found: the one that was named, or else a usual one."""
    bundle = _bundle(named)
    for name, what in (
        ("acs, encrypted assertion, SSL_CERT_FILE", "ours"),
        ("acs, encrypted assertion, SSL_CERT_FILE, python3-saml alone", "stock"),
    ):
        with ExitStack() as children:
            without = _case(children, what, "SSL_CERT_FILE unset", "")
            reference = without.name
            with_it = (
                _case(children, what, "SSL_CERT_FILE set", bundle)
                if bundle
                else Missing("SSL_CERT_FILE set", "no bundle of certificates was found")
            )
            yield Benchmark(name, reference, (without, with_it))


def _case(children: ExitStack, what: str, name: str, bundle: str) -> Elsewhere | Missing:
    environ = {**os.environ, **({_VARIABLE: bundle} if bundle else {})}
    task = {"path": [str(_ROOT), *sys.path]}
    return children.enter_context(elsewhere(name, what, sys.executable, environ, task))


def _bundle(named: str) -> str:
    usual = [named, ssl.get_default_verify_paths().cafile or "", "/etc/ssl/certs/ca-certificates.crt"]
    if importlib.util.find_spec("certifi"):
        import certifi

        usual.append(certifi.where())
    return next((file for file in usual if file and Path(file).is_file()), "")
