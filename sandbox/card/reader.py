"""The reader and the card-side half of the eID-Client: everything said to the chip (TR-03110-3 B)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sandbox.card import names
from sandbox.card.certificates import Certificate
from sandbox.card.messaging import CHAINED, Channel, Command, Response
from sandbox.card.names import oid
from sandbox.card.objects import only, optional, write
from sandbox.card.pace import Pace
from sandbox.card.rights import Chat

Transmit = Callable[[bytes], bytes]
Password = Literal["pin", "can"]

_REFERENCES = {"pin": 3, "can": 2}
EXTENDED = 65536


class CardRefused(Exception):
    """The card answered with another status than 9000."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__(f"{what}: the card answers {status:04x}")
        self.what = what
        self.status = status

    @property
    def attempts(self) -> int | None:
        """How many attempts are left for a password, if that is what it says."""
        return self.status & 0xF if self.status & 0xFFF0 == 0x63C0 else None

    @property
    def deactivated(self) -> bool:
        return self.status == 0x6283


@dataclass(slots=True)
class Reader:
    """One session with one card."""

    transmit: Transmit
    channel: Channel | None = None
    identifier: bytes = b""
    """ID_PICC: x coordinate of the card's ephemeral key."""
    references: list[bytes] = field(default_factory=list)
    """The roots the card believes, the newest first."""

    def send(self, what: str, command: Command) -> bytes:
        """Send a command, secured as soon as there are keys.

        Raises CardRefused; BrokenChannel and Malformed when the card breaks the protocol.
        """
        sent = self.channel.protect(command) if self.channel else command
        answer = Response.parse(self.transmit(sent.octets))
        if self.channel:
            answer = self.channel.accept(answer)
        if answer.status != 0x9000:
            raise CardRefused(what, answer.status)
        return answer.data

    def read_file(self, number: int) -> bytes:
        """A whole file by its short identifier."""
        return self.send("READ BINARY", Command(ins=0xB0, p1=0x80 | number, le=EXTENDED))

    def establish(self, password: Password, secret: str, chat: Chat | None = None) -> None:
        """PACE, through the channel there is, if any (CAN, then PIN).

        Raises CardRefused with the attempts that are left, WrongPassword.
        """
        body = write(0x80, oid(names.PACE_ECDH_GM_AES_128)) + write(0x83, bytes([_REFERENCES[password]]))
        body += chat.octets if chat else b""
        self.send("MSE:Set AT (PACE)", Command(ins=0x22, p1=0xC1, p2=0xA4, data=body))
        side = Pace(secret)
        side.learn_nonce(only(self._pace(b""), 0x80).value)
        other = only(self._pace(write(0x81, side.mapping_public)), 0x82).value
        side.map(other)
        other = only(self._pace(write(0x83, side.public.octets)), 0x84).value
        side.agree(other)
        answer = self._pace(write(0x85, side.token), last=True)
        side.check(only(answer, 0x86).value)
        self.identifier = other[1:33]
        self.references = [found.value for tag in (0x87, 0x88) if (found := optional(answer, tag))]
        self.channel = Channel(side.keys)

    def _pace(self, objects: bytes, *, last: bool = False) -> bytes:
        command = Command(cla=0 if last else CHAINED, ins=0x86, data=write(0x7C, objects), le=256)
        return only(self.send("PACE", command), 0x7C).value

    def challenge(self) -> bytes:
        return self.send("GET CHALLENGE", Command(ins=0x84, le=8))

    def present(self, chain: Sequence[Certificate]) -> None:
        """Show the chain to the card, root side first. Raises CardRefused."""
        for certificate in chain:
            data = write(0x83, certificate.issuer)
            self.send("MSE:Set DST", Command(ins=0x22, p1=0x81, p2=0xB6, data=data))
            content = certificate.body + write(0x5F37, certificate.signature)
            self.send("PSO: VERIFY CERTIFICATE", Command(ins=0x2A, p2=0xBE, data=content))

    def authenticate_terminal(
        self, terminal: Certificate, ephemeral: bytes, auxiliary: bytes, signature: bytes
    ) -> None:
        """TA2 after the challenge: ``ephemeral`` is an uncompressed point. Raises CardRefused."""
        data = (
            write(0x80, terminal.algorithm)
            + write(0x83, terminal.holder)
            + auxiliary
            + write(0x91, ephemeral[1:33])
        )
        self.send("MSE:Set AT (TA)", Command(ins=0x22, p1=0x81, p2=0xA4, data=data))
        self.send("EXTERNAL AUTHENTICATE", Command(ins=0x82, data=signature))

    def authenticate_chip(self, ephemeral: bytes, key: int) -> tuple[bytes, bytes]:
        """CA2; gives nonce and token. From here on only the eID-Server understands the card."""
        data = write(0x80, oid(names.CA_ECDH_AES_128)) + write(0x84, bytes([key]))
        self.send("MSE:Set AT (CA)", Command(ins=0x22, p1=0x41, p2=0xA4, data=data))
        body = write(0x7C, write(0x80, ephemeral))
        answer = only(self.send("GENERAL AUTHENTICATE (CA)", Command(ins=0x86, data=body, le=256)), 0x7C)
        self.channel = None
        return answer.child(0x81).value, answer.child(0x82).value


def chain_for(references: Sequence[bytes], known: Sequence[Certificate]) -> list[Certificate] | None:
    """The way from a root of the card down to the terminal, or None (TR-03112-7 §3.6.4.1)."""
    by_holder = {c.holder: c for c in known if c.holder != c.issuer}
    terminals = [c for c in known if c.chat.role == 0]
    if not terminals:
        return None
    chain = [terminals[0]]
    while chain[0].issuer not in references:
        above = by_holder.get(chain[0].issuer)
        if above is None or above in chain:
            return None
        chain.insert(0, above)
    return chain
