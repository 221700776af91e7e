"""The pages that people see at the test identity provider: plain HTML, no assets, no scripts but one."""

from __future__ import annotations

import html
import secrets
from collections.abc import Iterable, Mapping
from typing import Final

from webob import Response

_STYLE: Final = """
:root { color-scheme: light dark; font: 1.05rem/1.5 system-ui, sans-serif }
body { margin: 0 auto; max-width: 30rem; padding: 2rem 1rem }
h1 { font-size: 1.4rem }
label { display: block; margin: .8rem 0 }
input { box-sizing: border-box; display: block; font: inherit; padding: .5rem; width: 100% }
button, .tile { border: 1px solid; border-radius: .4rem; cursor: pointer; font: inherit; padding: .5rem 1rem }
ul { display: grid; gap: .8rem; list-style: none; padding: 0 }
.tile { display: block; padding: 1rem; text-decoration: none }
.problem { border-left: .3rem solid #c33; padding-left: .8rem }
footer { font-size: .85rem; margin-top: 3rem; opacity: .8 }
"""


def login(to: str = "", username: str = "", problem: str = "") -> Response:
    """The login form. ``to`` names what waits for the sign-in."""
    warning = f'<p class="problem" role="alert">{_escape(problem)}</p>' if problem else ""
    return _page(
        "Sign in",
        f"""{warning}
<form method="post" action="/login">
<input type="hidden" name="to" value="{_escape(to)}">
<label>Username or e-mail address
<input name="username" value="{_escape(username)}" autocomplete="username" autofocus required></label>
<label>Password
<input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form>""",
        status=403 if problem else 200,
        form_action="'self'",
    )


def portal(name: str, tiles: Iterable[tuple[str, str]]) -> Response:
    """The applications of a person, as pairs of title and address, and the way out."""
    items = "".join(
        f'<li><a class="tile" href="{_escape(address)}">{_escape(title)}</a></li>' for title, address in tiles
    )
    listed = f"<ul>{items}</ul>" if items else "<p>No application has been assigned to you.</p>"
    return _page(
        "Your applications",
        f"""<p>You are signed in as {_escape(name)}.</p>
{listed}
<form method="post" action="/logout"><button>Sign out</button></form>""",
        form_action="'self'",
    )


def problem(title: str, text: str, status: int) -> Response:
    """The end of the way: nothing is sent to any application."""
    return _page(
        title, f'<p class="problem">{_escape(text)}</p>\n<p><a href="/">To your applications</a></p>', status
    )


def posting(title: str, url: str, fields: Mapping[str, str]) -> Response:
    """The form that carries an answer to an application: sends itself, or by its button."""
    inputs = "\n".join(
        f'<input type="hidden" name="{_escape(name)}" value="{_escape(value)}">'
        for name, value in fields.items()
    )
    return _page(
        f"Signing in to {title}",
        f"""<form method="post" action="{_escape(url)}">
{inputs}
<button>Continue</button>
</form>""",
        script="document.forms[0].submit()",
    )


def _page(
    title: str, content: str, status: int = 200, *, script: str = "", form_action: str = ""
) -> Response:
    nonce = secrets.token_urlsafe(16)
    # Browsers hold form-action against every redirect that follows the form, so the page that posts to
    # an application has none: nobody here knows where the application sends people.
    policy = [
        "default-src 'none'",
        f"style-src 'nonce-{nonce}'",
        *([f"script-src 'nonce-{nonce}'"] if script else []),
        *([f"form-action {form_action}"] if form_action else []),
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    running = f'<script nonce="{nonce}">{script}</script>' if script else ""
    text = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_escape(title)}</title>
<style nonce="{nonce}">{_STYLE}</style>
</head>
<body>
<main>
<h1>{_escape(title)}</h1>
{content}
</main>
<footer>Test identity provider of saml_wsgi. It behaves like JumpCloud and is not JumpCloud.</footer>
{running}
</body>
</html>
"""
    return Response(
        text=text,
        status=status,
        content_type="text/html",
        charset="utf-8",
        headerlist=[
            ("Content-Type", "text/html; charset=utf-8"),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", "; ".join(policy)),
            ("X-Content-Type-Options", "nosniff"),
        ],
    )


def _escape(text: str) -> str:
    return html.escape(text, quote=True)
