"""X.509 certificates of document signers and country signing CAs (ICAO Doc 9303-12).

German signers write their curve out in full, which ``cryptography`` refuses for brainpool curves;
the parameters are therefore compared here (``curves.explicit``) and only the signature is left to
it. Only ECDSA with SHA-2 is accepted, which is all that German document signers use.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from asn1crypto import crl, keys, x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from eid_server import curves
from eid_server.errors import Malformed, Misconfigured

HASHES: Mapping[str, hashes.HashAlgorithm] = MappingProxyType(
    {
        "sha224": hashes.SHA224(),
        "sha256": hashes.SHA256(),
        "sha384": hashes.SHA384(),
        "sha512": hashes.SHA512(),
    }
)
"""ICAO Doc 9303-12 §4.1.6; names as asn1crypto gives them."""
DECODING_ERRORS = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)
"""What asn1crypto raises on damaged octets: ValueError by its documentation, the others when it is surprised."""
ECDSA: Mapping[str, str] = MappingProxyType({f"{name}_ecdsa": name for name in HASHES})
_UNDERSTOOD = {"key_usage", "basic_constraints", "extended_key_usage", "private_key_usage_period"}
"""Extensions that may be critical."""
_SEQUENCE = b"\x30"
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----")


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """A decoded certificate; decoding proves nothing."""

    parsed: Any
    encoded: bytes

    @classmethod
    def load(cls, octets: bytes) -> Certificate:
        """From DER or PEM; raises Malformed."""
        encoded = unarmour(octets)
        try:
            parsed = x509.Certificate.load(encoded, strict=True)
            parsed.native  # noqa: B018 -- asn1crypto decodes lazily; whatever is wrong shall be wrong here
        except DECODING_ERRORS:
            raise Malformed("not an X.509 certificate") from None
        return cls(parsed, encoded)

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the whole certificate."""
        return sha256(self.encoded).digest()

    @property
    def subject(self) -> bytes:
        return _dump(self.parsed.subject)

    @property
    def issuer(self) -> bytes:
        return _dump(self.parsed.issuer)

    @property
    def serial_number(self) -> int:
        serial: int = self.parsed.serial_number
        return serial

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Raises Malformed for another kind of key, a curve not listed, or a point not on it."""
        info = self.parsed.public_key
        if info["algorithm"]["algorithm"].native != "ec":
            raise Malformed("a certificate's key is not for elliptic curves")
        return curves.public_key(_curve(info["algorithm"]["parameters"]), bytes(info["public_key"]))

    def require_valid_at(self, now: datetime) -> None:
        """Raises Malformed outside the period of validity."""
        validity = self.parsed["tbs_certificate"]["validity"]
        if not validity["not_before"].native <= now <= validity["not_after"].native:
            raise Malformed("a certificate is not valid now")

    def require_known_extensions(self) -> None:
        """Raises Malformed for a critical extension that nobody here understands (RFC 5280 §4.2)."""
        for extension in self.parsed["tbs_certificate"]["extensions"]:
            if extension["critical"].native and extension["extn_id"].native not in _UNDERSTOOD:
                raise Malformed("a critical extension of a certificate is not understood")

    def require_signer(self) -> None:
        """Raises Malformed unless the key may sign documents (Doc 9303-12 §7.1)."""
        usage = self.parsed.key_usage_value
        if self.parsed.ca or usage is None or "digital_signature" not in usage.native:
            raise Malformed("a certificate is not that of a document signer")

    def require_authority(self) -> None:
        """Raises Malformed unless the key may sign certificates."""
        usage = self.parsed.key_usage_value
        if not self.parsed.ca or usage is None or "key_cert_sign" not in usage.native:
            raise Malformed("a certificate is not that of a country signing CA")

    def verify_issued_by(self, authority: Certificate) -> None:
        """Raises Malformed unless ``authority`` is the named issuer and its signature verifies."""
        named, own = self.parsed.authority_key_identifier, authority.parsed.key_identifier
        if self.issuer != authority.subject or (named and own and named != own):
            raise Malformed("a certificate names another issuer")
        algorithm = self.parsed["signature_algorithm"]
        if algorithm.dump() != self.parsed["tbs_certificate"]["signature"].dump():
            raise Malformed("a certificate names two signature algorithms")
        verify(
            authority.public_key(),
            bytes(self.parsed["signature_value"]),
            _dump(self.parsed["tbs_certificate"]),
            algorithm["algorithm"].native,
        )


def issuer_of(issued: Certificate | RevocationList, authorities: Iterable[Certificate]) -> Certificate:
    """The authority that has issued it: several may bear one name, as keys follow each other.

    Raises Malformed if none has.
    """
    for authority in authorities:
        with suppress(Malformed):
            issued.verify_issued_by(authority)
            return authority
    raise Malformed("no configured country signing CA has issued it")


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """A CRL of a country signing CA (Doc 9303-12 §7.1.4)."""

    parsed: Any

    @classmethod
    def load(cls, octets: bytes) -> RevocationList:
        """From DER or PEM; raises Malformed."""
        try:
            parsed = crl.CertificateList.load(unarmour(octets), strict=True)
            parsed.native  # noqa: B018 -- asn1crypto decodes lazily
        except DECODING_ERRORS:
            raise Malformed("not a certificate revocation list") from None
        return cls(parsed)

    @property
    def issuer(self) -> bytes:
        return _dump(self.parsed.issuer)

    def verify_issued_by(self, authority: Certificate) -> None:
        """Raises Malformed unless ``authority`` is the named issuer and its signature verifies."""
        if self.issuer != authority.subject:
            raise Malformed("a revocation list names another issuer")
        verify(
            authority.public_key(),
            bytes(self.parsed["signature"]),
            _dump(self.parsed["tbs_cert_list"]),
            self.parsed["signature_algorithm"]["algorithm"].native,
        )

    def require_current(self, now: datetime) -> None:
        """Raises Misconfigured once the next list should be there: fails closed."""
        until = self.parsed["tbs_cert_list"]["next_update"].native
        if until is None or now > until:
            raise Misconfigured("a certificate revocation list is out of date")

    def revokes(self, certificate: Certificate) -> bool:
        entries = self.parsed["tbs_cert_list"]["revoked_certificates"]
        return certificate.issuer == self.issuer and any(
            entry["user_certificate"].native == certificate.serial_number for entry in entries
        )


def verify(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes, algorithm: str) -> None:
    """ECDSA as in X.509; raises Malformed for a wrong signature or another algorithm."""
    if algorithm not in ECDSA:
        raise Malformed("a signature algorithm outside the accepted list")
    try:
        key.verify(signature, message, ec.ECDSA(HASHES[ECDSA[algorithm]]))
    except InvalidSignature:
        raise Malformed("a signature does not verify") from None


def unarmour(octets: bytes) -> bytes:
    """DER of a file that is DER, or one object in PEM and nothing beside it (RFC 7468 §5.1); raises Malformed.

    Of several, people may have been shown another one than the first.
    """
    if octets.startswith(_SEQUENCE):
        return octets
    found = _PEM.fullmatch(octets.strip(b" \t\r\n"))
    if found is None:
        raise Malformed("neither DER nor exactly one object in PEM")
    try:
        return base64.b64decode(b"".join(found[2].split()), validate=True)
    except ValueError:
        raise Malformed("damaged PEM armour") from None


def _dump(value: Any) -> bytes:
    encoded: bytes = value.dump()
    return encoded


def _curve(parameters: keys.ECDomainParameters) -> curves.Domain:
    if parameters.name == "named":
        return curves.named(parameters.chosen.dotted)
    if parameters.name != "specified":
        raise Malformed("a certificate's key has no curve")
    written = parameters.chosen
    if written["field_id"]["field_type"].native != "prime_field":
        raise Malformed("a certificate's key lies on a curve over another field")
    size = (written["field_id"]["parameters"].native.bit_length() + 7) // 8
    order = int(written["order"].native)
    return curves.explicit(
        p=int(written["field_id"]["parameters"].native).to_bytes(size, "big"),
        a=bytes(written["curve"]["a"]).rjust(size, b"\0"),
        b=bytes(written["curve"]["b"]).rjust(size, b"\0"),
        generator=bytes(written["base"]),
        n=order.to_bytes((order.bit_length() + 7) // 8, "big"),
        h=bytes([written["cofactor"].native or 1]),
    )
