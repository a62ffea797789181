"""The one list of algorithms and key sizes the gateway accepts, each with its end (security.md A.12).

Everything not in these tables is refused. An entry ends on its date without anybody touching
code. An entry with a ``deviation`` is off unless the peer at hand has a dated exception of that
kind; the peer's exception may end earlier, never later, than the entry itself.

Sources: eIDAS Cryptographic Requirements 1.4 §3; BSI TR-02102-1 2026-01 for the dates
(classical key agreement alone until the end of 2031, classical signatures until the end of 2035).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from trust.errors import VerificationError
from trust.keys import PublicKey, SignatureScheme

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_MORE2007 = "http://www.w3.org/2007/05/xmldsig-more#"
_XENC = "http://www.w3.org/2001/04/xmlenc#"
_XENC11 = "http://www.w3.org/2009/xmlenc11#"

SIGNATURES_END = date(2035, 12, 31)
KEY_AGREEMENT_END = date(2031, 12, 31)

EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
EXC_C14N_WITH_COMMENTS = EXC_C14N + "WithComments"
ENVELOPED_SIGNATURE = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"


class Deviation(StrEnum):
    """A weakness a peer may be allowed for a time; the words are those of the configuration."""

    RSA_PKCS1 = "rsa-pkcs1"
    RSA_2048 = "rsa-2048"
    OAEP_MGF1P_SHA1 = "oaep-mgf1p-sha1"
    EXPIRED_CERTIFICATE = "expired-certificate"


Deviations = frozenset[Deviation]
NONE: Deviations = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """One accepted algorithm."""

    uri: str
    ends: date
    deviation: Deviation | None = None


A = TypeVar("A", bound="Algorithm")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureAlgorithm(Algorithm):
    scheme: SignatureScheme


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestAlgorithm(Algorithm):
    name: str
    """As ``hashlib`` and ``trust.keys`` write it: ``SHA256``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentEncryption(Algorithm):
    key_octets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWrap(Algorithm):
    key_octets: int


SIGNATURES = {
    row.uri: row
    for row in (
        *(
            SignatureAlgorithm(
                uri=f"{_MORE2007}sha{bits}-rsa-MGF1",
                scheme=SignatureScheme[f"RSA_PSS_SHA{bits}"],
                ends=SIGNATURES_END,
            )
            for bits in (256, 384, 512)
        ),
        *(
            SignatureAlgorithm(
                uri=f"{_MORE}ecdsa-sha{bits}",
                scheme=SignatureScheme[f"ECDSA_SHA{bits}"],
                ends=SIGNATURES_END,
            )
            for bits in (256, 384, 512)
        ),
        *(
            SignatureAlgorithm(
                uri=f"{_MORE}rsa-sha{bits}",
                scheme=SignatureScheme[f"RSA_PKCS1_SHA{bits}"],
                ends=date(2027, 12, 31),
                deviation=Deviation.RSA_PKCS1,
            )
            for bits in (256, 384, 512)
        ),
    )
}

DIGESTS = {
    row.uri: row
    for row in (
        DigestAlgorithm(uri=f"{_XENC}sha256", name="SHA256", ends=SIGNATURES_END),
        DigestAlgorithm(uri=f"{_MORE}sha384", name="SHA384", ends=SIGNATURES_END),
        DigestAlgorithm(uri=f"{_XENC}sha512", name="SHA512", ends=SIGNATURES_END),
    )
}

CONTENT_ENCRYPTIONS = {
    row.uri: row
    for row in (
        ContentEncryption(uri=f"{_XENC11}aes128-gcm", key_octets=16, ends=SIGNATURES_END),
        ContentEncryption(uri=f"{_XENC11}aes192-gcm", key_octets=24, ends=SIGNATURES_END),
        ContentEncryption(uri=f"{_XENC11}aes256-gcm", key_octets=32, ends=SIGNATURES_END),
    )
}

RSA_OAEP = Algorithm(uri=f"{_XENC11}rsa-oaep", ends=KEY_AGREEMENT_END)
RSA_OAEP_MGF1P = Algorithm(
    uri=f"{_XENC}rsa-oaep-mgf1p", ends=date(2027, 12, 31), deviation=Deviation.OAEP_MGF1P_SHA1
)
ECDH_ES = Algorithm(uri=f"{_XENC11}ECDH-ES", ends=KEY_AGREEMENT_END)
CONCAT_KDF = f"{_XENC11}ConcatKDF"

