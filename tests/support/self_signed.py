"""Certificates that are their own authority, and a TLS server's two files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOCALHOST = x509.SubjectAlternativeName([x509.DNSName("localhost")])


def self_signed(
    key: ec.EllipticCurvePrivateKey,
    subject: str | x509.Name,
    names: x509.SubjectAlternativeName | None = None,
    constraints: x509.BasicConstraints | None = None,
) -> x509.Certificate:
    """Valid from yesterday until tomorrow; ``subject`` is a common name or a whole one."""
    name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]) if isinstance(subject, str) else subject
    )
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(key, hashes.SHA256())


def tls_files(
    directory: Path,
    stem: str,
    names: x509.SubjectAlternativeName = LOCALHOST,
    constraints: x509.BasicConstraints | None = None,
) -> tuple[Path, Path]:
    """``<stem>.crt`` and ``<stem>.key`` in ``directory``, of a new key."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = self_signed(key, stem, names, constraints)
    files = directory / f"{stem}.crt", directory / f"{stem}.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files
