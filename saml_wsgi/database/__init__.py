"""Where SQL happens: engines, tables, and the version of the schema.

The layer below ``directories`` and ``stores``. Nothing else makes an engine.
"""

from __future__ import annotations

from saml_wsgi.database.engines import answering, connect, disconnect, insert_into, reading, reason
from saml_wsgi.database.prepared import Prepared, Transaction, rows
from saml_wsgi.database.schema import create, examine, prepare, require_current, upgrade

__all__ = [
    "Prepared",
    "Transaction",
    "answering",
    "connect",
    "create",
    "disconnect",
    "examine",
    "insert_into",
    "prepare",
    "reading",
    "reason",
    "require_current",
    "rows",
    "upgrade",
]
