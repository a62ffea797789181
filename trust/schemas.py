"""The OASIS and W3C schemas of SAML, compiled once from the copies that pysaml2 carries.

libxml2 validates a message in some 30 microseconds. Attribute values are left out: their types
live in namespaces that grow with every eIDAS edition, and ``connectors.eidas.attributes`` checks
them value by value.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

from lxml import etree

from trust.errors import VerificationError
from trust.schema_file import COMPILING
from trust.xml import DS, EC14N, SAML, Element

_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_CANONICALIZATION = "{" + DS + "}CanonicalizationMethod"
_INCLUSIVE_NAMESPACES = "{" + EC14N + "}InclusiveNamespaces"
_ATTRIBUTE = "{" + SAML + "}Attribute"
_ATTRIBUTE_VALUE = "{" + SAML + "}AttributeValue"
_ENTRY_POINTS = {
    "urn:oasis:names:tc:SAML:2.0:protocol": "saml-schema-protocol-2.0.xsd",
    "urn:oasis:names:tc:SAML:2.0:metadata": "saml-schema-metadata-2.0.xsd",
    "http://www.w3.org/2009/xmlenc11#": "xenc-schema-11.xsd",
}
_lock = Lock()


def validate(element: Element, *, on_attributes: frozenset[str] = frozenset()) -> None:
    """Check ``element`` (a SAML message, assertion or metadata root) against the SAML schemas.

    ``on_attributes`` names XML attributes without a namespace that a profile puts on
    ``saml:Attribute``, where the schema leaves room for qualified ones only.
    Raises VerificationError ``xml.schema``. eIDAS Interoperability Architecture §7.5 wants this
    before the signature is verified and again for decrypted content.
    """
    copy = deepcopy(element)
    for name in on_attributes:
        for attribute in copy.iter(_ATTRIBUTE):
            attribute.attrib.pop(name, "")
    for value in copy.iter(_ATTRIBUTE_VALUE):
        for typed in value.iter():  # structured values carry types of their own inside
            typed.attrib.pop(_XSI_TYPE, "")
    for method in copy.iter(_CANONICALIZATION):
        # the schema of XML-DSig wants a declaration for its child, which that of exclusive c14n would
        # bring; trust.signatures holds the child to the one form it may have
        for inclusive in method.findall(_INCLUSIVE_NAMESPACES):
            method.remove(inclusive)
    with COMPILING:
        schema = _schema()
    with _lock:  # the error log of an XMLSchema object is shared between threads
        if schema.validate(copy):
            return
        rules = [entry.type_name for entry in schema.error_log]  # type: ignore[attr-defined]  # missing in lxml's stubs
    # the name of the rule; the message itself would quote the foreign value
    raise VerificationError("xml.schema", rules[-1] if rules else "")


class ProfileSchema:
    """A schema of our own about what a profile adds to SAML; imports beside it, then SAML's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()

    def validate(self, element: Element) -> None:
        """Raises VerificationError ``xml.schema`` with the name of the rule."""
        with COMPILING:
            schema = _profile(self._path)
        with self._lock:
            if schema.validate(element):
                return
            rules = [entry.type_name for entry in schema.error_log]  # type: ignore[attr-defined]  # missing in lxml's stubs
        raise VerificationError("xml.schema", rules[-1] if rules else "")


@cache
def _profile(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(path.read_bytes(), _parser(), base_url=str(path)))


def _folder() -> Path:
    specification = find_spec("saml2")
    if specification is None or specification.origin is None:
        raise ImportError("pysaml2 is not installed")
    return Path(specification.origin).parent / "data" / "schemas"


def _parser() -> etree.XMLParser:
    folder = _folder()

    class Local(etree.Resolver):
        def resolve(self, system_url: str, _public_id: str, context: object) -> object:  # type: ignore[override]  # lxml's stubs lack the context
            return self.resolve_filename(str(folder / Path(system_url).name), context)  # type: ignore[attr-defined]  # missing in the stubs

    # trusted files of our own lock; their internal DTD subset defines entities
    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=True)
    parser.resolvers.add(Local())
    return parser


@cache
def _schema() -> etree.XMLSchema:
    imports = "".join(
        f'<import namespace="{namespace}" schemaLocation="{name}"/>'
        for namespace, name in _ENTRY_POINTS.items()
    )
    wrapper = etree.fromstring(
        f'<schema xmlns="http://www.w3.org/2001/XMLSchema">{imports}</schema>',
        _parser(),
        base_url=str(_folder() / "wrapper.xsd"),
    )
    return etree.XMLSchema(wrapper)
