"""EME-OAEP decoding (RFC 8017 §7.1.2) for a hardware module that decrypts RSA but knows one digest only.

The private operation stays inside; what comes out is the encoded message. Every check is made and
only their conjunction is told: an answer that tells the first octet from the rest is Manger's oracle.
"""

from __future__ import annotations

import hashlib
import hmac

from trust.errors import DecryptionError


def decode(encoded: bytes, *, digest: str, mgf1: str) -> bytes:
    """The message in ``encoded``, which is as long as the modulus; the label is empty.

    Raises DecryptionError.
    """
    size = hashlib.new(digest).digest_size
    masked_seed, masked_block = encoded[1 : 1 + size], encoded[1 + size :]
    seed = _xor(masked_seed, _mask(masked_block, size, mgf1))
    block = _xor(masked_block, _mask(seed, len(masked_block), mgf1))
    label, rest = block[:size], block[size:]
    message = rest.lstrip(b"\0")
    good = hmac.compare_digest(label, hashlib.new(digest).digest())
    good &= encoded[:1] == b"\0"
    good &= message[:1] == b"\1"
    if not good:
        raise DecryptionError("decryption.failed")
    return message[1:]


def _mask(seed: bytes, length: int, name: str) -> bytes:
    """MGF1 (RFC 8017 §B.2.1)."""
    rounds = -(-length // hashlib.new(name).digest_size)
    octets = b"".join(hashlib.new(name, seed + count.to_bytes(4, "big")).digest() for count in range(rounds))
    return octets[:length]


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")
