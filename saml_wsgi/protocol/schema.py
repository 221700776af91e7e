"""The SAML protocol schema, as python3-saml brings it along."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from lxml import etree

from saml_wsgi.errors import Refused
from saml_wsgi.protocol.vocabulary import Element


def validate(element: Element) -> None:
    """Check the element and all below it.

    Raises:
        Refused: ``schema_invalid``.
    """
    schema = _schema()
    if not schema.validate(element):
        # Its message would quote what the attributes say.
        error = schema.error_log.last_error
        raise Refused("schema_invalid", f"{error.type_name} at line {error.line}" if error else "")


#: XML Encryption 1.1 came after SAML's schemas, which know no MGF below EncryptionMethod.
_SCHEMA: Final = """
<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/2009/xmlenc11#">
  <import namespace="urn:oasis:names:tc:SAML:2.0:protocol" schemaLocation={location}/>
  <element name="MGF">
    <complexType><attribute name="Algorithm" type="anyURI" use="required"/></complexType>
  </element>
</schema>
"""


@cache
def _schema() -> Any:
    """The SAML protocol schema, compiled once. Verdicts are safe between threads, its error log isn't."""
    found = importlib.util.find_spec("onelogin.saml2")
    assert found is not None
    assert found.origin is not None
    file = Path(found.origin).parent / "schemas" / "saml-schema-protocol-2.0.xsd"
    return etree.XMLSchema(etree.fromstring(_SCHEMA.format(location=quoteattr(file.as_uri()))))
