"""Keys of the account systems.

MUK's certificates are themselves signed with RSASSA-PSS (SHA-256, salt 32) by an authority of the
operator (bundid.md §3.1), which is why they are not made by ``sandbox.authority``.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.x509.oid import NameOID

from sandbox.accounts.accounts import Account, accounts
from sandbox.authority import (
    LIFETIME,
    RENEW_BEFORE,
    KeyPair,
    KeyStore,
    certificate_pem,
    make_key,
    private_pem,
    write_private,
)


def make_keys(store: KeyStore) -> None:
    """Create whatever keys the account systems still lack."""
    for account in accounts().values():
        if account.profile == "muk":
            _obtain_pss(store, account)
        else:
            store.obtain(account.path, account.key, f"{account.name} signing")


def _obtain_pss(store: KeyStore, account: Account) -> None:
    marker = store.path(account.path, "kind")
    if marker.exists() and marker.read_text() == account.key:
        kept = store.load(account.path).certificate
        if kept.not_valid_after_utc - datetime.now(UTC) > RENEW_BEFORE:
            return
    pair = pss_pair(account.key)
    write_private(store.path(account.path, "key"), private_pem(pair.key))
    store.path(account.path, "crt").write_bytes(b"".join(certificate_pem(c) for c in pair.chain))
    marker.write_text(account.key)


def pss_pair(kind: str) -> KeyPair:
    """A signing key whose certificate an authority signed with RSASSA-PSS.

    ``kind`` is an RSA kind of ``sandbox.authority``; raises TypeError for another.
    """
    key, authority = make_key(kind), make_key("rsa-3072")
    if not isinstance(key, rsa.RSAPrivateKey) or not isinstance(authority, rsa.RSAPrivateKey):
        raise TypeError("RSASSA-PSS needs an RSA key")
    leaf, above = _name("Sandbox IdP Signing"), _name("Sandbox KryptoCA")
    certificate = _certificate(leaf, key, above, authority, authority=False)
    issuer = _certificate(above, authority, above, authority, authority=True)
    return KeyPair(key, certificate, (issuer,))


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sandbox"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        ]
    )


def _certificate(
    subject: x509.Name,
    key: rsa.RSAPrivateKey,
    issuer: x509.Name,
    signer: rsa.RSAPrivateKey,
    *,
    authority: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(150))
        .not_valid_before(now - timedelta(minutes=10))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(signer, hashes.SHA256(), rsa_padding=PSS(MGF1(hashes.SHA256()), 32))
    )
