"""Reads the secrets and keys that the configuration refers to (``file:``, ``env:`` and ``pkcs11:``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.bundle.problems import Problems
from gateway.own_keys.loaded import LoadedKey
from gateway.settings import KeyPurpose, KeySection, KeyState, Mode, Settings, resolve
from trust.errors import KeyUnavailable
from trust.keys import Probed, PublicKey, SignatureScheme, SignerDecrypter, load_private_key
from trust.pkcs11_uri import SCHEME, parse
from trust.signing import scheme_for

SAML_PURPOSES = frozenset(
    {KeyPurpose.SAML_SIGNING, KeyPurpose.SAML_DECRYPTION, KeyPurpose.SAML_METADATA_SIGNING}
)
EID_PURPOSES = frozenset({KeyPurpose.EID_SIGNING, KeyPurpose.EID_TLS})
"""Towards an eID service that is spoken to by SOAP."""
_FILE = "gateway.toml"
_NEW_KEY = "make one with: eid-gateway keys new"
_PROBES: Mapping[KeyPurpose, Callable[[PublicKey], SignatureScheme] | None] = {
    KeyPurpose.OIDC_SIGNING: partial(scheme_for, pkcs1=True),  # RS256, or ES256 with a curve
    KeyPurpose.SAML_SIGNING: scheme_for,
    KeyPurpose.SAML_METADATA_SIGNING: scheme_for,
    KeyPurpose.EID_SIGNING: scheme_for,
    KeyPurpose.SAML_DECRYPTION: None,
}
"""What a key in a module shows that it can do before it is used; None: decrypt."""
_MODULE_REMEDY = "see the chapter on hardware modules in docs/operator.md"
_MODULE_REMEDIES = {
    "key.uri": "pkcs11:token=<label>;object=<label>?module-path=<library>&pin-source=file:<path>",
    "key.module": "correct module-path; the library must fit this machine",
    "key.device": "is the token there, and does its label fit? ask the module's own tool",
    "key.pin": "correct the file of pin-source; a token locks after a few wrong PINs",
    "key.missing": "list the token's keys with its own tool; object is CKA_LABEL, id is CKA_ID",
    "key.ambiguous": "give object and id",
    "key.usage": "the key needs CKA_SIGN, CKA_DECRYPT (RSA) or CKA_DERIVE (EC) by its purpose",
    "key.unreliable": "the certificate belongs to another key, or the module is broken",
}


def load_keys(
    settings: Settings, directory: Path, problems: Problems
) -> tuple[Mapping[KeyPurpose, tuple[LoadedKey, ...]], bytes]:
    """All private keys by purpose, in the order of the file, and the subject key."""
    keys: dict[KeyPurpose, list[LoadedKey]] = {}
    subject = b""
    for index, section in enumerate(settings.keys):
        path = f"keys[{index}]"
        if section.private_key.startswith(SCHEME):
            key = _in_a_module(section, directory, settings.gateway.mode, problems, path)
        else:
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


def probed_keys(
    keys: Mapping[KeyPurpose, tuple[LoadedKey, ...]], state: KeyState = KeyState.ACTIVE
) -> dict[str, Probed]:
    """Those in ``state`` that are in a hardware module, by their id."""
    return {
        loaded.id: loaded.key
        for found in keys.values()
        for loaded in found
        if loaded.state is state and isinstance(loaded.key, Probed)
    }


def _private_key(
    section: KeySection, secret: bytes, directory: Path, problems: Problems, path: str
) -> SignerDecrypter | None:
    readable, certificate = _certificate(section, directory, problems, path)
    if not readable:
        return None
    try:
        key = load_private_key(secret, certificate)
    except KeyUnavailable as error:
        problems.add(_FILE, path, str(error), _NEW_KEY)
        return None
    return _strong(key, problems, path)


def _in_a_module(
    section: KeySection, directory: Path, mode: Mode, problems: Problems, path: str
) -> SignerDecrypter | None:
    """The key behind a PKCS#11 URI; the token is opened and the key probed here."""
    place = f"{path}.private_key"
    if section.purpose in {KeyPurpose.SUBJECT, KeyPurpose.EID_TLS}:
        remedy = "use file: for it"
        problems.add(_FILE, place, f"{section.purpose} must be in this process, not in a module", remedy)
        return None
    readable, certificate = _certificate(section, directory, problems, path)
    if not readable:
        return None
    try:
        from trust.pkcs11_key import load_hardware_key
    except ImportError:  # an extra: nobody without a hardware module has to have it
        problems.add(_FILE, place, "needs python-pkcs11, which is not installed", "install eid-gateway[hsm]")
        return None
    try:
        address = parse(section.private_key, directory)
        if read_secret(f"file:{address.token.pin_file}", directory, mode, problems, place) is None:
            return None
        key = load_hardware_key(address, certificate, probe=_PROBES[section.purpose])
    except KeyUnavailable as error:
        problems.add(_FILE, place, str(error), _MODULE_REMEDIES.get(error.reason, _MODULE_REMEDY))
        return None
    return _strong(key, problems, path)


def _certificate(
    section: KeySection, directory: Path, problems: Problems, path: str
) -> tuple[bool, bytes | None]:
    """Whether all is well with the certificate, and its PEM if there is one."""
    if section.certificate is not None:
        try:
            return True, resolve(section.certificate, directory).read_bytes()
        except OSError as error:
            problems.add(
                _FILE, f"{path}.certificate", f"cannot be read: {error.strerror}", "correct the path"
            )
            return False, None
    if section.purpose in SAML_PURPOSES | EID_PURPOSES:
        problems.add(_FILE, f"{path}.certificate", f"{section.purpose} needs a certificate", _NEW_KEY)
        return False, None
    return True, None


def _strong(key: SignerDecrypter, problems: Problems, path: str) -> SignerDecrypter | None:
    size = key.public_key.key_size
    if size < (3072 if isinstance(key.public_key, rsa.RSAPublicKey) else 256):
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
