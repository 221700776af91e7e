"""Which configuration was it? A name for one, that tells nothing of its secrets."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from saml_wsgi.config.certificates import FileOrText
from saml_wsgi.config.options import TABLE
from saml_wsgi.config.plugged import Plugged
from saml_wsgi.config.reading import Values

_LENGTH: Final = 12
#: Options of plug-ins are theirs, and which of them are secrets only shows in their names.
_SECRET: Final = re.compile(r"secret|pass|pwd|pw$|key|token|credential|auth|url|dsn", re.IGNORECASE)


def fingerprint(values: Values) -> str:
    """Twelve hexadecimal digits, the same for equal configurations, in any process and on any host.

    Secrets have no part in it: it stands in records, and who knows all the rest could try secrets out.
    """
    told: list[tuple[str, object]] = [
        # Text doesn't show itself, and is what was configured all the same.
        (key, value.path or value.text if isinstance(value, FileOrText) else value)
        for key, value in values.by_key.items()
        if not TABLE[key].secret
    ]
    for kind, plugins in (("resolver", values.resolvers), ("source", values.sources)):
        for plugin in plugins:
            told.append((f"{kind}.{plugin.name}.use", plugin.use))
            told += _open(f"{kind}.{plugin.name}", plugin)
    told += _open("directory.option", Plugged("", "", values.directory_options))
    text = "\n".join(f"{key}={value!r}" for key, value in sorted(told))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:_LENGTH]


def _open(prefix: str, plugin: Plugged) -> list[tuple[str, object]]:
    return [
        (f"{prefix}.{name}", "…" if _SECRET.search(name) else value) for name, value in plugin.options.items()
    ]
