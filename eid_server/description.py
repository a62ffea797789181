"""Certificate description: whom the citizen deals with (TR-03110-4 2.2.6).

DER with explicit tags::

    SEQUENCE { id-plainFormat, [1] UTF8 issuerName, [2] Printable issuerURL?, [3] UTF8 subjectName,
               [4] Printable subjectURL?, [5] UTF8 termsOfUsage, [6] Printable redirectURL?,
               [7] SET OF OCTET STRING commCertificates? }

The eID-Client shows it before the PIN is typed and takes from it where the login may happen
(``subjectURL``) and which TLS certificates it may meet on the way (``commCertificates``).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from eid_server import tlv
from eid_server.cvc import CVCertificate
from eid_server.errors import Malformed, ProtocolViolation

ID_PLAIN_FORMAT = "0.4.0.127.0.7.3.1.3.1.1"
"""HTML and PDF as terms of usage exist on paper; eID-Clients show plain text."""
_UTF8, _PRINTABLE = 0x0C, 0x13
_ENCODINGS = {_UTF8: "utf-8", _PRINTABLE: "ascii"}
_FIELDS = {
    0xA1: ("issuer_name", _UTF8),
    0xA2: ("issuer_url", _PRINTABLE),
    0xA3: ("subject_name", _UTF8),
    0xA4: ("subject_url", _PRINTABLE),
    0xA5: ("terms_of_usage", _UTF8),
    0xA6: ("redirect_url", _PRINTABLE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateDescription:
    issuer_name: str
    subject_name: str
    terms_of_usage: str
    issuer_url: str | None = None
    subject_url: str | None = None
    redirect_url: str | None = None
    comm_certificates: frozenset[bytes] = frozenset()
    """SHA-256 of each TLS certificate (DER) the eID-Client may meet."""

    @classmethod
    def parse(cls, octets: bytes) -> CertificateDescription:
        """Raises Malformed."""
        fields = tlv.one(octets, 0x30).children()
        tags = [field.tag for field in fields]
        if tags[:1] != [0x06] or tlv.oid(fields[0].value) != ID_PLAIN_FORMAT:
            raise Malformed("a certificate description in another format than plain text")
        if tags != sorted(set(tags)) or not {0xA1, 0xA3, 0xA5} <= set(tags) <= {0x06, *_FIELDS, 0xA7}:
            raise Malformed("fields missing, unexpected or out of order in a certificate description")
        texts = {
            _FIELDS[field.tag][0]: _text(field, _FIELDS[field.tag][1])
            for field in fields
            if field.tag in _FIELDS
        }
        certificates = [_hashes(field) for field in fields if field.tag == 0xA7]
        return cls(**texts, comm_certificates=certificates[0] if certificates else frozenset())

    @property
    def encoded(self) -> bytes:
        """The octets that are hashed and sent."""
        content = tlv.write(0x06, tlv.object_identifier(ID_PLAIN_FORMAT))
        for tag, (name, string) in _FIELDS.items():
            text: str | None = getattr(self, name)
            if text is not None:
                content += tlv.write(tag, tlv.write(string, text.encode(_ENCODINGS[string])))
        if self.comm_certificates:
            hashes = b"".join(tlv.write(0x04, value) for value in sorted(self.comm_certificates))
            content += tlv.write(0xA7, tlv.write(0x31, hashes))
        return tlv.write(0x30, content)

    @property
    def hash(self) -> bytes:
        """What the extension id-description of the terminal certificate holds."""
        return sha256(self.encoded).digest()


def require_description(certificate: CVCertificate, encoded: bytes) -> CertificateDescription:
    """The description with which this terminal certificate was issued.

    Raises ProtocolViolation if the hash is another or missing (an eID-Client ends with
    ``clientError``), Malformed.
    """
    if certificate.description_hash != sha256(encoded).digest():
        raise ProtocolViolation("the certificate description is not that of the terminal certificate")
    return CertificateDescription.parse(encoded)


def _text(field: tlv.Element, string: int) -> str:
    try:
        return tlv.one(field.value, string).value.decode(_ENCODINGS[string])
    except UnicodeDecodeError:
        raise Malformed("text of a certificate description in another encoding") from None


def _hashes(field: tlv.Element) -> frozenset[bytes]:
    elements = tlv.one(field.value, 0x31).children()
    values = frozenset(element.value for element in elements)
    if any(element.tag != 0x04 or len(element.value) != 32 for element in elements):
        raise Malformed("hashes of certificates in another form")
    return values
