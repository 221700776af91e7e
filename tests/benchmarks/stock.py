"""python3-saml by itself, with its best settings, as the peer."""

from __future__ import annotations

import base64
from typing import Any

from tests.benchmarks.subject import Subject


def stock(subject: Subject) -> tuple[dict[str, Any], Any, Any]:
    """A request's data, the settings, and the class that takes both."""
    from onelogin.saml2.auth import OneLogin_Saml2_Auth
    from onelogin.saml2.settings import OneLogin_Saml2_Settings

    provider = subject.app.provider
    idp = provider.identity_provider
    settings = OneLogin_Saml2_Settings(
        {
            "strict": True,
            "sp": {
                "entityId": provider.entity_id,
                "assertionConsumerService": {"url": provider.acs_url},
                **_own_key(provider),
            },
            "idp": {
                "entityId": idp.entity_id,
                "singleSignOnService": {"url": idp.sso_url},
                "x509cert": "".join(idp.certificates[0].split("\n")[1:-2]),
            },
            "security": {
                "rejectDeprecatedAlgorithm": True,
                "requestedAuthnContext": False,
                "wantAttributeStatement": False,
                "authnRequestsSigned": provider._signing_key is not None,
                "signatureAlgorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            },
        },
        custom_base_path="/dev/null/",
    )
    request = {
        "https": "on",
        "http_host": "wiki.example.test",
        "script_name": "/saml/acs",
        "get_data": {},
        "post_data": {},
    }
    return request, settings, OneLogin_Saml2_Auth


def _own_key(provider: Any) -> dict[str, str]:
    key = provider._signing_key
    return {"x509cert": key.certificate, "privateKey": key.private_key} if key else {}


def validates(auth: Any, settings: Any, request: dict[str, Any], message: bytes, request_id: str) -> None:
    """Let it validate a response; it must find nothing wrong."""
    posted = {**request, "post_data": {"SAMLResponse": base64.b64encode(message).decode()}}
    instance = auth(posted, old_settings=settings)
    instance.process_response(request_id=request_id)
    if instance.get_errors():
        raise AssertionError(instance.get_last_error_reason())
