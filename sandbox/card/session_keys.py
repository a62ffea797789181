"""Keys of a secured channel (TR-03110-3 A.2.3) and the authentication token (A.2.4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.cmac import CMAC

from sandbox.card.curve import Point
from sandbox.card.names import oid
from sandbox.card.objects import write

PASSWORD = 3
"""The counter for the key made of a password."""


def derive(secret: bytes, counter: int, nonce: bytes = b"") -> bytes:
    """An AES-128 key: the first 16 octets of SHA-1."""
    return hashlib.sha1(secret + nonce + counter.to_bytes(4, "big"), usedforsecurity=False).digest()[:16]


def mac(key: bytes, data: bytes) -> bytes:
    """AES-CMAC, cut to 8 octets."""
    tag = CMAC(AES128(key))
    tag.update(data)
    return tag.finalize()[:8]


@dataclass(frozen=True, slots=True)
class SessionKeys:
    encryption: bytes
    mac: bytes

    @classmethod
    def agree(cls, shared_x: bytes, nonce: bytes = b"") -> Self:
        """From the x coordinate of the shared point."""
        return cls(derive(shared_x, 1, nonce), derive(shared_x, 2, nonce))

    def token(self, protocol: str, public: Point) -> bytes:
        """Proof that the sender of it has the keys, over the other party's public key."""
        return mac(self.mac, write(0x7F49, write(0x06, oid(protocol)), write(0x86, public.octets)))
