"""SoftHSM 2 as the hardware module of the tests: tokens of our own, keys brought in by its own tool."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pkcs11.util.ec import decode_ec_private_key, decode_ec_public_key

from trust.pkcs11_module import Module, module
from trust.pkcs11_uri import KeyAddress, parse

PIN = "pin-7461"
_LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so")


@functools.cache
def directory() -> Path:
    """Where this process has its tokens; SoftHSM is told by an environment variable, children inherit it."""
    library = next((path for path in _LIBRARIES if Path(path).exists()), None)
    if shutil.which("softhsm2-util") is None or library is None:
        pytest.skip("SoftHSM 2 is missing")
    place = Path(tempfile.mkdtemp(prefix="eid-gateway-softhsm-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    (place / "tokens").mkdir()
    (place / "softhsm2.conf").write_text(
        f"directories.tokendir = {place / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(place / "softhsm2.conf")
    return place


def library() -> Path:
    """The module; asked for only when there is one."""
    directory()
    return Path(next(path for path in _LIBRARIES if Path(path).exists()))


@dataclass(frozen=True, slots=True)
class SoftToken:
    """One token with its PIN file."""

    label: str
    pin_file: Path

    @classmethod
    def new(cls, label: str) -> SoftToken:
        """A token with ``label``, which must be new in this process; a loaded module sees it after a restart."""
        pin_file = directory() / f"{label}.pin"
        pin_file.write_text(f"{PIN}\n")
        pin_file.chmod(0o600)
        _tool("--init-token", "--free", "--label", label, "--so-pin", "so-7461", "--pin", PIN)
        loaded().restart(loaded().epoch)
        return cls(label, pin_file)

    def bring_in(
        self, label: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, number: int = 1
    ) -> None:
        """Put ``key`` in as an operator would: it may sign and, if RSA, decrypt."""
        file = directory() / "imported.pem"
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        name = ("--token", self.label, "--label", label, "--id", f"{number:02x}")
        _tool("--import", str(file), *name, "--pin", PIN)
        file.unlink()

    def bring_in_for_agreement(self, label: str, key: ec.EllipticCurvePrivateKey) -> None:
        """Put ``key`` in with CKA_DERIVE, which SoftHSM's own tool cannot."""
        common = {
            pkcs11.Attribute.TOKEN: True,
            pkcs11.Attribute.LABEL: label,
            pkcs11.Attribute.ID: label.encode(),
        }
        private = {
            **decode_ec_private_key(
                key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
            ),
            pkcs11.Attribute.SENSITIVE: True,
            pkcs11.Attribute.EXTRACTABLE: False,
            pkcs11.Attribute.SIGN: False,
            pkcs11.Attribute.DERIVE: True,
        }
        public = decode_ec_public_key(
            key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
        found = next(
            slot.get_token()
            for slot in pkcs11.lib(str(library())).get_slots(token_present=True)
            if slot.get_token().label == self.label
        )
        with found.open(rw=True, user_pin=PIN) as session:
            session.create_object({**private, **common})
            session.create_object({**public, **common})

    def uri(self, label: str, *, more: str = "") -> str:
        """The PKCS#11 URI of a key."""
        place = f"module-path={library()}&pin-source=file:{self.pin_file}"
        return f"pkcs11:token={quote(self.label)};object={quote(label)}{more}?{place}"

    def address(self, label: str, *, more: str = "") -> KeyAddress:
        return parse(self.uri(label, more=more), directory())


def loaded() -> Module:
    """The module in this process."""
    return module(str(library()))


def _tool(*arguments: str) -> None:
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)
