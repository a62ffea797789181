"""The eID-Client between eID-Server and card: each PAOS command and its answer (TR-03112-7 §3.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from sandbox.card import names, paos
from sandbox.card.certificates import Certificate, NotBelieved
from sandbox.card.consent import Citizen, Shown
from sandbox.card.description import Description, parse_description
from sandbox.card.messaging import BrokenChannel, Response
from sandbox.card.names import oid
from sandbox.card.objects import Malformed, only
from sandbox.card.pace import WrongPassword
from sandbox.card.paos import MINOR, Received, UnreadableMessage
from sandbox.card.reader import CardRefused, Reader, chain_for
from sandbox.card.rights import Chat, Role

CANCELLED = f"{MINOR}/sal#cancellationByUser"
INTERNAL = f"{MINOR}/al/common#internalError"
PARAMETER = f"{MINOR}/al/common#parameterError"
NO_PATH = f"{MINOR}/il/signature#invalidCertificatePath"
CARD_ACCESS, CARD_SECURITY = 0x1C, 0x1D
CHIP_KEY = 41


class Stopped(Exception):
    """This side ends the authentication: with an eCard minor for the server, a word for the browser."""

    def __init__(self, minor: str, word: str, reason: str, *, to_error_address: bool = False) -> None:
        super().__init__(reason)
        self.minor = minor
        self.word = word
        self.to_error_address = to_error_address


class ChipCard(Protocol):
    """A card on a reader, as far as a client needs to know the citizen's copy of it."""

    def transmit(self, octets: bytes) -> bytes: ...

    def leave_field(self) -> None: ...


