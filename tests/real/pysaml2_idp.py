"""pysaml2's identity provider behind one address, run by the Python that has pysaml2, and by no other.

The argument is a folder. Its ``settings.json`` is read again at each request, so that service providers
can be registered while it runs. The first line that it prints is its port.
"""

from __future__ import annotations

import functools
import html
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, make_server

import saml2.entity
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAME_FORMAT_URI, NAMEID_FORMAT_EMAILADDRESS, NameID
from saml2.server import Server
from saml2.sigver import pre_encryption_part

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_XENC = "http://www.w3.org/2001/04/xmlenc#"
SIGNATURES = {
    "sha1": "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    "sha256": f"{_MORE}rsa-sha256",
    "sha512": f"{_MORE}rsa-sha512",
}
DIGESTS = {
    "sha1": "http://www.w3.org/2000/09/xmldsig#sha1",
    "sha256": f"{_XENC}sha256",
    "sha512": f"{_XENC}sha512",
}
#: How xmlsec1 calls the key that an algorithm needs. pysaml2 by itself knows 3DES only.
ENCRYPTIONS = {
    "tripledes-cbc": (_XENC, "des-192"),
    "aes128-cbc": (_XENC, "aes-128"),
    "aes256-cbc": (_XENC, "aes-256"),
    "aes128-gcm": ("http://www.w3.org/2009/xmlenc11#", "aes-128"),
    "aes256-gcm": ("http://www.w3.org/2009/xmlenc11#", "aes-256"),
}


def configuration(folder: Path, settings: dict[str, Any]) -> IdPConfig:
    origin = settings["origin"]
    described: dict[str, Any] = {
        "entityid": f"{origin}/idp",
        "xmlsec_binary": settings["xmlsec1"],
        "key_file": str(folder / "idp.key"),
        "cert_file": str(folder / "idp.crt"),
        "service": {
            "idp": {
                "name": "pysaml2 of the tests",
                "endpoints": {"single_sign_on_service": [(f"{origin}/sso", BINDING_HTTP_REDIRECT)]},
                "policy": {
                    "default": {
                        "lifetime": {"minutes": settings.get("minutes", 15)},
                        "attribute_restrictions": None,
                        "name_form": NAME_FORMAT_URI,
                    }
                },
                "name_id_format": [NAMEID_FORMAT_EMAILADDRESS],
            }
        },
    }
    if "service" in settings:
        described["metadata"] = {"inline": [settings["service"]]}
    return IdPConfig().load(described)


def answer(folder: Path, settings: dict[str, Any], query: dict[str, list[str]]) -> str:
    """The page with the form that a browser posts to the service provider."""
    server = Server(config=configuration(folder, settings))
    request = server.parse_authn_request(query["SAMLRequest"][0], BINDING_HTTP_REDIRECT)
    where = server.response_args(request.message, bindings=[BINDING_HTTP_POST])
    sign, encrypt, algorithm = settings["sign"], settings["encrypt"], settings["algorithm"]
    if encrypt:
        namespace, key_type = ENCRYPTIONS[encrypt]
        saml2.entity.pre_encryption_part = functools.partial(pre_encryption_part, msg_enc=namespace + encrypt)
        server.sec.encrypt_assertion = functools.partial(server.sec.encrypt_assertion, key_type=key_type)
    person = settings["person"]
    response = server.create_authn_response(
        person["attributes"],
        in_response_to=where["in_response_to"],
        destination=where["destination"],
        sp_entity_id=where["sp_entity_id"],
        userid=person["username"],
        name_id=NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=person["attributes"]["mail"]),
        authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": settings["origin"]},
        sign_response=sign in {"response", "both"},
        sign_assertion=sign in {"assertion", "both"},
        encrypt_assertion=bool(encrypt),
        encrypt_assertion_self_contained=settings["self_contained"],
        sign_alg=SIGNATURES[algorithm],
        digest_alg=DIGESTS[algorithm],
    )
    relay_state = query.get("RelayState", [""])[0]
    form = server.apply_binding(
        BINDING_HTTP_POST, str(response), where["destination"], relay_state, response=True
    )
    page: str = form["data"]
    return page


def application(folder: Path, environ: dict[str, Any], start_response: Any) -> list[bytes]:
    settings = json.loads((folder / "settings.json").read_text())
    status, kind = "200 OK", "text/html; charset=utf-8"
    try:
        if environ["PATH_INFO"] == "/metadata":
            kind = "application/samlmetadata+xml"
            body = str(entity_descriptor(configuration(folder, settings)))
        elif environ["PATH_INFO"] == "/sso":
            body = answer(folder, settings, parse_qs(environ["QUERY_STRING"]))
        else:
            status, body = "404 Not Found", "nothing here"
    except Exception as error:  # noqa: BLE001  a test's reader wants to see it in the browser
        status, body = "500 Internal Server Error", html.escape(f"{type(error).__name__}: {error}")
    start_response(status, [("Content-Type", kind)])
    return [body.encode()]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass


def main() -> None:
    folder = Path(sys.argv[1])
    with make_server("127.0.0.1", 0, functools.partial(application, folder), handler_class=_Quiet) as server:
        print(server.server_port, flush=True)  # noqa: T201  this is how the port is told
        server.serve_forever()


if __name__ == "__main__":
    main()
