"""The key that signs checkpoints: as configured, or derived from the subject key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.bundle.keys import read_secret
from gateway.bundle.problems import Problems
from gateway.settings import Mode, Settings, resolve
from trust.checkpoint import CheckpointRefused, Private, Public, public_of, read_public_key
from trust.errors import KeyUnavailable
from trust.keys import InMemoryKey
from trust.pkcs11_uri import SCHEME, parse
from trust.signing import scheme_for

_FILE = "gateway.toml"
_REMEDY = "make one with: openssl genpkey -algorithm ed25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKeys:
    """Who signs checkpoints, and whose older ones count."""

    signing: Private | None = field(default=None, repr=False)
    """None: none is configured."""
    retired: tuple[Public, ...] = ()

    @property
    def believed(self) -> tuple[Public, ...]:
        own = () if self.signing is None else (public_of(self.signing),)
        return (*own, *self.retired)


def check_log(settings: Settings, directory: Path, problems: Problems) -> LogKeys:
    """All problems of ``[log]`` are noted; gives the keys that could be read."""
    section, mode = settings.log, settings.gateway.mode
    if mode is Mode.PRODUCTION and not section.export:
        problems.warn(
            _FILE, "log.export", "checkpoints stay on this host: whoever rewrites the log is not found out",
            "name a directory of another host, or an https address",
        )  # fmt: skip
    if mode is Mode.PRODUCTION and section.checkpoint_key is None:
        problems.warn(
            _FILE,
            "log.checkpoint_key",
            "follows from the subject key: whoever has that signs for the log, too",
            _REMEDY,
        )
    for number, target in enumerate(section.export):
        if "://" not in target and not resolve(target, directory).is_dir():
            problems.warn(
                _FILE, f"log.export[{number}]", "is not a directory at the moment", "mount or make it"
            )
    retired = []
    for number, name in enumerate(section.retired_keys):
        try:
            retired.append(read_public_key(resolve(name, directory).read_text("ascii")))
        except (OSError, ValueError, CheckpointRefused) as error:
            problems.add(_FILE, f"log.retired_keys[{number}]", str(error), "a public key in PEM")
    return LogKeys(signing=_signing(settings, directory, problems), retired=tuple(retired))


def log_origin(settings: Settings) -> str:
    """The common name of both trees."""
    if settings.log.origin is not None:
        return settings.log.origin
    parts = urlsplit(settings.gateway.issuer)
    return f"{parts.netloc}{parts.path}"


def own_key(keys: LogKeys, subject_key: bytes, origin: str) -> Private:
    """The configured key; else one that follows from the subject key, which every host of the installation has."""
    if keys.signing is not None:
        return keys.signing
    info = b"eid-gateway checkpoint key\0" + origin.encode()
    seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(subject_key)
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def _signing(settings: Settings, directory: Path, problems: Problems) -> Private | None:
    reference, place = settings.log.checkpoint_key, "log.checkpoint_key"
    if reference is None:
        return None
    mode = settings.gateway.mode
    try:
        if not reference.startswith(SCHEME):
            secret = read_secret(reference, directory, mode, problems, place)
            return None if secret is None else _private(secret)
        from trust.pkcs11_key import load_hardware_key  # an extra: not everybody has a hardware module

        address = parse(reference, directory)
        if read_secret(f"file:{address.token.pin_file}", directory, mode, problems, place) is None:
            return None
        key = load_hardware_key(address, None, probe=scheme_for)
        public_of(key)
    except ImportError:
        problems.add(_FILE, place, "needs python-pkcs11, which is not installed", "install eid-gateway[hsm]")
    except (KeyUnavailable, CheckpointRefused) as error:
        problems.add(_FILE, place, str(error), _REMEDY)
    else:
        return key
    return None


def _private(pem: bytes) -> Private:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise KeyUnavailable("key.unreadable", "not an unencrypted PEM private key") from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return InMemoryKey(key)
    raise KeyUnavailable("key.type", "neither Ed25519 nor P-256")
