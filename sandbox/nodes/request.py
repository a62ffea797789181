"""An AuthnRequest as a node takes it: decode, verify, then every rule of eidas.md §2.

A request that breaks a rule ends in ``Refused`` with the rule in words and the number that the
reference node uses, so that a developer sees the reason at once.
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

from sandbox.nodes.attributes import AttributeName
from sandbox.nodes.names import signature_uri, tag
from sandbox.nodes.requester import Requester, Requesters, UnknownRequester
from sandbox.nodes.signing import BadSignature, parse, verify

LIMIT = 131_072
"""NODE takes no longer SAMLRequest."""

_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


class Refused(Exception):
    """The request breaks ``rule``; ``requester`` is None while nobody can be answered."""

    def __init__(
        self, number: str, rule: str, *, second: str | None = None, requester: Requester | None = None
    ) -> None:
        super().__init__(f"{number}: {rule}")
        self.number = number
        self.rule = rule
        self.second = second
        self.requester = requester
        self.in_response_to: str | None = None
        self.relay_state: str | None = None


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
class Request:
    """A request that the node accepts."""

    id: str
    requester: Requester
    consumer: str
    relay_state: str | None
    comparison: str
    levels: tuple[str, ...]
    name_id_format: str | None
    attributes: tuple[AttributeName, ...]
    requester_id: str | None
    provider_name: str | None
    sp_type: str

    @property
    def persons(self) -> frozenset[str]:
        return frozenset(a.person for a in self.attributes)

    def satisfied_by(self, level: str) -> bool:
        """Whether an answer with this LoA URI meets RequestedAuthnContext (eidas.md §2.4)."""
        if self.comparison == "exact":
            return level in self.levels
        order = [f"http://eidas.europa.eu/LoA/{word}" for word in ("low", "substantial", "high")]
        return level in order and order.index(level) >= order.index(self.levels[0])


def take(incoming: Incoming, requesters: Requesters) -> tuple[etree._Element, Requester]:
    """Decode and verify; the element read is the one the signature covers. Raises Refused."""
    if len(incoming.saml_request) > LIMIT:
        raise Refused("202002", "SAMLRequest longer than 131072 characters")
    if incoming.relay_state is not None and len(incoming.relay_state) > 80:
        raise Refused("202002", "RelayState longer than 80 characters")
    redirect = incoming.query is not None
    try:
        octets = base64.b64decode(incoming.saml_request, validate=True)
        document = inflate(octets) if redirect else octets
        unverified = parse(document)
    except (binascii.Error, zlib.error, BadSignature) as error:
        raise Refused("203007", "SAMLRequest cannot be read") from error
    if unverified.tag != tag("saml2p:AuthnRequest"):
        raise Refused("203007", "not an AuthnRequest")
    if redirect and unverified.find(tag("ds:Signature")) is not None:
        raise Refused("203015", "a Redirect message carries no ds:Signature (Bindings 3.4.4.1)")
    issuer = (unverified.findtext(tag("saml2:Issuer")) or "").strip()
    return _verified(incoming, document, unverified, issuer, requesters)


def _verified(
    incoming: Incoming,
    document: bytes,
    unverified: etree._Element,
    issuer: str,
    requesters: Requesters,
) -> tuple[etree._Element, Requester]:
    reason = ""
    for fresh in (False, True):  # the second round with fresh metadata: the keys may be new
        try:
            requester = requesters.find(issuer, fresh=fresh)
        except UnknownRequester as error:
            raise Refused("003009", f"requester not known: {error}") from error
        try:
            if incoming.query is None:
                return verify(document, requester.signing), requester
            verify_query(incoming.query, requester.signing)
        except BadSignature as error:
            reason = str(error)
            continue
        return unverified, requester
    raise Refused("203015", f"signature of the request: {reason}")


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
    for certificate in certificates:
        try:
            _check(certificate, algorithm, value, signed, pkcs1=pkcs1)
        except InvalidSignature:
            continue
        return
    raise BadSignature("Signature does not verify")


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