KEY_TRANSPORTS = {RSA_OAEP.uri: RSA_OAEP, RSA_OAEP_MGF1P.uri: RSA_OAEP_MGF1P}

KEY_WRAPS = {
    row.uri: row
    for row in (
        KeyWrap(uri=f"{_XENC}kw-aes128", key_octets=16, ends=KEY_AGREEMENT_END),
        KeyWrap(uri=f"{_XENC}kw-aes256", key_octets=32, ends=KEY_AGREEMENT_END),
    )
}

OAEP_DIGESTS = {**{uri: row.name for uri, row in DIGESTS.items()}}
SHA1_URI = "http://www.w3.org/2000/09/xmldsig#sha1"
MGF1 = {f"{_XENC11}mgf1sha{bits}": f"SHA{bits}" for bits in (256, 384, 512)}

CURVES: Mapping[str, str] = {
    "secp256r1": "1.2.840.10045.3.1.7",
    "secp384r1": "1.3.132.0.34",
    "secp521r1": "1.3.132.0.35",
    "brainpoolP256r1": "1.3.36.3.3.2.8.1.1.7",
    "brainpoolP384r1": "1.3.36.3.3.2.8.1.1.11",
    "brainpoolP512r1": "1.3.36.3.3.2.8.1.1.13",
}
"""Accepted curves (named only) with their object identifiers."""

RSA_MINIMUM_BITS = 3072
RSA_DEVIATION_BITS = 2048
EC_MINIMUM_BITS = 256
"""What the shortest of ``CURVES`` has."""


def ends() -> Iterator[tuple[str, date]]:
    """What ends when, in the words of people: one line for each family that ends on one day."""
    tables: tuple[tuple[str, Iterable[Algorithm]], ...] = (
        ("signature", SIGNATURES.values()),
        ("digest", DIGESTS.values()),
        ("content encryption", CONTENT_ENCRYPTIONS.values()),
        ("key transport", KEY_TRANSPORTS.values()),
        ("key agreement", (ECDH_ES,)),
        ("key wrap", KEY_WRAPS.values()),
    )
    for name, rows in tables:
        together: dict[date, list[str]] = {}
        for row in rows:
            together.setdefault(row.ends, []).append(row.uri.rpartition("#")[2])
        for day, uris in together.items():
            yield f"{name} {', '.join(uris)}", day


def permit(
    table: Mapping[str, A], uri: str | None, *, now: datetime, deviations: Deviations, reason: str
) -> A:
    """The row of ``table`` for ``uri``, if it may be used at ``now`` with this peer.

    Raises VerificationError(``reason``) for an unknown, ended or not excepted algorithm.
    """
    row = table.get(uri or "")
    if row is None:
        raise VerificationError(reason, "not allowed")
    if now.date() > row.ends:
        raise VerificationError(reason, f"ended {row.ends.isoformat()}")
    if row.deviation is not None and row.deviation not in deviations:
        raise VerificationError(reason, f"needs the exception {row.deviation}")
    return row


def require_key(key: PublicKey, *, deviations: Deviations) -> None:
    """Refuse a public key that is too short or on a curve we do not accept.

    Raises VerificationError ``key.size`` or ``key.curve``.
    """
    if isinstance(key, rsa.RSAPublicKey):
        minimum = RSA_DEVIATION_BITS if Deviation.RSA_2048 in deviations else RSA_MINIMUM_BITS
        if key.key_size < minimum:
            raise VerificationError("key.size", f"RSA {key.key_size} below {minimum}")
        if key.public_numbers().e < 65_537:
            raise VerificationError("key.exponent")
    elif key.curve.name not in CURVES:
        raise VerificationError("key.curve", key.curve.name)


def require_scheme_fits(key: PublicKey, scheme: SignatureScheme) -> None:
    """The algorithm follows from the pinned key's type, never the other way round (A.12)."""
    wanted = ("ecdsa",) if isinstance(key, ec.EllipticCurvePublicKey) else ("pss", "pkcs1")
    if scheme.family not in wanted:
        raise VerificationError("signature.algorithm", "does not fit the pinned key")
