"""PACE with generic mapping: id-PACE-ECDH-GM-AES-CBC-CMAC-128 (TR-03110-2 §3.2, TR-03110-3 B.1)."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC

from sandbox.card import curve
from sandbox.card.names import PACE_ECDH_GM_AES_128
from sandbox.card.session_keys import PASSWORD, SessionKeys, derive


class WrongPassword(Exception):
    """The other side does not know the password, or is somebody else in the middle."""


def _cipher(password: str) -> Cipher[CBC]:
    return Cipher(AES128(derive(password.encode(), PASSWORD)), CBC(bytes(16)))


@dataclass(slots=True)
class Pace:
    """One side of one run. Both do the same, except for who makes the nonce."""

    password: str
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    _mapping: int = field(default_factory=curve.scalar)
    _base: curve.Point = curve.GENERATOR
    _secret: int = 0
    _other: curve.Point = curve.GENERATOR
    _keys: SessionKeys | None = None

    @property
    def encrypted_nonce(self) -> bytes:
        """Card: what it sends first."""
        context = _cipher(self.password).encryptor()
        return context.update(self.nonce) + context.finalize()

    def learn_nonce(self, encrypted: bytes) -> None:
        """Reader: whatever comes out with a wrong password is a number as well."""
        context = _cipher(self.password).decryptor()
        self.nonce = context.update(encrypted) + context.finalize()

    @property
    def mapping_public(self) -> bytes:
        return curve.multiply(self._mapping).octets

    def map(self, other: bytes) -> None:
        """Compute the base point of this run; raises Malformed."""
        shared = curve.multiply(self._mapping, curve.point(other))
        scaled = curve.multiply(int.from_bytes(self.nonce, "big"))
        self._base = curve.add(scaled, shared)
        self._secret = curve.scalar()

    @property
    def public(self) -> curve.Point:
        """Our ephemeral key; the card's is its identifier in terminal authentication 2."""
        return curve.multiply(self._secret, self._base)

    def agree(self, other: bytes) -> None:
        """Take the other's ephemeral key; raises Malformed, WrongPassword when it is our own."""
        self._other = curve.point(other)
        if self._other == self.public:
            raise WrongPassword("our own key sent back")
        self._keys = SessionKeys.agree(curve.multiply(self._secret, self._other).x_octets)

    @property
    def keys(self) -> SessionKeys:
        """Raises WrongPassword before the keys are agreed."""
        if self._keys is None:
            raise WrongPassword("no keys yet")
        return self._keys

    @property
    def token(self) -> bytes:
        return self.keys.token(PACE_ECDH_GM_AES_128, self._other)

    def check(self, token: bytes) -> None:
        """Raises WrongPassword."""
        if not hmac.compare_digest(self.keys.token(PACE_ECDH_GM_AES_128, self.public), token):
            raise WrongPassword("authentication token")
