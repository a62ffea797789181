"""What reader and eID-Server do with a card, in the order of TR-03110-2 §3.1, step by step for tests."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.card import curve, names
from sandbox.card.certificates import Certificate
from sandbox.card.chip import Card
from sandbox.card.issuer import CHIP_KEY
from sandbox.card.messaging import Channel, Command, Response
from sandbox.card.names import oid
from sandbox.card.objects import only, write
from sandbox.card.reader import Reader
from sandbox.card.rights import ALL, Chat, Role
from sandbox.card.session_keys import SessionKeys
from tests.sandbox.card.terminals import Authorities, Holder, plain_signature


def auxiliary(**values: bytes) -> bytes:
    """``age``, ``expiry``, ``community`` as authenticated auxiliary data."""
    kinds = {"age": names.DATE_OF_BIRTH, "expiry": names.DATE_OF_EXPIRY, "community": names.COMMUNITY_ID}
    templates = [write(0x73, write(0x06, oid(kinds[k])), write(0x53, v)) for k, v in values.items()]
    return write(0x67, *templates)


class Terminal:
    """Everything up to the secured channel between card and server, with any step to be bent."""

    def __init__(self, card: Card, pki: Authorities, *, bits: int = ALL, pin: str = "123456") -> None:
        self.card, self.pki = card, pki
        self.reader = Reader(card.transmit)
        self.reader.establish("pin", pin, Chat(Role.TERMINAL, bits))
        self.secret = curve.scalar()
        self.channel: Channel | None = None

    @property
    def ephemeral(self) -> bytes:
        return curve.multiply(self.secret).octets

    def authenticate(
        self,
        aux: bytes = b"",
        *,
        chain: Sequence[Certificate] | None = None,
        terminal: Holder | None = None,
        challenge: bytes = b"",
        signed_aux: bytes | None = None,
    ) -> None:
        """TA2; raises CardRefused."""
        holder = terminal or self.pki.terminal
        self.reader.present(self.pki.chain if chain is None else chain)
        nonce = challenge or self.reader.challenge()
        told = aux if signed_aux is None else signed_aux
        data = self.reader.identifier + nonce + self.ephemeral[1:33] + told
        signature = plain_signature(holder.secret, data)
        self.reader.authenticate_terminal(holder.certificate, self.ephemeral, aux, signature)

    def agree(self) -> None:
        """CA2, checked as the server checks it."""
        nonce, token = self.reader.authenticate_chip(self.ephemeral, CHIP_KEY)
        shared = curve.multiply(self.secret, curve.multiply(self.card._keys.chip))
        keys = SessionKeys.agree(shared.x_octets, nonce)
        assert token == keys.token(names.CA_ECDH_AES_128, curve.point(self.ephemeral))
        self.channel = Channel(keys)

    def send(self, command: Command) -> Response:
        sent = self.channel.protect(command)
        return self.channel.accept(Response.parse(self.card.transmit(sent.octets)))

    def open(self, aux: bytes = b"") -> Terminal:
        """All of it, and the eID application selected."""
        self.authenticate(aux)
        self.agree()
        self.send_select()
        return self

    def send_select(self) -> None:
        assert self.send(Command(ins=0xA4, p1=4, p2=0x0C, data=names.EID_APPLICATION)).status == 0x9000

    def read(self, group: int) -> Response:
        return self.send(Command(ins=0xB0, p1=0x80 | group, le=65536))

    def verify(self, what: str) -> int:
        body = write(0x06, oid(what))
        return self.send(Command(cla=0x80, ins=0x20, p1=0x80, data=body)).status

    def restricted_id(self, key: int, sector: bytes) -> Response:
        body = write(0x80, oid(names.RI_ECDH_SHA_256)) + write(0x84, bytes([key]))
        assert self.send(Command(ins=0x22, p1=0x41, p2=0xA4, data=body)).status == 0x9000
        body = write(0x7C, write(0xA0, sector))
        answer = self.send(Command(ins=0x86, data=body, le=65536))
        if answer.status != 0x9000:
            return answer
        return Response(only(answer.data, 0x7C).child(0x81).value, answer.status)
