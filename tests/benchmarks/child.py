"""One case in a process of its own, because it needs another interpreter or another environment.

Started as a script by :mod:`tests.benchmarks.elsewhere`, by a Python that may have nothing of this project.
The argument says what to time. The first line of its input is what that needs, as JSON; each further line
is a count, and is answered with the seconds that one call took.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[[], Any]


class Incapable(Exception):
    """It can't be measured here; the text says why."""


def lasso(task: dict[str, Any]) -> tuple[str, Run]:
    """Lasso's Python bindings: its C code reads and verifies; what the message claims is for us to check."""
    try:
        import lasso
    except ImportError:
        raise Incapable(f"{sys.executable} has no lasso (Debian package python3-lasso)") from None
    server = lasso.Server.newFromBuffers(task["metadata"], task["private_key"], None, None)
    server.addProviderFromBuffer(lasso.PROVIDER_ROLE_IDP, task["idp_metadata"])

    def validate(response: str) -> tuple[str, dict[str, list[str]]]:
        login = lasso.Login(server)
        login.processAuthnResponseMsg(response)
        assertion = login.assertion
        if assertion.validateConditions(task["entity_id"]) != lasso.SAML2_ASSERTION_VALID:
            raise ValueError("its conditions don't hold")
        confirmed = assertion.subject.subjectConfirmation.subjectConfirmationData
        if (confirmed.inResponseTo, confirmed.recipient) != (task["request_id"], task["acs_url"]):
            raise ValueError("it answers another request")
        login.acceptSso()
        attributes = {
            attribute.name: [value.any[0].content for value in attribute.attributeValue]
            for statement in assertion.attributeStatement
            for attribute in statement.attribute
        }
        return login.nameIdentifier.content, attributes

    return f"Lasso {_debian_version('python3-lasso')}", _proven(validate, task)


def pysaml2(task: dict[str, Any]) -> tuple[str, Run]:
    """pysaml2's client, made once. It has the command xmlsec1 check the signature, and decrypt.

    Each start of that command reads the system's bundle of certificates, as it does at whoever uses it.
    """
    try:
        from saml2 import BINDING_HTTP_POST
        from saml2.client import Saml2Client
        from saml2.config import SPConfig
    except ImportError as error:
        raise Incapable(f"{sys.executable}: {error}") from None
    described: dict[str, Any] = {
        "entityid": task["entity_id"],
        "xmlsec_binary": task["xmlsec1"],
        "metadata": {"inline": [task["idp_metadata"]]},
        "allow_unknown_attributes": True,
        "service": {
            "sp": {
                "endpoints": {"assertion_consumer_service": [(task["acs_url"], BINDING_HTTP_POST)]},
                "want_response_signed": True,
                "want_assertions_signed": False,
                "allow_unsolicited": False,
            }
        },
    }
    if task["private_key"]:
        key, certificate = Path(task["folder"], "sp.key"), Path(task["folder"], "sp.crt")
        key.write_text(task["private_key"])
        certificate.write_text(task["certificate"])
        described["encryption_keypairs"] = [{"key_file": str(key), "cert_file": str(certificate)}]
    client = Saml2Client(config=SPConfig().load(described))

    def validate(response: str) -> tuple[str, dict[str, list[str]]]:
        # It strikes the request off the outstanding ones.
        found = client.parse_authn_request_response(
            response, BINDING_HTTP_POST, outstanding={task["request_id"]: "/"}
        )
        return found.name_id.text, found.ava

    said = subprocess.run([task["xmlsec1"], "--version"], check=True, capture_output=True, text=True).stdout
    version = importlib.metadata.version("pysaml2")
    return f"pysaml2 {version}, {said.strip()}", _proven(validate, task)


def python_ldap(task: dict[str, Any]) -> tuple[str, Run]:
    """python-ldap, which wraps libldap: values as bytes."""
    return _paged_by_python_ldap(task, lambda attributes: attributes)


def python_ldap_decoded(task: dict[str, Any]) -> tuple[str, Run]:
    """python-ldap, and its values as text, as others have them."""
    return _paged_by_python_ldap(
        task,
        lambda attributes: {name: [value.decode() for value in found] for name, found in attributes.items()},
    )


