"""Certification paths from a metadata signer up to a configured anchor (RFC 5280 §6.1, the basics).

Only metadata signatures are chained; the certificates inside ``KeyDescriptor`` are believed
because the metadata are (saml-metadata-iop, eidas.md §6.2). What a document embeds is only a
hint: nothing is trusted unless the path ends in the anchor. Checked per certificate: dates,
signature and its algorithm, key type and size, issuer name, ``basicConstraints`` with its path
length, ``keyUsage``, and that no critical extension is left that nobody here understands (name
constraints among them: refused rather than ignored). Revocation is not checked: an anchor or
signer is withdrawn by a change of the registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID, SignatureAlgorithmOID

from trust.algorithms import NONE, Deviation, Deviations, require_key
from trust.errors import VerificationError

E = TypeVar("E", bound=x509.ExtensionType)

MAXIMUM_PATH = 5
"""Certificates in a path, anchor and signer included."""
MAXIMUM_HINTS = 16
"""Embedded certificates that are looked at."""

_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        # without required explicit policies any policy will do (RFC 5280 §6.1.1 (d))
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
_LONG_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_ECDSA = frozenset(
    {
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    }
)
_PKCS1 = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
    }
)


class ChainMode(StrEnum):
    STRICT = "strict"
    """Signatures inside the chain as eIDAS Cryptographic Requirements 1.4 §3.5.1 list them."""
    DEFAULT = "default"
    """Also RSASSA-PKCS1-v1_5 with SHA-2, which real certification authorities still use."""


def load_certificate(octets: bytes) -> x509.Certificate:
    """A certificate from PEM or DER, strictly parsed.

    Raises VerificationError ``certificate.unreadable``.
    """
    try:
        if octets.lstrip().startswith(b"-----BEGIN"):
            certificate = x509.load_pem_x509_certificate(octets)
        else:
            certificate = x509.load_der_x509_certificate(octets)
        # Names are parsed as they are read, and one may be no text.
        _ = certificate.subject, certificate.issuer
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        raise VerificationError("certificate.unreadable") from error
    return certificate


def require_path(
    signer: bytes,
    hints: Sequence[bytes],
    anchor: bytes,
    *,
    now: datetime,
    mode: ChainMode = ChainMode.DEFAULT,
    deviations: Deviations = NONE,
) -> tuple[x509.Certificate, ...]:
    """A valid path ``(signer, …, anchor)`` built from ``hints`` (DER each), shortest first.

    Raises VerificationError ``certificate.*`` or ``key.*`` with what stopped the last attempt.
    """
    root = load_certificate(anchor)
    leaf = load_certificate(signer)
    candidates = [root]
    for octets in hints[:MAXIMUM_HINTS]:
        try:
            candidates.append(load_certificate(octets))
        except VerificationError:  # one unreadable hint must not hide a good path
            continue
    _require_end_entity(leaf)
    failure = VerificationError("certificate.no-path")
    paths: list[tuple[x509.Certificate, ...]] = [(leaf,)]
    # What was reached once need not be reached again: no path to it is shorter, and a longer one may do no more.
    # Otherwise a stranger's sixteen authorities of one name, each certified by all, cost seconds.
    reached = {leaf}
    for _ in range(MAXIMUM_PATH - 1):
        longer: list[tuple[x509.Certificate, ...]] = []
        for path in paths:
            for issuer in candidates:
                if issuer in reached or issuer.subject != path[-1].issuer:
                    continue
                try:
                    _require_issued(path[-1], issuer, now=now, mode=mode, deviations=deviations)
                    _require_authority(issuer, below=len(path) - 1)
                    if issuer == root:
                        _require_certificate(root, now=now, deviations=deviations)
                        return (*path, root)
                except VerificationError as error:
                    failure = error
                else:
                    reached.add(issuer)
                    longer.append((*path, issuer))
        paths = longer
    raise failure


def _require_issued(
    subject: x509.Certificate,
    issuer: x509.Certificate,
    *,
    now: datetime,
    mode: ChainMode,
    deviations: Deviations,
) -> None:
    _require_certificate(subject, now=now, deviations=deviations)
    oid = subject.signature_algorithm_oid
    allowed = oid in _ECDSA or (
        oid == SignatureAlgorithmOID.RSASSA_PSS or (mode is ChainMode.DEFAULT and oid in _PKCS1)
    )
    try:
        if not allowed or not isinstance(subject.signature_hash_algorithm, _LONG_HASHES):
            raise VerificationError("certificate.algorithm")
        subject.verify_directly_issued_by(issuer)
    except InvalidSignature as error:
        raise VerificationError("certificate.signature") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise VerificationError("certificate.algorithm") from error


def _require_certificate(certificate: x509.Certificate, *, now: datetime, deviations: Deviations) -> None:
    if Deviation.EXPIRED_CERTIFICATE not in deviations:
        if now < certificate.not_valid_before_utc:
            raise VerificationError("certificate.not-yet-valid")
        if now > certificate.not_valid_after_utc:
            raise VerificationError("certificate.expired")
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise VerificationError("key.type") from error
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise VerificationError("key.type")
    require_key(key, deviations=deviations)
    for extension in _extensions(certificate):
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise VerificationError("certificate.extension", extension.oid.dotted_string)


def _require_end_entity(certificate: x509.Certificate) -> None:
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise VerificationError("certificate.usage")


def _require_authority(certificate: x509.Certificate, *, below: int) -> None:
    """``below``: how many authorities stand between this one and the signer (RFC 5280 §4.2.1.9)."""
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise VerificationError("certificate.authority", "issuer is no certification authority")
    if constraints.path_length is not None and below > constraints.path_length:
        raise VerificationError("certificate.authority", "path length")
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise VerificationError("certificate.usage")


def _extensions(certificate: x509.Certificate) -> x509.Extensions:
    try:
        return certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise VerificationError("certificate.extension") from error


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return _extensions(certificate).get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
