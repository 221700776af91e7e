"""Reads encrypted assertions in a process of its own: one line each, the NameID or why not.

The argument becomes SSL_CERT_FILE and SSL_CERT_DIR before the service provider is made.
"""

from __future__ import annotations

import os
import sys
import time

from saml_wsgi.errors import Refused
from saml_wsgi.testing.idp import JumpCloudIdP
from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.knobs import App
from tests.unit.protocol.conftest import Service

KEY = SigningKey.cached("service")


def main() -> None:
    wiki = App.for_service(
        "wiki", "https://wiki.example.test", encrypt="aes256-gcm", sp_certificate=KEY.certificate.decode()
    )
    idp = JumpCloudIdP(apps=[wiki])
    # The test kit's own xmlsec reads them when it encrypts for the first time, so it does that before.
    idp.response("wiki", "mara")
    os.environ["SSL_CERT_FILE"] = os.environ["SSL_CERT_DIR"] = sys.argv[1]
    service = Service(idp, time, key=KEY, allow_cbc=True)

    def read(**how: object) -> None:
        service.request = service.provider.request("/page").pending
        try:
            said = service.assertion(**how).name_id
        except Refused as refused:
            said = refused.code
        print(said)  # noqa: T201  this is how the test hears of it

    for sign in ("response", "assertion", "both"):
        read(sign=sign)
    read(encrypt="aes128-cbc")
    read(sign="assertion", key=SigningKey.cached("attacker"))


if __name__ == "__main__":
    main()
