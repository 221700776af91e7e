"""Mara and José, as the identity provider speaks of them and as the application knows them."""

from __future__ import annotations

from typing import Final

from tests.flow.situations import Account, Says

MARA: Final = Says(
    "id-mara",
    {
        "username": "mara",
        "email": "mara@example.test",
        "firstname": "Mara",
        "lastname": "Lindqvist",
        "displayname": "Mara Lindqvist",
        "memberOf": ("Staff", "Wiki Editors"),
    },
)
JOSE: Final = Says(
    "id-jose",
    {
        "username": "jose",
        "email": "jose@example.test",
        "firstname": "José",
        "lastname": "Núñez",
        "displayname": "José Núñez",
        "memberOf": ("Staff",),
    },
)

#: What JIT makes of them.
MARA_HERE: Final = Account(
    "mara",
    "mara@example.test",
    "Mara",
    "Lindqvist",
    "Mara Lindqvist",
    groups=("Staff", "Wiki Editors"),
    subject="NameID:id-mara",
)
JOSE_HERE: Final = Account(
    "jose",
    "jose@example.test",
    "José",
    "Núñez",
    "José Núñez",
    groups=("Staff",),
    subject="NameID:id-jose",
)

#: Mara, made by an administrator, before she ever signed in.
MARA_BY_HAND: Final = Account(
    "mara", "mara@example.test", "Mara", "Berg", "Mara from Sales", groups=("Sales",), managed_by="local"
)
