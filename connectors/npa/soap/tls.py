"""The TLS side of the eID-Interface: we show a certificate, and believe one authority (TR-03130-1 §3.1)."""

from __future__ import annotations

import secrets
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from trust.errors import KeyUnavailable
from trust.keys import InMemoryKey
from trust.outgoing import CIPHERS


def client_context(key: object, server_ca: Path) -> ssl.SSLContext:
    """A context with client certificate that accepts servers below ``server_ca`` only, TLS 1.2 or newer.

    Raises KeyUnavailable, OSError or ssl.SSLError for an unusable authority file.
    """
    if not isinstance(key, InMemoryKey):
        raise KeyUnavailable("key.tls", "TLS needs the private key in this process")
    if key.certificate is None:
        raise KeyUnavailable("key.certificate", "the TLS key needs its certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.load_verify_locations(cadata=_authorities(server_ca))
    _show(context, key)
    return context


def _authorities(file: Path) -> bytes:
    """Those that people were shown before they approved the file, one after another in DER.

    OpenSSL itself also takes ``TRUSTED CERTIFICATE`` out of it, which nobody is shown.
    """
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except ValueError as error:
        raise OSError("no certificate in PEM") from error
    return b"".join(certificate.public_bytes(Encoding.DER) for certificate in found)


def _show(context: ssl.SSLContext, key: InMemoryKey) -> None:
    """Python's ``ssl`` reads keys from files only: so one that exists for a moment, encrypted."""
    password = secrets.token_bytes(32).hex().encode()
    chain = [certificate for certificate in (key.certificate, *key.chain) if certificate is not None]
    pem = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    with tempfile.TemporaryDirectory(prefix="eid-gateway-") as directory:  # mode 0700
        file = Path(directory) / "client.pem"
        file.write_bytes(pem + b"".join(c.public_bytes(Encoding.PEM) for c in chain))
        context.load_cert_chain(file, password=password)
