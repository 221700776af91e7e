"""A shop with a table of customers that it had before anybody signed in through SAML."""

from __future__ import annotations

import html
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

DATABASE = Path(__file__).resolve().parent / "shop.db"

SCHEMA = """
CREATE TABLE IF NOT EXISTS customers (
    number INTEGER PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    mail TEXT,
    called TEXT,
    enabled BOOLEAN NOT NULL DEFAULT 1,
    orders INTEGER NOT NULL DEFAULT 0
);
INSERT OR IGNORE INTO customers (login, mail, called, orders)
VALUES ('mara', 'mara@example.test', 'Mara Lindqvist', 3);
"""


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Greet a customer by the shop's own name for them; the id is the key of the shop's own table."""
    user = environ.get("saml_wsgi.user")
    if user is None:  # a public path
        body = f'<p>Hello, stranger. <a href="{environ["saml_wsgi.login_url"]}">Sign in</a></p>'
    else:
        with closing(sqlite3.connect(DATABASE)) as database:
            query = "SELECT orders FROM customers WHERE number = ?"
            (orders,) = database.execute(query, [int(user.id)]).fetchone()
        body = (
            f"<h1>Hello {html.escape(user.display_name)}</h1><p>You have {orders} orders."
            f'<p><a href="{environ["saml_wsgi.logout_url"]}">Sign out</a></p>'
        )
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>Shop</title>{body}"
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")])
    return [page.encode()]


def factory(global_conf: dict[str, str], **options: str) -> Any:
    """What ``paste.app_factory`` in the ini calls."""
    del global_conf, options
    return application


if __name__ == "__main__":
    with closing(sqlite3.connect(DATABASE)) as made:
        made.executescript(SCHEMA)
