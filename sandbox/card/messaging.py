"""Commands and responses, plain and in secure messaging (ISO 7816-4; TR-03110-3 part F)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

from sandbox.card.objects import Malformed, only, optional, read, write
from sandbox.card.session_keys import SessionKeys, mac

BLOCK = 16
SECURED = 0x0C
CHAINED = 0x10


class BrokenChannel(ValueError):
    """A message without or with a wrong MAC: the channel is at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command; ``le`` is how much may come back, None for nothing."""

    cla: int = 0
    ins: int
    p1: int = 0
    p2: int = 0
    data: bytes = b""
    le: int | None = None

    @property
    def header(self) -> bytes:
        return bytes([self.cla, self.ins, self.p1, self.p2])

    @property
    def octets(self) -> bytes:
        """Short form where it fits, extended otherwise."""
        extended = len(self.data) > 255 or (self.le or 0) > 256
        if not extended:
            lc = bytes([len(self.data)]) if self.data else b""
            le = b"" if self.le is None else bytes([self.le % 256])
            return self.header + lc + self.data + le
        lc = b"\0" + len(self.data).to_bytes(2, "big") if self.data else b""
        le = b"" if self.le is None else (self.le % 65536).to_bytes(2, "big")
        return self.header + lc + self.data + (le if lc or not le else b"\0" + le)

    @classmethod
    def parse(cls, octets: bytes) -> Command:
        """Read a command in short or extended form; raises Malformed."""
        if len(octets) < 4:
            raise Malformed("a command has at least four octets")
        cla, ins, p1, p2 = octets[:4]
        head = cls(cla=cla, ins=ins, p1=p1, p2=p2)
        body = octets[4:]
        if not body:
            return head
        if len(body) == 1:
            return replace(head, le=body[0] or 256)
        if body[0]:
            size, start, limit, widths = body[0], 1, 256, (0, 1)
        elif len(body) == 3:
            return replace(head, le=int.from_bytes(body[1:], "big") or 65536)
        else:
            size, start, limit, widths = int.from_bytes(body[1:3], "big"), 3, 65536, (0, 2)
        data, rest = body[start : start + size], body[start + size :]
        if len(data) != size or len(rest) not in widths:
            raise Malformed("Lc does not fit")
        return replace(head, data=data, le=(int.from_bytes(rest, "big") or limit) if rest else None)


@dataclass(frozen=True, slots=True)
class Response:
    """Data and status word."""

    data: bytes
    status: int

    @property
    def octets(self) -> bytes:
        return self.data + self.status.to_bytes(2, "big")

    @classmethod
    def parse(cls, octets: bytes) -> Response:
        if len(octets) < 2:
            raise Malformed("no status word")
        return cls(octets[:-2], int.from_bytes(octets[-2:], "big"))


def pad(data: bytes) -> bytes:
    """80 and zeros up to whole blocks."""
    return data + b"\x80" + bytes(-(len(data) + 1) % BLOCK)


def unpad(data: bytes) -> bytes:
    """Raises BrokenChannel."""
    end = data.rstrip(b"\0")
    if not end.endswith(b"\x80") or len(data) % BLOCK:
        raise BrokenChannel("padding")
    return end[:-1]


class Channel:
    """Secure messaging with one pair of keys; the same for the card's and for the reader's side."""

    def __init__(self, keys: SessionKeys, counter: int = 0) -> None:
        self._keys = keys
        self._counter = counter

    def _next(self) -> bytes:
        self._counter += 1
        return self._counter.to_bytes(BLOCK, "big")

    def _cipher(self, counter: bytes) -> Cipher[CBC]:
        first = Cipher(AES128(self._keys.encryption), ECB()).encryptor()  # noqa: S305 - one block, as the IV
        return Cipher(AES128(self._keys.encryption), CBC(first.update(counter)))

    def _encrypt(self, counter: bytes, data: bytes) -> bytes:
        context = self._cipher(counter).encryptor()
        return context.update(pad(data)) + context.finalize()

    def _decrypt(self, counter: bytes, data: bytes) -> bytes:
        if not data or len(data) % BLOCK:
            raise BrokenChannel("no whole blocks")
        context = self._cipher(counter).decryptor()
        return unpad(context.update(data) + context.finalize())

    def _check(self, covered: bytes, given: bytes) -> None:
        if not hmac.compare_digest(mac(self._keys.mac, covered), given):
            raise BrokenChannel("MAC")

    # the reader's side

    def protect(self, command: Command) -> Command:
        """Wrap a command."""
        counter = self._next()
        head = replace(command, cla=command.cla | SECURED)
        objects = b""
        if command.data:
            cipher = self._encrypt(counter, command.data)
            objects = write(0x85, cipher) if command.ins & 1 else write(0x87, b"\x01", cipher)
        if command.le is not None:
            width = 1 if command.le <= 256 else 2
            objects += write(0x97, (command.le % 256**width).to_bytes(width, "big"))
        covered = counter + pad(head.header) + (pad(objects) if objects else b"")
        body = objects + write(0x8E, mac(self._keys.mac, covered))
        wide = len(body) > 255 or (command.le or 0) > 256
        return replace(head, data=body, le=65536 if wide else 256)

    def accept(self, response: Response) -> Response:
        """Unwrap a response; raises BrokenChannel."""
        counter = self._next()
        data, status, covered, given = _parts(response.data)
        if status is None or given is None:
            raise BrokenChannel(f"not secured, status {response.status:04x}")
        self._check(counter + pad(covered), given)
        plain = self._decrypt(counter, data) if data is not None else b""
        return Response(plain, int.from_bytes(status, "big"))

    # the card's side

    def open(self, command: Command) -> Command:
        """Unwrap a command; raises BrokenChannel, also for a plain one."""
        if command.cla & SECURED != SECURED:
            raise BrokenChannel("a plain command in a secured session")
        counter = self._next()
        try:
            given = only(command.data, 0x8E)
            objects = command.data[: -len(given.octets)]
            crypted = optional(objects, 0x85 if command.ins & 1 else 0x87)
            expected = optional(objects, 0x97)
        except Malformed as error:
            raise BrokenChannel(str(error)) from error
        covered = counter + pad(command.header) + (pad(objects) if objects else b"")
        self._check(covered, given.value)
        data = b""
        if crypted is not None:
            data = self._decrypt(counter, crypted.value[0 if command.ins & 1 else 1 :])
        le = None
        if expected is not None:
            le = int.from_bytes(expected.value, "big") or 256 ** len(expected.value)
        return replace(command, cla=command.cla & ~SECURED, data=data, le=le)

    def seal(self, response: Response) -> Response:
        """Wrap a response."""
        counter = self._next()
        objects = write(0x87, b"\x01", self._encrypt(counter, response.data)) if response.data else b""
        objects += write(0x99, response.status.to_bytes(2, "big"))
        covered = counter + pad(objects)
        return Response(objects + write(0x8E, mac(self._keys.mac, covered)), response.status)


def _parts(octets: bytes) -> tuple[bytes | None, bytes | None, bytes, bytes | None]:
    """Cipher text, status, what the MAC covers, the MAC."""
    data = status = given = None
    covered = b""
    try:
        for item in read(octets):
            if item.tag == 0x8E:
                given = item.value
                continue
            covered += item.octets
            if item.tag == 0x87:
                data = item.value[1:]
            elif item.tag == 0x99:
                status = item.value
    except Malformed as error:
        raise BrokenChannel(str(error)) from error
    return data, status, covered, given