def _paged_by_python_ldap(task: dict[str, Any], understood: Callable[[Any], Any]) -> tuple[str, Run]:
    try:
        import ldap
        from ldap.controls import SimplePagedResultsControl
    except ImportError:
        raise Incapable(f"{sys.executable} has no python-ldap (Debian package python3-ldap)") from None
    connection = ldap.initialize(task["url"])
    connection.simple_bind_s(task["user"], task["password"])
    asked = task["base"], ldap.SCOPE_SUBTREE, task["filter"], list(task["attributes"])

    def read() -> int:
        control = SimplePagedResultsControl(False, size=task["page"], cookie="")
        count = 0
        while True:
            number = connection.search_ext(*asked, serverctrls=[control])
            _, found, _, controls = connection.result3(number)
            count += len([(name, understood(attributes)) for name, attributes in found])
            control.cookie = next(one.cookie for one in controls if one.controlType == control.controlType)
            if not control.cookie:
                return count

    return f"python-ldap {ldap.__version__}", _complete(read, task)


def bonsai(task: dict[str, Any]) -> tuple[str, Run]:
    """bonsai, which wraps libldap, too: entries with values as text."""
    try:
        from bonsai import LDAPClient, LDAPSearchScope
    except ImportError:
        raise Incapable(f"{sys.executable} has no bonsai (PyPI package bonsai)") from None
    client = LDAPClient(task["url"])
    client.set_credentials("SIMPLE", user=task["user"], password=task["password"])
    connection = client.connect()
    asked = task["base"], LDAPSearchScope.SUBTREE, task["filter"], list(task["attributes"])

    def read() -> int:
        return sum(1 for _ in connection.paged_search(*asked, page_size=task["page"]))

    return f"bonsai {importlib.metadata.version('bonsai')}", _complete(read, task)


def _complete(read: Callable[[], int], task: dict[str, Any]) -> Run:
    """What reads everybody; it is proved that it does."""
    count = read()
    if count != task["count"]:
        raise Incapable(f"reads {count} of {task['count']}")
    return read


def ours(task: dict[str, Any]) -> tuple[str, Run]:
    """Guard, engine and profile on an encrypted assertion."""
    sys.path[:] = task["path"]
    from tests.benchmarks import acs

    subject = acs.encrypting()
    return _ssl_cert_file(), acs.validation(subject, *acs.posted(subject))


def stock(task: dict[str, Any]) -> tuple[str, Run]:
    """python3-saml on an encrypted assertion."""
    sys.path[:] = task["path"]
    from saml_wsgi.protocol import bindings
    from tests.benchmarks import acs
    from tests.benchmarks import stock as alone

    subject = acs.encrypting()
    request, settings, auth = alone.stock(subject)
    request_id, text = acs.posted(subject)
    message = bindings.decode(text, 1 << 20)
    return _ssl_cert_file(), lambda: alone.validates(auth, settings, request, message, request_id)


def _proven(validate: Callable[[str], tuple[str, dict[str, list[str]]]], task: dict[str, Any]) -> Run:
    """What validates the response, after it read the right person from it and refused a changed one."""
    try:
        person, attributes = validate(task["response"])
    except Exception as error:  # noqa: BLE001  whatever it raises is the reason why it isn't measured
        raise Incapable(f"refuses the response: {type(error).__name__}: {error}") from None
    if person != task["name_id"] or len(attributes["memberOf"]) != task["groups"]:
        raise Incapable(f"reads {person!r} with {len(attributes['memberOf'])} groups")
    try:
        validate(task["changed"])
    except Exception:  # noqa: BLE001  likewise
        return lambda: validate(task["response"])
    raise Incapable("accepts a response whose digest is wrong")


def _debian_version(package: str) -> str:
    command = ["dpkg-query", "--show", "--showformat=${Version}", package]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "of unknown version"


def _ssl_cert_file() -> str:
    return f"SSL_CERT_FILE={os.environ.get('SSL_CERT_FILE', '')}"


def _seconds(run: Run, count: int) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(count):
            run()
        return (time.perf_counter() - start) / count
    finally:
        gc.enable()


def main() -> None:
    # Whatever else prints something must not be mistaken for an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    prepare = {
        "lasso": lasso,
        "pysaml2": pysaml2,
        "ours": ours,
        "stock": stock,
        "python_ldap": python_ldap,
        "python_ldap_decoded": python_ldap_decoded,
        "bonsai": bonsai,
    }[sys.argv[1]]
    try:
        note, run = prepare(json.loads(sys.stdin.readline()))
    except Incapable as why:
        print(json.dumps({"missing": str(why)}), file=answers, flush=True)
        return
    note = f"{note}, Python {platform.python_version()}"
    print(json.dumps({"note": note}), file=answers, flush=True)
    for line in sys.stdin:
        print(_seconds(run, int(line)), file=answers, flush=True)


if __name__ == "__main__":
    main()
