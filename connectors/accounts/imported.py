"""Metadata for an account that publishes none: made once from what its operator hands over.

Mein Unternehmenskonto gives out an entityID, an address and a certificate. An administrator turns
them into a document with ``peer_document``, two people compare it, and its SHA-256 becomes the
anchor (kind ``pinned-metadata``). From then on it is believed like any other metadata: it has an
end, it can be suspended, and a new certificate is a new decision.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from lxml import etree

from connectors.saml.request import HTTP_POST
from trust.pinned import PinnedKey
from trust.xml import DS, MD, SAMLP

_MD = "{" + MD + "}"
_DS = "{" + DS + "}"


def peer_document(entity_id: str, single_sign_on: str, certificates: Sequence[bytes]) -> bytes:
    """An EntityDescriptor with one HTTP-POST endpoint and the signing ``certificates`` (PEM or DER).

    Raises ValueError without a certificate, VerificationError ``certificate.unreadable``.
    """
    if not certificates:
        raise ValueError("at least one signing certificate")
    document = etree.Element(_MD + "EntityDescriptor", nsmap={"md": MD, "ds": DS})
    document.set("entityID", entity_id)
    role = etree.SubElement(document, _MD + "IDPSSODescriptor")
    role.set("WantAuthnRequestsSigned", "true")
    role.set("protocolSupportEnumeration", SAMLP)
    for octets in certificates:
        key = etree.SubElement(role, _MD + "KeyDescriptor", {"use": "signing"})
        data = etree.SubElement(etree.SubElement(key, _DS + "KeyInfo"), _DS + "X509Data")
        der = PinnedKey.from_certificate(octets).certificate or b""
        etree.SubElement(data, _DS + "X509Certificate").text = base64.b64encode(der).decode()
    etree.SubElement(role, _MD + "SingleSignOnService", {"Binding": HTTP_POST, "Location": single_sign_on})
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)