@dataclass(slots=True)
class Authentication:
    """One run with one card. ``check`` is asked about the description before the citizen is."""

    card: ChipCard
    citizen: Citizen
    pin: str
    can: str
    today: date
    check: Callable[[Description], None]
    say: Callable[[str], None]
    shown: Shown | None = None
    description: Description | None = None
    _reader: Reader | None = None
    _terminal: Certificate | None = None
    _known: list[Certificate] = field(default_factory=list)
    _auxiliary: bytes = b""
    _ephemeral: bytes = b""
    _challenge: bytes = b""

    def answer(self, command: Received) -> bytes:
        """Carry out one command of the server. Raises Stopped."""
        try:
            if command.name == "InitializeFramework":
                return paos.framework(command)
            if command.name == "DIDAuthenticate":
                return self._did_authenticate(command)
            if command.name == "Transmit":
                return self._transmit(command)
        except (Malformed, UnreadableMessage, NotBelieved) as error:
            raise Stopped(PARAMETER, "serverError", f"{command.name}: {error}") from error
        except (BrokenChannel, WrongPassword) as error:
            raise Stopped(INTERNAL, "clientError", f"the card breaks off: {error}") from error
        raise Stopped(f"{MINOR}/al/common#unknownAPIFunction", "serverError", f"unknown: {command.name}")

    def _did_authenticate(self, command: Received) -> bytes:
        kind = command.eac_type
        if kind == "EAC1InputType" and self.shown is None:
            return paos.authenticated(command, "EAC1OutputType", self._first(command))
        if kind == "EAC2InputType" and self._terminal is not None and not self._ephemeral:
            return paos.authenticated(command, "EAC2OutputType", self._second(command))
        if kind == "EACAdditionalInputType" and self._ephemeral:
            output = self._prove(command.needed("Signature"))
            return paos.authenticated(command, "EAC2OutputType", output)
        raise Stopped(PARAMETER, "serverError", f"{kind or 'nothing'} at the wrong time")

    # step 1: who asks, what for, PACE

    def _first(self, command: Received) -> Iterable[tuple[str, bytes]]:
        self._known = [Certificate.parse(octets) for octets in command.octets("Certificate")]
        terminals = [c for c in self._known if c.chat.role is Role.TERMINAL]
        if len(terminals) != 1:
            raise Stopped(PARAMETER, "serverError", f"{len(terminals)} terminal certificates")
        terminal = self._terminal = terminals[0]
        self._check_terminal(terminal, command.needed("CertificateDescription"))
        required = _rights(command.one("RequiredCHAT"), terminal.chat, absent=terminal.chat.bits)
        optional = _rights(command.one("OptionalCHAT"), terminal.chat, absent=0)
        self._auxiliary = command.one("AuthenticatedAuxiliaryData") or b""
        allowed = self._ask(command, required, Chat(Role.TERMINAL, optional.bits & ~required.bits))
        access = self._open_card(allowed)
        assert self._reader is not None
        yield "CertificateHolderAuthorizationTemplate", allowed.octets
        if chain_for(self._reader.references, self._known) is None:
            for reference in self._reader.references:
                yield "CertificationAuthorityReference", reference
        yield "EFCardAccess", access
        yield "IDPICC", self._reader.identifier
        self._challenge = self._reader.challenge()
        yield "Challenge", self._challenge

    def _check_terminal(self, terminal: Certificate, described: bytes) -> None:
        """Dates, and that the description is the certified one (A3_06)."""
        if not terminal.effective <= self.today <= terminal.expires:
            raise Stopped(INTERNAL, "clientError", "the terminal certificate is not valid today")
        if hashlib.sha256(described).digest() != terminal.description_hash:
            raise Stopped(INTERNAL, "clientError", "the description is not the one of the certificate")
        self.description = parse_description(described)
        self.check(self.description)

    def _ask(self, command: Received, required: Chat, optional: Chat) -> Chat:
        texts = command.texts("TransactionInfo")
        values = _auxiliary_values(self._auxiliary)
        assert self.description is not None
        community = values.get(oid(names.COMMUNITY_ID))
        age = values.get(oid(names.DATE_OF_BIRTH))
        self.shown = Shown(
            description=self.description,
            required=required.names,
            optional=optional.names,
            transaction_info=texts[0] if texts else None,
            age_at_latest=age.decode("ascii", "replace") if age else None,
            community=community.hex() if community else None,
        )
        self.say(f"{self.description.subject_name} asks for: {', '.join(required.names) or '-'}")
        if optional.names:
            self.say(f"  if you like: {', '.join(optional.names)}")
        if self.citizen.cancels:
            raise Stopped(CANCELLED, "cancellationByUser", "the citizen cancels")
        return self.citizen.allow(required, optional)

    def _open_card(self, allowed: Chat) -> bytes:
        """PACE with the PIN the citizen types; gives EF.CardAccess."""
        self.card.leave_field()
        access = Reader(self.card.transmit).read_file(CARD_ACCESS)
        for pin in self.citizen.pins or (self.pin,):
            reader = Reader(self.card.transmit)
            try:
                self._establish(reader, pin, allowed)
            except CardRefused as refused:
                if refused.attempts is None:
                    raise Stopped(INTERNAL, "clientError", str(refused)) from refused
                self.say(f"wrong PIN, attempts left: {refused.attempts}")
                self.card.leave_field()
                continue
            self._reader = reader
            return access
        raise Stopped(CANCELLED, "cancellationByUser", "no PIN that the card takes")

    def _establish(self, reader: Reader, pin: str, allowed: Chat) -> None:
        try:
            reader.establish("pin", pin, allowed)
        except CardRefused as refused:
            before_pin = refused.attempts == 1 and refused.what.startswith("MSE")
            if not before_pin or not self.citizen.knows_can:
                raise
            self.say("the card wants its access number first")
            reader.establish("can", self.citizen.can or self.can)
            reader.establish("pin", pin, allowed)

    # step 2: terminal authentication, chip authentication

    def _second(self, command: Received) -> Iterable[tuple[str, bytes]]:
        self._known += [Certificate.parse(octets) for octets in command.octets("Certificate")]
        self._ephemeral = command.needed("EphemeralPublicKey")
        signature = command.one("Signature")
        if signature is None:
            return [("Challenge", self._challenge)]
        return self._prove(signature)

    def _prove(self, signature: bytes) -> list[tuple[str, bytes]]:
        reader, terminal = self._reader, self._terminal
        assert reader is not None
        assert terminal is not None
        chain = chain_for(reader.references, self._known)
        if chain is None:
            raise Stopped(NO_PATH, "serverError", "no chain from the card's root to the terminal")
        try:
            reader.present(chain)
            reader.authenticate_terminal(terminal, self._ephemeral, self._auxiliary, signature)
            security = reader.read_file(CARD_SECURITY)
            nonce, token = reader.authenticate_chip(self._ephemeral, CHIP_KEY)
        except CardRefused as refused:
            raise Stopped(NO_PATH, "serverError", str(refused)) from refused
        return [("EFCardSecurity", security), ("AuthenticationToken", token), ("Nonce", nonce)]

    # step 3: the server speaks to the card

    def _transmit(self, command: Received) -> bytes:
        if self._reader is None or self._reader.channel is not None or not self._ephemeral:
            raise Stopped(PARAMETER, "serverError", "Transmit before the card has authenticated itself")
        answers = []
        for info in command.body.iterfind("iso:InputAPDUInfo", paos.NS):
            one = Received(info, "")
            octets = one.needed("InputAPDU")
            answers.append(self.card.transmit(octets))
            acceptable = one.octets("AcceptableStatusCode")
            status = Response.parse(answers[-1]).status.to_bytes(2, "big")
            if acceptable and not any(status.startswith(code) for code in acceptable):
                break
        return paos.transmitted(command, answers)


def _rights(octets: bytes | None, certified: Chat, *, absent: int) -> Chat:
    """What is asked for, as far as the certificate allows it."""
    bits = Chat.parse(octets).bits if octets else absent
    return Chat(Role.TERMINAL, bits & certified.bits)


def _auxiliary_values(octets: bytes) -> dict[bytes, bytes]:
    if not octets:
        return {}
    templates = only(octets, 0x67).children()
    return {t.child(0x06).value: t.child(0x53).value for t in templates}
