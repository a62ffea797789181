"""Reads the secrets and keys that the configuration refers to (``file:`` and ``env:``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.bundle_problems import Problems
from gateway.settings import KeyPurpose, KeySection, KeyState, Mode, Settings, resolve
from trust.errors import KeyUnavailable
from trust.keys import InMemoryKey, load_private_key

SAML_PURPOSES = frozenset(
    {KeyPurpose.SAML_SIGNING, KeyPurpose.SAML_DECRYPTION, KeyPurpose.SAML_METADATA_SIGNING}
)
EID_PURPOSES = frozenset({KeyPurpose.EID_SIGNING, KeyPurpose.EID_TLS})
"""Towards an eID service that is spoken to by SOAP."""
_FILE = "gateway.toml"
_NEW_KEY = "make one with: eid-gateway keys new"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedKey:
    """One of our private keys with its place in the roll-over."""

    id: str
    purpose: KeyPurpose
    state: KeyState
    key: InMemoryKey = field(repr=False)
    connectors: tuple[str, ...] = ()
    """Who alone uses it; empty: everybody without a key of its own for this purpose."""


def load_keys(
    settings: Settings, directory: Path, problems: Problems
) -> tuple[Mapping[KeyPurpose, tuple[LoadedKey, ...]], bytes]:
    """All private keys by purpose, in the order of the file, and the subject key."""
    keys: dict[KeyPurpose, list[LoadedKey]] = {}
    subject = b""
    for index, section in enumerate(settings.keys):
        path = f"keys[{index}]"
        secret = read_secret(
            section.private_key, directory, settings.gateway.mode, problems, f"{path}.private_key"
        )
        if secret is None:
            continue
        if section.purpose is KeyPurpose.SUBJECT:
            if len(secret) < 32:
                problems.add(_FILE, path, "subject key is shorter than 32 octets", _NEW_KEY)
            if section.state is KeyState.ACTIVE:
                subject = secret
            continue
        key = _private_key(section, secret, directory, problems, path)
        if key is not None:
            loaded = LoadedKey(
                id=section.id,
                purpose=section.purpose,
                state=section.state,
                key=key,
                connectors=section.connectors,
            )
            keys.setdefault(section.purpose, []).append(loaded)
    if not subject:
        problems.add(_FILE, "keys", "no active key of purpose subject", _NEW_KEY)
    return {purpose: tuple(found) for purpose, found in keys.items()}, subject


def _private_key(
    section: KeySection, secret: bytes, directory: Path, problems: Problems, path: str
) -> InMemoryKey | None:
    certificate = None
    if section.certificate is not None:
        try:
            certificate = resolve(section.certificate, directory).read_bytes()
        except OSError as error:
            problems.add(
                _FILE, f"{path}.certificate", f"cannot be read: {error.strerror}", "correct the path"
            )
            return None
    elif section.purpose in SAML_PURPOSES | EID_PURPOSES:
        problems.add(_FILE, f"{path}.certificate", f"{section.purpose} needs a certificate", _NEW_KEY)
        return None
    try:
        key = load_private_key(secret, certificate)
    except KeyUnavailable as error:
        problems.add(_FILE, path, str(error), _NEW_KEY)
        return None
    size = key.private_key.key_size
    if size < (3072 if isinstance(key.private_key, rsa.RSAPrivateKey) else 256):
        problems.add(_FILE, path, f"key of {size} bits is too weak", "RSA from 3072, EC from 256 bits")
        return None
    return key


def read_secret(
    reference: str | None, directory: Path, mode: Mode, problems: Problems, path: str
) -> bytes | None:
    """The octets behind a ``file:`` or ``env:`` reference.

    In production a secret file must be closed to other users.
    """
    if reference is None:
        return None
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = os.environ.get(name)
        if value is None:
            problems.add(_FILE, path, f"environment variable {name} is not set", "set it")
            return None
        return value.encode()
    file = resolve(name, directory)
    try:
        content = file.read_bytes()
        permissions = file.stat().st_mode & 0o777
    except OSError as error:
        problems.add(_FILE, path, f"{name} cannot be read: {error.strerror}", "correct path or permissions")
        return None
    if mode is Mode.PRODUCTION and permissions & 0o007:
        problems.add(_FILE, path, f"{name} is open to every user", f"chmod o= {name}")
    return content
