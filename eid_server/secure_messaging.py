"""Secure messaging with AES, encrypt-then-authenticate (TR-03110-3 F, ISO/IEC 7816-4 §10).

::

    command   header'  Lc  [87 01‖ciphertext | 85 ciphertext]  [97 Le]  8E MAC  Le
    answer    [87 01‖ciphertext | 85 ciphertext]  99 status  8E MAC  status

The send sequence counter starts at zero and grows by one before each command and each answer, so
that a whole batch can be built before the first answer is there. Its encryption is the IV.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

from eid_server import tlv
from eid_server.apdus import CommandAPDU
from eid_server.chip_authentication import SessionKeys
from eid_server.errors import Malformed, ProtocolViolation

_BLOCK = 16
_SECURE = 0x0C
"""Class byte: secure messaging, header authenticated."""
_SHORT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    data: bytes
    status: int


class Channel:
    """One direction pair between server and chip; not to be used by two threads.

    Commands may be wrapped ahead; answers are unwrapped in the order of the commands. After the
    first wrong answer nothing works any more: whoever holds the channel must start over.
    """

    def __init__(self, keys: SessionKeys) -> None:
        self._encryption = AES(keys.encryption)
        self._authentication = AES(keys.authentication)
        self._counter = 0
        self._awaited: deque[int] = deque()
        self._broken = False

    def wrap(self, command: CommandAPDU) -> bytes:
        """The protected command; raises ProtocolViolation on a broken channel."""
        if self._broken:
            raise ProtocolViolation("secure messaging has ended")
        counter = self._counter + 1
        self._counter += 2
        self._awaited.append(self._counter)
        header = bytes([command.cla | _SECURE, *command.header[1:]])
        objects = b""
        if command.data:
            ciphertext = self._encrypt(counter, command.data)
            is_odd = bool(command.ins & 1)
            objects += tlv.write(0x85, ciphertext) if is_odd else tlv.write(0x87, b"\x01" + ciphertext)
        if command.expected is not None:
            is_short = command.expected <= _SHORT + 1
            length = command.expected.to_bytes(4, "big")
            objects += tlv.write(0x97, length[-1:] if is_short else length[-2:])
        authenticated = _pad(header) + (_pad(objects) if objects else b"")
        objects += tlv.write(0x8E, self._mac(counter, authenticated))
        if len(objects) <= _SHORT and (command.expected or 0) <= _SHORT + 1:
            return header + bytes([len(objects)]) + objects + b"\0"
        return header + b"\0" + len(objects).to_bytes(2, "big") + objects + b"\0\0"

    def unwrap(self, answer: bytes) -> Response:
        """What the chip answered to the oldest command still open.

        Raises ProtocolViolation for an answer without or with a wrong MAC, out of turn, or not as
        ISO/IEC 7816-4 has it; the channel is broken then (TR-03130-4 C1_2_07, C1_2_08).
        """
        if self._broken or not self._awaited:
            self._broken = True
            raise ProtocolViolation("an answer that no command waits for")
        counter = self._awaited.popleft()
        try:
            return self._open(counter, answer)
        except ProtocolViolation:
            self._broken = True
            raise

    def _open(self, counter: int, answer: bytes) -> Response:
        objects = tlv.read(answer[:-2])
        tags = [element.tag for element in objects]
        if tags not in ([0x99, 0x8E], [0x87, 0x99, 0x8E], [0x85, 0x99, 0x8E]):
            raise Malformed("an answer without the objects of secure messaging")
        *content, status, mac = objects
        authenticated = _pad(b"".join(element.encoded for element in objects[:-1]))
        if not compare_digest(self._mac(counter, authenticated), mac.value):
            raise ProtocolViolation("the MAC of an answer is wrong")
        if status.value != answer[-2:]:
            raise ProtocolViolation("the status outside secure messaging is another than inside")
        data = b""
        for element in content:
            ciphertext = element.value
            if element.tag == 0x87:
                if ciphertext[:1] != b"\x01":
                    raise Malformed("an answer with another padding")
                ciphertext = ciphertext[1:]
            data = self._decrypt(counter, ciphertext)
        return Response(data=data, status=int.from_bytes(status.value, "big"))

    def _cipher(self, counter: int) -> Cipher[CBC]:
        # The IV must be unpredictable, and is: the counter encrypted under the session's key (F.4.2.1).
        block = Cipher(self._encryption, ECB()).encryptor()  # noqa: S305 -- one block, as the TR prescribes
        return Cipher(self._encryption, CBC(block.update(counter.to_bytes(_BLOCK, "big"))))

    def _encrypt(self, counter: int, plain: bytes) -> bytes:
        return self._cipher(counter).encryptor().update(_pad(plain))

    def _decrypt(self, counter: int, ciphertext: bytes) -> bytes:
        if not ciphertext or len(ciphertext) % _BLOCK:
            raise Malformed("a ciphertext that is not whole blocks")
        return _unpad(self._cipher(counter).decryptor().update(ciphertext))

    def _mac(self, counter: int, authenticated: bytes) -> bytes:
        mac = CMAC(self._authentication)
        mac.update(counter.to_bytes(_BLOCK, "big") + authenticated)
        return mac.finalize()[:8]


def _pad(octets: bytes) -> bytes:
    """ISO/IEC 9797-1 padding method 2."""
    return octets + b"\x80" + bytes(-(len(octets) + 1) % _BLOCK)


def _unpad(octets: bytes) -> bytes:
    plain = octets.rstrip(b"\0")
    if not plain.endswith(b"\x80") or len(octets) - len(plain) >= _BLOCK:
        raise Malformed("padding of an answer is wrong")
    return plain[:-1]
