"""``eid-gateway keys new``: private keys and certificates for one purpose."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from gateway.settings import KeyPurpose
from trust.keys import PrivateKey

_WITH_CERTIFICATE = {
    KeyPurpose.SAML_SIGNING: ("digital_signature",),
    KeyPurpose.SAML_METADATA_SIGNING: ("digital_signature",),
    KeyPurpose.SAML_DECRYPTION: ("key_encipherment", "key_agreement"),
    KeyPurpose.EID_SIGNING: ("digital_signature",),
    KeyPurpose.EID_TLS: ("digital_signature",),
}
ALGORITHMS: dict[str, int | ec.EllipticCurve] = {
    "rsa3072": 3072,
    "rsa4096": 4096,
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
}


class KeyFileExists(Exception):
    """A key is never overwritten."""


def create(
    folder: Path, name: str, purpose: KeyPurpose, *, algorithm: str, days: int, subject: str
) -> tuple[Path, ...]:
    """Write ``<name>.key`` (mode 0600) and, where the purpose needs one, ``<name>.crt``.

    The certificate is self-signed; where a peer asks for one of an authority, have it certified for
    the same key. Raises KeyFileExists.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key_file, certificate_file = folder / f"{name}.key", folder / f"{name}.crt"
    if key_file.exists() or certificate_file.exists():
        raise KeyFileExists(f"{key_file} or {certificate_file} exists")
    if purpose is KeyPurpose.SUBJECT:
        _write_secret(key_file, secrets.token_bytes(48))
        return (key_file,)
    key = _generate(algorithm)
    octets = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    if purpose not in _WITH_CERTIFICATE:
        _write_secret(key_file, octets)
        return (key_file,)
    certificate = _certificate(key, _WITH_CERTIFICATE[purpose], days=days, subject=subject)
    _write_secret(key_file, octets)
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return (key_file, certificate_file)


def _generate(algorithm: str) -> PrivateKey:
    parameter = ALGORITHMS[algorithm]
    if isinstance(parameter, int):
        return rsa.generate_private_key(65537, parameter)
    return ec.generate_private_key(parameter)


def _certificate(key: PrivateKey, usages: tuple[str, ...], *, days: int, subject: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = datetime.now(UTC)
    wanted = {*usages}
    if isinstance(key, rsa.RSAPrivateKey):
        wanted.discard("key_agreement")
    else:
        wanted.discard("key_encipherment")
    usage = x509.KeyUsage(
        digital_signature="digital_signature" in wanted,
        content_commitment=False,
        key_encipherment="key_encipherment" in wanted,
        data_encipherment=False,
        key_agreement="key_agreement" in wanted,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _write_secret(path: Path, octets: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
