"""Small pieces of XML that metadata and messages are made of."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime

from cryptography import x509
from lxml import etree

from sandbox.saml.names import NSMAP, tag
from sandbox.saml.signing import certificate_text


def instant(moment: datetime) -> str:
    """``xs:dateTime`` in UTC with milliseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def identifier(octets: int) -> str:
    """An ``xs:ID`` with so many random octets."""
    return "_" + secrets.token_hex(octets)


def signing_key(role: etree._Element, certificate: x509.Certificate) -> None:
    """Append ``md:KeyDescriptor`` for signing."""
    descriptor = etree.SubElement(role, tag("md:KeyDescriptor"), {"use": "signing"})
    info = etree.SubElement(descriptor, tag("ds:KeyInfo"), nsmap={"ds": NSMAP["ds"]})
    data = etree.SubElement(info, tag("ds:X509Data"))
    etree.SubElement(data, tag("ds:X509Certificate")).text = certificate_text(certificate)


def certificates(role: etree._Element, *uses: str | None) -> tuple[x509.Certificate, ...]:
    """Certificates of those ``md:KeyDescriptor`` whose ``use`` is listed; None is one without."""
    path = f"{tag('ds:KeyInfo')}/{tag('ds:X509Data')}/{tag('ds:X509Certificate')}"
    return tuple(
        x509.load_der_x509_certificate(base64.b64decode(element.text or ""))
        for descriptor in role.findall(tag("md:KeyDescriptor"))
        if descriptor.get("use") in uses
        for element in descriptor.findall(path)
    )


def write_text(element: etree._Element, text: str, comment_at: int | None) -> None:
    """``text``, with an XML comment after so many characters unless None."""
    if comment_at is None:
        element.text = text
        return
    comment = etree.Comment("sandbox")
    element.text = text[:comment_at]
    comment.tail = text[comment_at:]
    element.append(comment)
