"""Other libraries that validate responses, each in the Python that has it."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any

from tests.benchmarks.elsewhere import Elsewhere, elsewhere
from tests.benchmarks.harness import Missing
from tests.benchmarks.subject import Subject

_PYSAML2 = "pysaml2 parse_authn_request_response(), client reused"
_LASSO = "Lasso processAuthnResponseMsg(), server reused"
#: Debian's packages belong to Debian's Python, whose version needs not be ours.
_SYSTEM = "/usr/bin/python3"


@contextmanager
def peers(subject: Subject, request_id: str, message: bytes) -> Iterator[tuple[Elsewhere | Missing, ...]]:
    """pysaml2 and Lasso, on the response that the others validate, too; each or why there is none."""
    task = _task(subject, request_id, message)
    with ExitStack() as children:
        yield (
            _pysaml2(children, task),
            children.enter_context(
                elsewhere(
                    _LASSO, "lasso", sys.executable if find_spec("lasso") else _SYSTEM, os.environ, task
                )
            ),
        )


def _pysaml2(children: ExitStack, task: dict[str, Any]) -> Elsewhere | Missing:
    try:
        python = _pysaml2_python()
    except LookupError as missing:
        return Missing(_PYSAML2, str(missing))
    task = {**task, "xmlsec1": shutil.which("xmlsec1")}
    return children.enter_context(elsewhere(_PYSAML2, "pysaml2", python, os.environ, task))


def _pysaml2_python() -> str:
    """The Python that has pysaml2: this one, or the one that the tests make for it.

    Raises:
        LookupError: Something isn't installed, and can't be.
    """
    if find_spec("saml2"):
        if shutil.which("xmlsec1") is None:
            raise LookupError("needs Debian package xmlsec1")
        return sys.executable
    from tests.real import pysaml2

    try:
        if lacks := pysaml2.missing():
            raise LookupError(f"needs {lacks}")
        return str(pysaml2._interpreter())
    except subprocess.TimeoutExpired:
        raise LookupError("PyPI didn't answer in time") from None


def _task(subject: Subject, request_id: str, message: bytes) -> dict[str, Any]:
    provider = subject.app.provider
    key = provider._signing_key
    person = subject.idp.person("mara")
    changed = re.sub(rb"(DigestValue>)[^<]+", rb"\g<1>" + base64.b64encode(bytes(32)), message, count=1)
    return {
        "metadata": provider.metadata().decode(),
        "entity_id": provider.entity_id,
        "acs_url": provider.acs_url,
        "private_key": key.private_key if key else None,
        "certificate": key.certificate if key else None,
        "idp_metadata": subject.idp.metadata("wiki"),
        "request_id": request_id,
        "name_id": person.email,
        "groups": len(person.groups),
        "response": base64.b64encode(message).decode(),
        "changed": base64.b64encode(changed).decode(),
    }
