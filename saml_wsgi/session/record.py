"""A session as bytes in the store: JSON with a version, sealed, so that writing the store signs nobody in."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any, Final

from saml_wsgi.model import Session, User
from saml_wsgi.signing import Keys

_VERSION: Final = 1
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


def write(session: Session, keys: Keys) -> bytes:
    """The session, sealed together with its key: a record can't be moved to another session's place."""
    user = session.user
    data: dict[str, Any] = {
        "v": _VERSION,
        "key": session.key,
        "user": {
            "id": user.id,
            "username": user.username,
            "email": user.email,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "display_name": user.display_name,
            "employee_id": user.employee_id,
            "groups": list(user.groups),
            "managed_by": user.managed_by,
            "seen": user.seen,
        },
        "attributes": {name: list(values) for name, values in session.attributes.items()},
        "idp": session.idp,
        "name_id": session.name_id,
        "name_id_format": session.name_id_format,
        "session_index": session.session_index,
        "created": session.created,
        "expires": session.expires,
        "seen": session.seen,
        "checked": session.checked,
        "origins": dict(session.origins),
        "in_directory": session.in_directory,
    }
    if session.lost:
        data["lost"] = list(session.lost)
    return keys.seal("record", _encode(data).encode())


def read(sealed: bytes, key: str, keys: Keys) -> Session | None:
    """The session, or None if this isn't one of ours, of this key, in this version."""
    data = keys.unseal("record", sealed)
    if data is None:
        return None
    # Sealed by us: its shape is what a version of ours wrote.
    values: dict[str, Any] = json.loads(data)
    if values.pop("v", None) != _VERSION or values.get("key") != key:
        return None
    user = values.pop("user")
    user["groups"] = tuple(user["groups"])
    attributes = {name: tuple(found) for name, found in values.pop("attributes").items()}
    origins = MappingProxyType(values.pop("origins"))
    lost = tuple(values.pop("lost", ()))
    return Session(
        user=User(**user), attributes=MappingProxyType(attributes), origins=origins, lost=lost, **values
    )
