"""Checkpoints: who signs for how large a log was and what its root was.

The text is that of C2SP tlog-checkpoint, the signatures are those of C2SP signed-note: Ed25519 (type 0x01), and
with the same key one with the time (type 0x04, tlog-cosignature v1); or ECDSA (type 0x02) where the key is in a
hardware module, which has no Ed25519 as a rule. Anybody's tools for such notes can verify them.

>>> print(Checkpoint(origin="id.example/login", size=0, root=bytes(32)).text, end="")
id.example/login
0
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from trust.keys import SignatureScheme, Signer, spki

Public = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey
Private = ed25519.Ed25519PrivateKey | Signer
"""A ``Signer`` holds a key of curve P-256."""

_ED25519, _ECDSA, _TIMED = 1, 2, 4
_MOST_LINES = 64
_LONGEST = 65_536
_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


class CheckpointRefused(Exception):
    """Not a checkpoint, or not signed by a key that is believed."""


class NotBelieved(CheckpointRefused):
    """A checkpoint, but signed by nobody whose key is known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Size and root of one log."""

    origin: str
    """Which log: a URL without scheme; also the name of the key."""
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed (C2SP tlog-checkpoint)."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A checkpoint whose signature was found right."""

    checkpoint: Checkpoint
    time: datetime | None
    """When it was signed, as the signature says; None: its kind tells no time."""
    note: str = field(repr=False)


def sign(checkpoint: Checkpoint, keys: Iterable[Private], *, now: datetime) -> str:
    """The signed note; raises KeyUnavailable if a module cannot sign."""
    text = checkpoint.text.encode()
    lines = []
    for key in keys:
        if isinstance(key, ed25519.Ed25519PrivateKey):
            seconds = int(now.timestamp())
            timed = key.sign(_timed(text, seconds))
            public = key.public_key()
            lines += [
                (_key_id(_ED25519, checkpoint.origin, public), key.sign(text)),
                (_key_id(_TIMED, checkpoint.origin, public), seconds.to_bytes(8, "big") + timed),
            ]
        else:
            raw = key.sign(text, SignatureScheme.ECDSA_SHA256)
            r, s = raw[: len(raw) // 2], raw[len(raw) // 2 :]
            value = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
            lines.append((_key_id(_ECDSA, checkpoint.origin, public_of(key)), value))
    signatures = "".join(f"— {checkpoint.origin} {_b64(number + value)}\n" for number, value in lines)
    return f"{checkpoint.text}\n{signatures}"


def open_note(note: str, keys: Sequence[Public]) -> Opened:
    """The checkpoint that one of ``keys`` signed; raises CheckpointRefused.

    Signatures by others count for nothing; a wrong one by a key of ours refuses the whole (C2SP signed-note).
    """
    text, _, signatures = note.rpartition("\n\n")
    lines = signatures[:-1].split("\n")
    if not text or len(note) > _LONGEST or len(lines) > _MOST_LINES or not note.endswith("\n"):
        raise CheckpointRefused("not a signed note")
    checkpoint = _parsed(f"{text}\n")
    if checkpoint.text != f"{text}\n":  # what is verified is what stands there: Base64 has more than one form
        raise CheckpointRefused("not a checkpoint")
    signed, time = False, None
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            raise CheckpointRefused("not a signed note")
        if found[1] != checkpoint.origin:
            continue
        try:
            octets = base64.b64decode(found[2], validate=True)
        except binascii.Error as error:
            raise CheckpointRefused("not a signed note") from error
        for key in keys:
            signed_at = _signed(octets, checkpoint, key)
            if signed_at is not None:
                signed, time = True, signed_at[0] or time
    if not signed:
        raise NotBelieved(
            f"{checkpoint.origin}, size {checkpoint.size}: not signed by a key that is believed"
        )
    return Opened(checkpoint=checkpoint, time=time, note=note)


def public_of(key: Private) -> Public:
    """The public half; raises CheckpointRefused for a module's key that is not P-256."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.public_key()
    public = key.public_key
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise CheckpointRefused("checkpoints are signed with Ed25519 or P-256")
    return public


def verifier_key(name: str, key: Public) -> str:
    """The key as one word, with the name of the log (C2SP signed-note, verifier keys)."""
    kind = _ED25519 if isinstance(key, ed25519.Ed25519PublicKey) else _ECDSA
    return f"{name}+{_key_id(kind, name, key).hex()}+{_b64(bytes([kind]) + _encoded(key))}"


def read_public_key(text: str) -> Public:
    """From PEM, or from the form of ``verifier_key``; raises CheckpointRefused."""
    try:
        if "-----BEGIN" in text:
            key = serialization.load_pem_public_key(text.encode())
        else:
            octets = base64.b64decode(text.strip().split("+", 2)[2], validate=True)
            if octets[0] == _ED25519:
                key = ed25519.Ed25519PublicKey.from_public_bytes(octets[1:])
            else:
                key = serialization.load_der_public_key(octets[1:])
    except (ValueError, IndexError) as error:
        raise CheckpointRefused("not a public key in PEM or as a verifier key") from error
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise CheckpointRefused("checkpoints are signed with Ed25519 or P-256")


def _parsed(text: str) -> Checkpoint:
    """Extension lines are refused: none of ours has any, and nobody could check them."""
    origin, size, root, *more = text.split("\n")
    try:
        octets = base64.b64decode(root, validate=True)
    except binascii.Error as error:
        raise CheckpointRefused("not a checkpoint") from error
    wrong = not origin.isprintable() or re.search(r"[\s+]|^$", origin) or _NUMBER.fullmatch(size) is None
    if wrong or len(octets) != 32 or more != [""]:
        raise CheckpointRefused("not a checkpoint")
    return Checkpoint(origin=origin, size=int(size), root=octets)


def _signed(octets: bytes, checkpoint: Checkpoint, key: Public) -> tuple[datetime | None] | None:
    """None: not a signature by ``key``. Raises CheckpointRefused for a wrong one."""
    number, value, text = octets[:4], octets[4:], checkpoint.text.encode()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            if number != _key_id(_ECDSA, checkpoint.origin, key):
                return None
            key.verify(value, text, ec.ECDSA(SignatureScheme.ECDSA_SHA256.hash()))
            return (None,)
        if number == _key_id(_ED25519, checkpoint.origin, key):
            key.verify(value, text)
            return (None,)
        if number == _key_id(_TIMED, checkpoint.origin, key):
            seconds = int.from_bytes(value[:8], "big")
            key.verify(value[8:], _timed(text, seconds))
            return (datetime.fromtimestamp(seconds, UTC),)
    except (InvalidSignature, ValueError, OverflowError, OSError) as error:
        raise CheckpointRefused(
            f"{checkpoint.origin}, size {checkpoint.size}: the signature is wrong"
        ) from error
    return None


def _timed(text: bytes, seconds: int) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (seconds, text)


def _key_id(kind: int, name: str, key: Public) -> bytes:
    if kind == _ECDSA:
        return sha256(spki(key)).digest()[:4]
    return sha256(name.encode() + b"\n" + bytes([kind]) + _encoded(key)).digest()[:4]


def _encoded(key: Public) -> bytes:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return spki(key)


def _b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
