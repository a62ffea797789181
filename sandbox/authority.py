"""Keys and certificates of the sandbox, made once and kept in the state directory."""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

LIFETIME = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)

_MAKERS: dict[str, Callable[[], PrivateKey]] = {
    "rsa-3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa-4096": lambda: rsa.generate_private_key(65537, 4096),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "brainpoolP256r1": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
}


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key with its certificate; ``issuers`` are the certificates above it."""

    key: PrivateKey
    certificate: x509.Certificate
    issuers: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> list[x509.Certificate]:
        return [self.certificate, *self.issuers]


def make_key(kind: str) -> PrivateKey:
    """A fresh key of one of the kinds above; raises KeyError for another word."""
    return _MAKERS[kind]()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, never for a moment otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def certify(
    subject: str,
    key: PrivateKey,
    issuer: KeyPair | None = None,
    *,
    authority: bool = False,
    hosts: tuple[str, ...] = (),
) -> KeyPair:
    """A certificate for ``key``, self-signed without ``issuer``."""
    now = datetime.now(UTC)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "eID Gateway sandbox"),
            x509.NameAttribute(NameOID.COMMON_NAME, subject),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(150))
        .not_valid_before(now - timedelta(minutes=10))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(_usage(authority=authority, tls=bool(hosts), key=key), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    signer = issuer.key if issuer else key
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    certificate = builder.sign(signer, hashes.SHA256())
    return KeyPair(key, certificate, tuple(issuer.chain) if issuer else ())


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _usage(*, authority: bool, tls: bool, key: PrivateKey) -> x509.KeyUsage:
    encrypts = not authority and isinstance(key, rsa.RSAPrivateKey)
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=encrypts,
        data_encipherment=False,
        key_agreement=not authority and not tls and not encrypts,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


class KeyStore:
    """Key pairs below one directory: ``<name>.key`` and ``<name>.crt`` (leaf first, then issuers)."""

    def __init__(self, directory: Path, say: Callable[[str], None]) -> None:
        self._directory = directory
        self._say = say

    def path(self, name: str, suffix: str) -> Path:
        return self._directory / f"{name}.{suffix}"

    def load(self, name: str) -> KeyPair:
        """Read a pair; raises FileNotFoundError when there is none."""
        # We made this key ourselves: testing its primes again costs 0.1 s each.
        key = serialization.load_pem_private_key(
            self.path(name, "key").read_bytes(), None, unsafe_skip_rsa_key_validation=True
        )
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise TypeError(f"{name}: neither RSA nor EC")
        chain = x509.load_pem_x509_certificates(self.path(name, "crt").read_bytes())
        return KeyPair(key, chain[0], tuple(chain[1:]))

    def obtain(
        self,
        name: str,
        kind: str,
        subject: str,
        issuer: KeyPair | None = None,
        *,
        authority: bool = False,
        hosts: tuple[str, ...] = (),
    ) -> KeyPair:
        """The stored pair, or a new one when there is none or it ends soon."""
        marker = self.path(name, "kind")
        if marker.exists() and marker.read_text() == kind:
            pair = self.load(name)
            fits = issuer is None or pair.issuers[:1] == (issuer.certificate,)
            if fits and pair.certificate.not_valid_after_utc - datetime.now(UTC) > RENEW_BEFORE:
                return pair
        self._say(f"{kind} key: {subject}")
        pair = certify(subject, make_key(kind), issuer, authority=authority, hosts=hosts)
        write_private(self.path(name, "key"), private_pem(pair.key))
        self.path(name, "crt").write_bytes(b"".join(certificate_pem(c) for c in pair.chain))
        marker.write_text(kind)
        return pair


def certificates_handed_over(state: Path, name: str) -> tuple[x509.Certificate, ...]:
    """The gateway's certificate of this name, and the next one where its operator has sent that, too.

    Raises FileNotFoundError.
    """
    keys = state / "config" / "keys"
    coming = keys / f"{name}-next.crt"
    files = (keys / f"{name}.crt", *((coming,) if coming.exists() else ()))
    return tuple(x509.load_pem_x509_certificate(file.read_bytes()) for file in files)


def private_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
