"""A public key we believe, taken from trusted metadata or an anchor, never from a message.

Certificates in real eIDAS metadata do not all parse strictly: names with characters that a
PrintableString must not hold, ECDSA algorithm identifiers with NULL parameters from old Java
(eidas.md §6.4). What matters is the key inside, so it is cut out leniently and then held to the
same policy as every other key.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

import xmlsec
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from trust.algorithms import Deviation, Deviations, require_key
from trust.errors import VerificationError
from trust.keys import PublicKey, spki

_DER = xmlsec.KeyFormat.DER  # type: ignore[attr-defined]  # missing in xmlsec's type stubs

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE-----")
_SPACE = b" \t\r\n"

_NOT_STRICT = (
    ValueError,
    UnsupportedAlgorithm,
    # these three derive from Exception alone
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedKey:
    """One verification or encryption key of a peer. Two are equal when their SPKI is."""

    spki: bytes
    public_key: PublicKey = field(compare=False)
    not_before: datetime | None = field(compare=False, default=None)
    not_after: datetime | None = field(compare=False, default=None)
    may_sign: bool = field(compare=False, default=True)
    """False when the certificate has a key usage without digitalSignature."""
    xmlsec_key: xmlsec.Key = field(compare=False, repr=False)
    certificate: bytes | None = field(compare=False, repr=False, default=None)
    """DER, for display and evidence."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the SPKI, hexadecimal."""
        return hashlib.sha256(self.spki).hexdigest()

    @classmethod
    def from_public_key(cls, key: PublicKey) -> PinnedKey:
        octets = spki(key)
        return cls(spki=octets, public_key=key, xmlsec_key=_xmlsec_key(octets))

    @classmethod
    def from_certificate(cls, octets: bytes) -> PinnedKey:
        """From a certificate, DER or PEM, and nothing beside it.

        What else a file holds is what other parsers would show in its place to who approves it. Raises
        VerificationError ``certificate.unreadable`` then, and when no RSA or EC key can be found.
        """
        der = _pem_to_der(octets) if octets.lstrip().startswith(b"-----BEGIN") else octets
        try:
            return cls._strict(der)
        except _NOT_STRICT:
            return cls._lenient(der)

    @classmethod
    def _strict(cls, der: bytes) -> PinnedKey:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise VerificationError("key.type")
        try:
            usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
            may_sign = usage.digital_signature or usage.content_commitment
        except x509.ExtensionNotFound:
            may_sign = True
        octets = spki(key)
        return cls(
            spki=octets,
            public_key=key,
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            may_sign=may_sign,
            xmlsec_key=_xmlsec_key(octets),
            certificate=der,
        )

    @classmethod
    def _lenient(cls, der: bytes) -> PinnedKey:
        try:
            parsed = asn1_x509.Certificate.load(der, strict=True)
            body = parsed["tbs_certificate"]
            octets = body["subject_public_key_info"].dump()
            validity = body["validity"]
            begin: datetime = validity["not_before"].native
            end: datetime = validity["not_after"].native
            key = load_der_public_key(octets)
            usage = _lenient_may_sign(body)
        # The parser answers damage with whatever its own code raises there.
        except (ValueError, TypeError, LookupError, UnsupportedAlgorithm) as error:
            raise VerificationError("certificate.unreadable") from error
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise VerificationError("key.type")
        canonical = spki(key)
        return cls(
            spki=canonical,
            public_key=key,
            not_before=begin.astimezone(UTC),
            not_after=end.astimezone(UTC),
            may_sign=usage,
            xmlsec_key=_xmlsec_key(canonical),
            certificate=der,
        )

    def require_usable(self, *, now: datetime, deviations: Deviations) -> None:
        """Hold the key to the policy at the time of use (security.md A.12).

        Raises VerificationError ``key.*`` or ``certificate.*``.
        """
        require_key(self.public_key, deviations=deviations)
        if Deviation.EXPIRED_CERTIFICATE in deviations:
            return
        if self.not_before is not None and now < self.not_before:
            raise VerificationError("certificate.not-yet-valid")
        if self.not_after is not None and now > self.not_after:
            raise VerificationError("certificate.expired")

    def require_may_sign(self) -> None:
        """Raises VerificationError when the certificate's key usage forbids signatures."""
        if not self.may_sign:
            raise VerificationError("certificate.usage")


def _lenient_may_sign(body: asn1_x509.TbsCertificate) -> bool:
    for extension in body["extensions"] or ():
        if extension["extn_id"].native == "key_usage":
            usage: set[str] = extension["extn_value"].parsed.native
            return bool(usage & {"digital_signature", "non_repudiation"})
    return True


def _pem_to_der(octets: bytes) -> bytes:
    """The one certificate of a text that holds nothing else (RFC 7468 §5.1)."""
    found = _PEM.fullmatch(octets.strip(_SPACE))
    if found is None:
        raise VerificationError("certificate.unreadable", "not exactly one certificate in PEM")
    try:
        return base64.b64decode(b"".join(found[1].split()), validate=True)
    except ValueError as error:
        raise VerificationError("certificate.unreadable") from error


def _xmlsec_key(octets: bytes) -> xmlsec.Key:
    try:
        return xmlsec.Key.from_memory(octets, _DER)
    except xmlsec.Error as error:
        raise VerificationError("key.type", "unusable for XML signatures") from error
