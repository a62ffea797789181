"""What is asked of an eID-Server, encrypted for it alone (TR-03130-1 §4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from connectors.contract import TokenSource
from connectors.saml import encryption
from connectors.saml.request import Extension
from trust.pinned import PinnedKey
from trust.schemas import ProfileSchema
from trust.xml import SAML

EID = "http://bsi.bund.de/eID/"
XS = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA = ProfileSchema(Path(__file__).parent / "eid-saml.xsd")
_PREFIXES = {"eid": EID, "saml2": SAML, "xs": XS, "xsi": XSI}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """One ``saml2:Attribute`` of ``eid:RequestedAttributes``."""

    name: str
    required: bool = True
    """What the citizen cannot untick."""
    type: str | None = None
    """``xsi:type`` of the value where an input is needed, e.g. ``eid:AgeVerificationRequestType``."""
    text: str | None = None
    parts: Sequence[tuple[str, str]] = ()
    """Child elements of the value in the eID namespace, in the order of the schema."""


def document(requested: Sequence[Requested]) -> bytes:
    """``eid:AuthnRequestExtension`` in the clear.

    Raises VerificationError ``xml.schema`` for what an eID-Server could not read.
    """
    root = etree.Element(f"{{{EID}}}AuthnRequestExtension", {"Version": "2"}, nsmap=_PREFIXES)
    attributes = etree.SubElement(root, f"{{{EID}}}RequestedAttributes")
    for one in requested:
        attribute = etree.SubElement(attributes, f"{{{SAML}}}Attribute", {"Name": one.name})
        attribute.set(f"{{{EID}}}RequiredAttribute", "true" if one.required else "false")
        if one.type is None:
            continue
        value = etree.SubElement(attribute, f"{{{SAML}}}AttributeValue", {f"{{{XSI}}}type": one.type})
        value.text = one.text
        for name, text in one.parts:
            etree.SubElement(value, f"{{{EID}}}{name}").text = text
    SCHEMA.validate(root)
    return etree.tostring(root)


def encrypted(
    requested: Sequence[Requested], recipient: PinnedKey, *, random: TokenSource, named: bool
) -> Extension:
    """``eid:EncryptedAuthnRequestExtension`` for ``samlp:Extensions``; ``named`` as in ``encryption``."""
    data = encryption.encrypt(document(requested), recipient, random=random, named=named)
    return Extension(namespace=EID, tag="EncryptedAuthnRequestExtension", children=(data,))
