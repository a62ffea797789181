"""The certificates in files and settings that end one day; what cannot be read has no end here."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gateway.bundle import Configuration
from gateway.client_settings import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One certificate."""

    certificate: x509.Certificate
    fingerprint: str
    """SHA-256 of the certificate, hexadecimal."""
    subject: str
    until: datetime

    @property
    def short(self) -> str:
        """Enough to tell certificates apart, not enough to believe one."""
        return self.fingerprint[:16]

    @classmethod
    def of(cls, certificate: x509.Certificate) -> Self:
        return cls(
            certificate=certificate,
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            subject=certificate.subject.rfc4514_string(),
            until=certificate.not_valid_after_utc,
        )


def certificates(configuration: Configuration, file: str | None) -> Iterator[Seen]:
    """Those in ``file`` (PEM or DER), relative to the configuration."""
    if file is None:
        return
    try:
        octets = configuration.path(file).read_bytes()
        if b"-----BEGIN" in octets:
            found = x509.load_pem_x509_certificates(octets)
        else:
            found = [x509.load_der_x509_certificate(octets)]
        yield from [Seen.of(certificate) for certificate in found]
    except (OSError, ValueError, TypeError, x509.InvalidVersion):
        return  # whoever needs the file says so; here nothing can be read from it


def client_certificates(configuration: Configuration, client: Client) -> Iterator[Seen]:
    """Beside the keys of ``jwks`` or ``jwks_file`` as ``x5c`` (RFC 7517 §4.7); the key's own, not its issuers'."""
    try:
        key_set = client.jwks
        if client.jwks_file is not None:
            key_set = json.loads(configuration.path(client.jwks_file).read_bytes())
        listed = (key_set or {}).get("keys")
    except (OSError, ValueError, AttributeError):
        return
    for key in listed if isinstance(listed, list) else ():
        chain = key.get("x5c") if isinstance(key, dict) else None
        if isinstance(chain, list) and chain and isinstance(chain[0], str):
            try:
                yield Seen.of(x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True)))
            except (binascii.Error, ValueError, TypeError, x509.InvalidVersion):
                continue


def listener_files(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Settings of ``gateway.toml`` that name certificates of our own listeners, and the files."""
    listen = configuration.settings.listen
    for setting, file in (
        ("listen.tls_certificate", listen.tls_certificate),
        ("listen.mtls_client_ca", listen.mtls_client_ca),
    ):
        if file is not None:
            yield setting, file
