"""A throw-away country signing CA and document signer (ICAO Doc 9303-12), for sandbox and tests only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from eid_server.curves import BRAINPOOL_P256R1

_LIFETIME = timedelta(days=11 * 365)
"""A document signer outlives the cards it has signed, which are valid for ten years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A country signing CA or document signer: key and X.509 certificate (DER)."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: bytes


def make_country_signing_ca(today: date) -> Signer:
    """A self-signed certificate that may sign certificates and revocation lists."""
    key = ec.generate_private_key(BRAINPOOL_P256R1.curve)
    name = _name("eid-gateway trial CSCA")
    builder = _x509(name, name, key, today).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return _signed(builder, key, key, signs_certificates=True)


def make_document_signer(authority: Signer, today: date) -> Signer:
    """A certificate under ``authority`` that may sign EF.CardSecurity and lists."""
    key = ec.generate_private_key(BRAINPOOL_P256R1.curve)
    issuer = x509.load_der_x509_certificate(authority.certificate).subject
    builder = _x509(_name("eid-gateway trial document signer"), issuer, key, today)
    return _signed(builder, key, authority.key, signs_certificates=False)


def _x509(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, today: date
) -> x509.CertificateBuilder:
    midnight = datetime.combine(today, time(), tzinfo=UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(midnight - timedelta(days=1))
        .not_valid_after(midnight + _LIFETIME)
    )


def _signed(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    issuer: ec.EllipticCurvePrivateKey,
    *,
    signs_certificates: bool,
) -> Signer:
    usage = x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        builder.add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False
        )
        .sign(issuer, hashes.SHA256())
    )
    return Signer(key=key, certificate=certificate.public_bytes(Encoding.DER))


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
