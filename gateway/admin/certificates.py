"""A certificate as two people compare it on the telephone, and how long it lasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Self

from asn1crypto import x509 as asn1_x509
from cryptography import x509

from connectors.peer_facts import PeerKey
from gateway.expiry import Band, band_at
from trust.keys import PublicKey
from trust.registry.diff import certificate_facts, grouped, key_words, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateView:
    """Texts of strangers are ``plain``; fingerprints are SHA-256 in groups of four digits."""

    subject: str
    """Empty: a bare key."""
    issuer: str
    certificate_fingerprint: str
    """Empty: a bare key."""
    key_fingerprint: str
    """Of the SubjectPublicKeyInfo: stays the same when a certificate is renewed on its key."""
    key: str
    """Kind and size."""
    valid_from: datetime | None
    valid_until: datetime | None
    days_left: int | None
    """Whole days; negative: over."""
    band: Band | None
    use: str | None = None
    """``signing`` or ``encryption``, of a peer's key."""

    @classmethod
    def of(cls, certificate: x509.Certificate, now: datetime) -> Self:
        facts = dict(certificate_facts(certificate))
        return cls(
            subject=plain(facts["subject"]),
            issuer=plain(facts["issuer"]),
            certificate_fingerprint=facts["SHA-256 of the certificate"],
            key_fingerprint=facts["SHA-256 of the public key"],
            key=facts["key"],
            valid_from=certificate.not_valid_before_utc,
            valid_until=certificate.not_valid_after_utc,
            days_left=days_left(certificate.not_valid_after_utc, now),
            band=band_at(certificate.not_valid_after_utc, now),
        )

    @classmethod
    def of_key(cls, key: PublicKey, fingerprint: str) -> Self:
        """A key without certificate. ``fingerprint``: of its SubjectPublicKeyInfo, hexadecimal."""
        return cls(
            subject="",
            issuer="",
            certificate_fingerprint="",
            key_fingerprint=grouped(fingerprint),
            key=key_words(key),
            valid_from=None,
            valid_until=None,
            days_left=None,
            band=None,
        )

    @classmethod
    def of_peer(cls, peer_key: PeerKey, now: datetime) -> Self:
        """Also one that no strict parser reads, as ``trust.pinned`` takes it."""
        key, until = peer_key.key, peer_key.until
        subject, issuer = _names(key.certificate)
        return cls(
            subject=plain(subject),
            issuer=plain(issuer),
            certificate_fingerprint=""
            if key.certificate is None
            else grouped(sha256(key.certificate).hexdigest()),
            key_fingerprint=grouped(key.fingerprint),
            key=key_words(key.public_key),
            valid_from=key.not_before,
            valid_until=until,
            days_left=None if until is None else days_left(until, now),
            band=None if until is None else band_at(until, now),
            use=peer_key.use.value,
        )


def days_left(until: datetime, now: datetime) -> int:
    """Whole days, rounded down."""
    return (until - now).days


def _names(der: bytes | None) -> tuple[str, str]:
    """Subject and issuer; ``?`` where they cannot be read at all."""
    if der is None:
        return "", ""
    try:
        certificate = x509.load_der_x509_certificate(der)
        return certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
    except (ValueError, TypeError, x509.InvalidVersion):  # a name may be no text
        pass
    try:
        parsed = asn1_x509.Certificate.load(der)
        return parsed.subject.human_friendly, parsed.issuer.human_friendly
    except (ValueError, TypeError, LookupError):
        return "?", "?"
