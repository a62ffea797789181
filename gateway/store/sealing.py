"""Records that the server alone cannot read.

A *bearer secret* is held by a browser (cookie), by a client (authorization code, access token) or
by nobody else. The record that belongs to it is found under a hash of the secret and encrypted
under a key derived from the secret; the store holds neither. A dump of the store shows no citizen.

Formats
=======

*Journey number*: 10 characters of Crockford's base 32 (no I, L, O, U), 50 random bits. It is public:
routing tag of all records of the journey, and what the citizen reads out to support.

*Bearer secret*: ``<journey number>.<base64url of 32 random octets, 43 characters>``.

*Key name*: ``eg:{<journey number>}:<purpose>:<base64url of SHA-256(secret)>``. The braces make all
keys of one journey share a slot of a Redis Cluster.

*Value*: ``0x01 || until || nonce || ciphertext``: a version octet, the end of the record's life as
seconds since the epoch (8 octets, big endian), 12 random octets, and AES-256-GCM with

* key: HKDF-SHA256(secret, no salt, info = ``eid-gateway/1 <purpose>``), 32 octets;
* additional data: key name || until, so that a record can be neither moved nor prolonged.

>>> secret = BearerSecret.parse("0123456789." + "A" * 43)
>>> key_name(secret, "journey")
'eg:{0123456789}:journey:N2E4AOg6vJ2hMv7QBcf5Jy0hZY-AQaHBCrnW_z6psYE'
>>> value = seal(secret, "journey", b"Ada", until=2_000_000_000, nonce=bytes(12))
>>> value[:21].hex()
'010000000077359400000000000000000000000000'
>>> unseal(secret, "journey", value, now=1_999_999_999.0)
b'Ada'
>>> unseal(secret, "code", value, now=1_999_999_999.0)
Traceback (most recent call last):
    ...
gateway.store.sealing.SealBroken: record cannot be opened
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TokenSource = Callable[[int], bytes]
"""``secrets.token_bytes`` in production."""

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
JOURNEY_NUMBER = re.compile(rf"[{CROCKFORD}]{{10}}")
_SECRET = re.compile(rf"([{CROCKFORD}]{{10}})\.([A-Za-z0-9_-]{{43}})")
_VERSION = b"\x01"
_HEADER = 1 + 8 + 12


class SealBroken(Exception):
    """The value does not belong to this secret and purpose, was altered, or is over its life."""


@dataclass(frozen=True, slots=True)
class BearerSecret:
    """See the module docstring; ``text`` is what travels, and never appears in a repr or a log."""

    journey: str
    text: str = field(repr=False)

    @classmethod
    def new(cls, journey: str, random: TokenSource) -> Self:
        return cls(journey, f"{journey}.{_base64url(random(32))}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for anything that is not of the form of a bearer secret."""
        match = _SECRET.fullmatch(text)
        if match is None:
            raise ValueError("not a bearer secret")
        return cls(match[1], text)


def new_journey_number(random: TokenSource) -> str:
    """A fresh journey number."""
    number = int.from_bytes(random(7), "big")
    return "".join(CROCKFORD[(number >> 5 * position) & 31] for position in range(10))


def key_name(secret: BearerSecret, purpose: str) -> str:
    """Where the record of ``purpose`` lies; tells nothing about the secret."""
    digest = _base64url(sha256(secret.text.encode()).digest())
    return f"eg:{{{secret.journey}}}:{purpose}:{digest}"


def seal(secret: BearerSecret, purpose: str, plaintext: bytes, *, until: int, nonce: bytes) -> bytes:
    """The value to be stored under ``key_name(secret, purpose)``; ``nonce``: 12 random octets."""
    life = until.to_bytes(8, "big")
    data = key_name(secret, purpose).encode() + life
    return _VERSION + life + nonce + _cipher(secret, purpose).encrypt(nonce, plaintext, data)


def unseal(secret: BearerSecret, purpose: str, value: bytes, *, now: float) -> bytes:
    """Inverse of ``seal``; raises SealBroken, also at and after the end of the record's life."""
    if len(value) < _HEADER + 16 or value[:1] != _VERSION:
        raise SealBroken("record cannot be opened")
    life, nonce = value[1:9], value[9:_HEADER]
    data = key_name(secret, purpose).encode() + life
    try:
        plaintext = _cipher(secret, purpose).decrypt(nonce, value[_HEADER:], data)
    except InvalidTag as error:
        raise SealBroken("record cannot be opened") from error
    if now >= int.from_bytes(life, "big"):
        raise SealBroken("record is over its life")
    return plaintext


def _cipher(secret: BearerSecret, purpose: str) -> AESGCM:
    info = b"eid-gateway/1 " + purpose.encode()
    return AESGCM(HKDF(hashes.SHA256(), 32, None, info).derive(secret.text.encode()))


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()
