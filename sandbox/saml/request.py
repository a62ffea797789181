"""An AuthnRequest as it comes by HTTP-POST or HTTP-Redirect: decode it, verify its signature.

What the request must say beyond that, each counterpart knows for itself.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from sandbox.saml.names import signature_uri, tag
from sandbox.saml.signing import BadSignature, parse, verify

_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


class Unreadable(Exception):
    """What came is no AuthnRequest; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """What the browser brought, undecoded."""

    destination: str
    """The address it came to."""
    saml_request: str
    relay_state: str | None
    query: bytes | None = None
    """The raw query string of a Redirect; None for POST."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An AuthnRequest decoded, not yet believed."""

    incoming: Incoming
    document: bytes
    element: etree._Element

    @property
    def issuer(self) -> str:
        return (self.element.findtext(tag("saml2:Issuer")) or "").strip()

    def verified(self, certificates: tuple[x509.Certificate, ...], *, pkcs1: bool = False) -> etree._Element:
        """The element that the signature covers. ``pkcs1`` lets RSA PKCS#1 v1.5 pass as well.

        Raises BadSignature.
        """
        if self.incoming.query is None:
            return verify(self.document, certificates, pkcs1=pkcs1)
        verify_query(self.incoming.query, certificates, pkcs1=pkcs1)
        return self.element


def read_message(incoming: Incoming) -> Message:
    """Undo the encoding of the binding; raises Unreadable."""
    try:
        octets = base64.b64decode(incoming.saml_request, validate=True)
        document = octets if incoming.query is None else inflate(octets)
        element = parse(document)
    except (binascii.Error, zlib.error, BadSignature) as error:
        raise Unreadable("SAMLRequest cannot be read") from error
    if element.tag != tag("saml2p:AuthnRequest"):
        raise Unreadable("not an AuthnRequest")
    return Message(incoming=incoming, document=document, element=element)


def inflate(octets: bytes) -> bytes:
    """The DEFLATE encoding of HTTP-Redirect undone (Bindings §3.4.4.1); raises zlib.error."""
    engine = zlib.decompressobj(-15)
    document = engine.decompress(octets, 262_144)
    if not engine.eof or engine.unused_data:
        raise zlib.error("not one DEFLATE stream of less than 256 KiB")
    return document


def verify_query(query: bytes, certificates: tuple[x509.Certificate, ...], *, pkcs1: bool = False) -> None:
    """The detached signature of HTTP-Redirect over the raw octets (Bindings §3.4.4.1).

    ``pkcs1`` lets RSA PKCS#1 v1.5 pass as well. Raises BadSignature.
    """
    raw: dict[bytes, bytes] = {}
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name in raw:
            raise BadSignature(f"parameter {name.decode(errors='replace')} twice")
        raw[name] = value
    if b"SigAlg" not in raw or b"Signature" not in raw:
        raise BadSignature("SigAlg or Signature missing")
    names = [b"SAMLRequest", b"RelayState", b"SigAlg"]
    signed = b"&".join(name + b"=" + raw[name] for name in names if name in raw)
    algorithm = unquote_to_bytes(raw[b"SigAlg"]).decode(errors="replace")
    try:
        value = base64.b64decode(unquote_to_bytes(raw[b"Signature"]), validate=True)
    except binascii.Error as error:
        raise BadSignature("Signature is not base64") from error
    reason = BadSignature("Signature does not verify")
    for certificate in certificates:
        try:
            _check(certificate, algorithm, value, signed, pkcs1=pkcs1)
        except InvalidSignature:
            continue
        except BadSignature as error:  # while a key is being changed there may be one of either kind
            reason = error
            continue
        return
    raise reason


def _check(
    certificate: x509.Certificate, algorithm: str, value: bytes, signed: bytes, *, pkcs1: bool
) -> None:
    key = certificate.public_key()
    for bits, hash_class in _HASHES.items():
        chosen = hash_class()
        if isinstance(key, rsa.RSAPublicKey) and algorithm == signature_uri(f"sha{bits}-rsa-MGF1"):
            key.verify(value, signed, PSS(MGF1(chosen), chosen.digest_size), chosen)
            return
        if pkcs1 and isinstance(key, rsa.RSAPublicKey) and algorithm == signature_uri(f"rsa-sha{bits}"):
            key.verify(value, signed, PKCS1v15(), chosen)
            return
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm == signature_uri(f"ecdsa-sha{bits}"):
            half = (key.curve.key_size + 7) // 8
            if len(value) != 2 * half:
                raise BadSignature("ECDSA signature is not r followed by s")
            r, s = int.from_bytes(value[:half]), int.from_bytes(value[half:])
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(chosen))
            return
    raise BadSignature(f"SigAlg not allowed: {algorithm}")
