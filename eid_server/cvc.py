"""Card verifiable certificates (TR-03110-3 C.1, C.3, D.2, D.3).

::

    7F21 { 7F4E { 5F29 00  42 issuer  7F49 key  5F20 holder  7F4C CHAT  5F25 from  5F24 until  65 { 73 … }? }
           5F37 r‖s }

The signature covers the whole ``7F4E`` object and is verified with the issuer's key on the issuer's
domain parameters: certificates of document verifiers and terminals carry only a point and inherit
the curve from their CVCA, as a link certificate may. Dates are six octets, one decimal digit each,
YYMMDD. Extensions nobody here knows are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from eid_server import curves, tlv
from eid_server.chat import Chat, Role
from eid_server.errors import Malformed, ProtocolViolation

ID_TA_ECDSA_SHA_256 = "0.4.0.127.0.7.2.2.2.2.3"
_HASHES: Mapping[str, hashes.HashAlgorithm] = MappingProxyType(
    {
        ID_TA_ECDSA_SHA_256: hashes.SHA256(),
        "0.4.0.127.0.7.2.2.2.2.4": hashes.SHA384(),
        "0.4.0.127.0.7.2.2.2.2.5": hashes.SHA512(),
    }
)
"""id-TA-ECDSA (TR-03110-3 A.7.4.1); SHA-1, SHA-224 and RSA are not accepted."""

ID_DESCRIPTION = "0.4.0.127.0.7.3.1.3.1"
ID_SECTOR_RI = "0.4.0.127.0.7.3.1.3.2"
"""Certificate extensions (TR-03110-3 C.3.2.1, TR-03110-4 2.2.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CVCertificate:
    """A decoded certificate; decoding proves nothing, ``verify`` and ``cvc_chain`` do."""

    authority_reference: str
    holder_reference: str
    algorithm: str
    """Object identifier of what the holder signs with."""
    domain: curves.Domain | None
    """Written out in CVCA certificates, except in some links."""
    point: bytes
    chat: Chat
    effective: date
    expiry: date
    extensions: Mapping[str, tuple[bytes, ...]]
    """The two extensions above, where present, to the octets of their objects 80 and 81."""
    body: bytes
    signature: bytes
    encoded: bytes

    @classmethod
    def parse(cls, octets: bytes) -> CVCertificate:
        """Raises Malformed unless ``octets`` are one certificate of the authentication PKI."""
        body, signature = tlv.sequence(tlv.one(octets, 0x7F21).value, 0x7F4E, 0x5F37)
        fields = body.children()
        expected = (0x5F29, 0x42, 0x7F49, 0x5F20, 0x7F4C, 0x5F25, 0x5F24)
        tags = tuple(field.tag for field in fields)
        if tags not in {expected, (*expected, 0x65)}:
            raise Malformed("objects missing, unexpected or out of order in a certificate body")
        profile, authority, key, holder, chat, effective, expiry, *extensions = fields
        if profile.value != b"\x00":
            raise Malformed("a certificate profile other than version 1")
        algorithm, domain, point = _public_key(key)
        is_root = authority.value == holder.value
        if (domain is None and is_root) or (domain and Chat.parse(chat.encoded).role is not Role.CVCA):
            raise Malformed("domain parameters missing, or where none belong (TR-03110-3 D.3.3)")
        return cls(
            authority_reference=_reference(authority.value),
            holder_reference=_reference(holder.value),
            algorithm=algorithm,
            domain=domain,
            point=point,
            chat=Chat.parse(chat.encoded),
            effective=_date(effective.value),
            expiry=_date(expiry.value),
            extensions=MappingProxyType(_extensions(extensions[0]) if extensions else {}),
            body=body.encoded,
            signature=signature.value,
            encoded=octets,
        )

    @property
    def description_hash(self) -> bytes | None:
        """SHA-256 of the certificate description this certificate was issued for."""
        found = self.extensions.get(ID_DESCRIPTION)
        return found[0] if found else None

    @property
    def sector_hashes(self) -> tuple[bytes, ...]:
        """SHA-256 of the terminal's sector public keys: one, two while the sector migrates, or none."""
        return self.extensions.get(ID_SECTOR_RI, ())

    def public_key(self, inherited: curves.Domain | None = None) -> ec.EllipticCurvePublicKey:
        """The holder's key, on its own domain parameters or the inherited ones; raises Malformed."""
        domain = self.domain or inherited
        if domain is None:
            raise Malformed("no domain parameters for the key of a certificate")
        return curves.public_key(domain, self.point)

    def verify(self, issuer: ec.EllipticCurvePublicKey, algorithm: str) -> None:
        """Check the signature with the issuer's key and algorithm; raises ProtocolViolation."""
        verify_plain(issuer, self.signature, self.body, algorithm)


def sign_plain(key: ec.EllipticCurvePrivateKey, message: bytes, algorithm: str) -> bytes:
    """ECDSA in plain format, r‖s (TR-03111 §5.2.1); raises Malformed for another algorithm."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(_hash(algorithm))))
    size = len(curves.domain_of(key).n)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def verify_plain(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes, algorithm: str) -> None:
    """Raises ProtocolViolation when the signature does not verify, Malformed for another algorithm."""
    size = len(curves.domain_of(key).n)
    if len(signature) != 2 * size:
        raise Malformed("a plain signature has two numbers of the order's length")
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(_hash(algorithm)))
    except InvalidSignature:
        raise ProtocolViolation("a signature does not verify") from None


def build_certificate(
    *,
    issuer: ec.EllipticCurvePrivateKey,
    authority_reference: str,
    holder: ec.EllipticCurvePublicKey,
    holder_reference: str,
    chat: Chat,
    effective: date,
    expiry: date,
    extensions: Mapping[str, tuple[bytes, ...]] = MappingProxyType({}),
) -> CVCertificate:
    """Issue a certificate (for test hierarchies); everything is signed with ECDSA and SHA-256."""
    key = tlv.write(0x06, tlv.object_identifier(ID_TA_ECDSA_SHA_256))
    domain = curves.domain_of(holder)
    point = curves.point(holder)
    key += explicit_key(domain, point) if chat.role is Role.CVCA else tlv.write(0x86, point)
    body = (
        tlv.write(0x5F29, b"\x00")
        + tlv.write(0x42, authority_reference.encode("latin-1"))
        + tlv.write(0x7F49, key)
        + tlv.write(0x5F20, holder_reference.encode("latin-1"))
        + chat.encoded
        + tlv.write(0x5F25, _digits(effective))
        + tlv.write(0x5F24, _digits(expiry))
    )
    if extensions:
        body += tlv.write(0x65, b"".join(_extension(name, values) for name, values in extensions.items()))
    body = tlv.write(0x7F4E, body)
    signature = sign_plain(issuer, body, ID_TA_ECDSA_SHA_256)
    return CVCertificate.parse(tlv.write(0x7F21, body + tlv.write(0x5F37, signature)))


def explicit_key(domain: curves.Domain, point: bytes) -> bytes:
    """Objects 81 to 87 of a public key with its domain parameters (TR-03110-3 D.3.3, D.2.1.1)."""
    p, a, b, n = (value.lstrip(b"\0") for value in (domain.p, domain.a, domain.b, domain.n))
    values = (p, a, b, domain.generator, n, point, domain.h)
    return b"".join(tlv.write(0x81 + number, value) for number, value in enumerate(values))


def _public_key(element: tlv.Element) -> tuple[str, curves.Domain | None, bytes]:
    fields = element.children()
    tags = tuple(field.tag for field in fields)
    algorithm = tlv.oid(fields[0].value) if tags[:1] == (0x06,) else ""
    if algorithm not in _HASHES:
        raise Malformed("a certificate's key is for another algorithm")
    if tags == (0x06, 0x86):
        return algorithm, None, fields[1].value
    cofactor = (tlv.Element(tag=0x87, value=b"\x01", encoded=b""),) if tags[-1] != 0x87 else ()
    if tags not in {(0x06, *range(0x81, 0x87)), (0x06, *range(0x81, 0x88))}:
        raise Malformed("objects missing, unexpected or out of order in a public key")
    p, a, b, generator, n, point, h = (field.value for field in (*fields[1:], *cofactor))
    if any(value.startswith(b"\0") for value in (p, a, b, n, h)):
        raise Malformed("domain parameters with leading zeros (TR-03110-3 D.2.1.1)")
    return algorithm, curves.explicit(p=p, a=a, b=b, generator=generator, n=n, h=h), point


def _hash(algorithm: str) -> hashes.HashAlgorithm:
    try:
        return _HASHES[algorithm]
    except KeyError:
        raise Malformed("a signature algorithm outside the accepted list") from None


def _reference(octets: bytes) -> str:
    """Country code, mnemonic, sequence number: at most 16 characters (TR-03110-3 A.7.1)."""
    text = octets.decode("latin-1")
    if not 8 <= len(text) <= 16 or not text.isprintable() or not (text[:2].isascii() and text[:2].isupper()):
        raise Malformed("not a certificate holder or authority reference")
    return text


def _date(octets: bytes) -> date:
    if len(octets) != 6 or max(octets) > 9:
        raise Malformed("not a date of six digits")
    year, month, day = (octets[at] * 10 + octets[at + 1] for at in (0, 2, 4))
    try:
        return date(2000 + year, month, day)
    except ValueError:
        raise Malformed("not a day of the calendar") from None


def _digits(day: date) -> bytes:
    return bytes(int(digit) for digit in f"{day:%y%m%d}")


def _extensions(element: tlv.Element) -> dict[str, tuple[bytes, ...]]:
    found: dict[str, tuple[bytes, ...]] = {}
    for template in element.children():
        fields = template.children() if template.tag == 0x73 else ()
        tags = [field.tag for field in fields]
        if tags[:1] != [0x06]:
            raise Malformed("a certificate extension in another form")
        name = tlv.oid(fields[0].value)
        if name not in {ID_DESCRIPTION, ID_SECTOR_RI}:
            continue
        if name in found or tags[1:] not in ([0x80], [0x80, 0x81]):
            raise Malformed("a certificate extension twice or in another form")
        found[name] = tuple(field.value for field in fields[1:])
        if any(len(value) != 32 for value in found[name]):
            raise Malformed("a hash in a certificate extension is not SHA-256")
    return found


def _extension(name: str, values: tuple[bytes, ...]) -> bytes:
    objects = b"".join(tlv.write(0x80 + number, value) for number, value in enumerate(values))
    return tlv.write(0x73, tlv.write(0x06, tlv.object_identifier(name)) + objects)
