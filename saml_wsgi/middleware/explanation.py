"""Why a request gets the answer that it gets: the rules of :mod:`policy`, told one by one."""

from __future__ import annotations

from typing import Any, Final

from saml_wsgi.middleware.environ import path
from saml_wsgi.middleware.policy import Policy, Visitor, is_unsafe
from saml_wsgi.middleware.urls import Site
from saml_wsgi.protocol.idp import IdentityProvider

_ENDPOINTS: Final = {
    "login": "a sign-in begins there",
    "acs": "the identity provider's answers are posted there",
    "resume": "people land there between a sign-in and their page",
    "logout": "people sign out there",
    "metadata": "it is our SAML metadata",
    "emergency": "administrators come in there when the identity provider is down",
}
_VISITORS: Final = {
    Visitor.PERSON: "a person who loads a page",
    Visitor.FORM: "a person who sends something, which being sent away would lose",
    Visitor.PROGRAM: "a program: a script, an image, a frame, a prefetch, or whatever else can't sign in",
}


def explain(
    environ: dict[str, Any], site: Site, policy: Policy, idp: IdentityProvider, *, signed_in: bool
) -> list[str]:
    """The rules that decide, in the order in which they do.

    Args:
        environ: The request.
        idp: Where people sign in.
        signed_in: Whether it comes with the cookie of a session.
    """
    place = str(environ.get("PATH_INFO", ""))
    if site.owns(place):
        endpoint = site.endpoint(place)
        what = _ENDPOINTS.get(endpoint or "", "there is no such page")
        return [f"the path is below prefix = {site.prefix}: it is answered here; {what}"]
    if signed_in:
        return ["a session is all that is asked for; the application gets to know who it is"]
    public = policy.public_by(environ)
    if public is not None:
        return [f"public = {public}"]
    told = ["no line of public matches the path and the method"]
    asked = path(environ)
    if asked is None:
        told.append("the path isn't UTF-8: it is never public")
    elif is_unsafe(asked):
        told.append("the path has //, a dot segment, or one of ; \\ % in it, which others read otherwise")
    if policy.preflight(environ) is not None:
        return [*told, "it is a preflight (CORS) of an origin in cors.origins: it is answered here"]
    visitor = policy.visitor(environ)
    told.append(f"taken for {_VISITORS[visitor]}: {_why(environ, policy)}")
    if policy.on_401:
        told.append("challenge = on_401: the application answers first; only if it says 401 a sign-in begins")
    if visitor is Visitor.PERSON:
        told.append(f"a sign-in begins at {idp.sso_url} (idp.request_binding: {idp.request_binding})")
    return told


def _why(environ: dict[str, Any], policy: Policy) -> str:
    """What of the request says who is asking; the same order as in :func:`policy.visitor`."""
    api = policy.api_by(environ)
    if api is not None:
        return f"api = {api}"
    for name in ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ", "HTTP_X_REQUESTED_WITH", "HTTP_UPGRADE"):
        if environ.get(name):
            return f"{_header(name)}: {environ[name]}"
    mode = environ.get("HTTP_SEC_FETCH_MODE")
    if mode is not None:
        destination = environ.get("HTTP_SEC_FETCH_DEST", "document")
        said = f"Sec-Fetch-Mode: {mode}, Sec-Fetch-Dest: {destination}"
    else:
        said = f"Accept: {environ['HTTP_ACCEPT']}" if environ.get("HTTP_ACCEPT") else "no Accept"
    return f"{said}; method {environ.get('REQUEST_METHOD')}"


def _header(name: str) -> str:
    return name.removeprefix("HTTP_").replace("_", "-").title()
