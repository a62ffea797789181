"""An eID-Client before the server: a card of the sandbox, and messages that a test can bend on their way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec

from eid_server.chat import NO_RIGHTS, SELECTOR_RIGHTS, Right, rights_of
from eid_server.pki import TrialPKI
from eid_server.session import Session
from sandbox.card.certificates import Certificate
from sandbox.card.chip import Card
from sandbox.card.issuer import CHIP_KEY, CardIssuer
from sandbox.card.reader import Reader, chain_for
from sandbox.card.rights import Chat, Role
from tests.support import paos
from tests.support.paos import Command

NOW = datetime.now(UTC)
"""One moment for the whole run: the sandbox's card issuer makes its certificates by the wall clock."""
EVERYTHING = frozenset(SELECTOR_RIGHTS)
ALL_RIGHTS = rights_of(*EVERYTHING)

Answer = Callable[[bytes], bytes]
Bend = Callable[[str, bytes], bytes]
"""Name of an outgoing message and its octets; what it returns is sent."""


def straight(_name: str, octets: bytes) -> bytes:
    return octets


def replacing(name: str, old: str, new: str) -> Bend:
    """Bend one message; the test fails when there was nothing to bend."""

    def bend(sent: str, octets: bytes) -> bytes:
        if sent != name:
            return octets
        assert old.encode() in octets
        return octets.replace(old.encode(), new.encode(), 1)

    return bend


@dataclass
class EIDClient:
    """One citizen with one card."""

    card: Card
    answer: Answer
    removed: Right = NO_RIGHTS
    """What the citizen unticks."""
    unchanged: bool = False
    """No CHAT in EAC1Output: the citizen has changed nothing."""
    late_challenge: bool = False
    """Ask for the signature over a challenge that comes only after EAC2Input."""
    bend: Bend = straight
    commands: list[Command] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    """What the card was asked after chip authentication, as it went over the wire."""

    def run(self, session: Session) -> Command:
        """Up to the last answer of the server."""
        command = self._send("StartPAOS", paos.start_paos(session.id), None)
        while command.name != "StartPAOSResponse":
            name, body = self._answer_to(command)
            command = self._send(name, body, command.message_id)
        return command

    def _send(self, name: str, body: str, relates_to: str | None) -> Command:
        octets = paos.envelope(body, message_id=f"urn:uuid:{len(self.commands)}", relates_to=relates_to)
        command = Command(self.answer(self.bend(name, octets)))
        self.commands.append(command)
        return command

    def _answer_to(self, command: Command) -> tuple[str, str]:
        match command.kind:
            case "InitializeFramework":
                return "InitializeFrameworkResponse", paos.initialize_framework_response()
            case "EAC1InputType":
                return "EAC1Output", self._consent(command)
            case "EAC2InputType" if self.late_challenge:
                self._seen = command
                self._challenge = self._reader.challenge()
                fields = ("Challenge", self._challenge.hex())
                return "EAC2Challenge", paos.did_response("EAC2OutputType", fields)
            case "EAC2InputType":
                return "EAC2Output", self._authenticate(command, command.octets("Signature"))
            case "EACAdditionalInputType":
                return "EAC2Output", self._authenticate(self._seen, command.octets("Signature"))
            case "Transmit":
                self.sent = [bytes.fromhex(apdu) for apdu in command.texts("InputAPDU")]
                return "TransmitResponse", paos.transmit_response(
                    self.card.transmit(apdu).hex() for apdu in self.sent
                )
        raise AssertionError(command.kind)

    def _consent(self, command: Command) -> str:
        self._known = [Certificate.parse(bytes.fromhex(text)) for text in command.texts("Certificate")]
        required, optional = (
            Chat.parse(command.octets(name)).bits for name in ("RequiredCHAT", "OptionalCHAT")
        )
        effective = Chat(Role.TERMINAL, (required | optional) & ~int(self.removed))
        self._auxiliary = command.octets("AuthenticatedAuxiliaryData")
        self._reader = Reader(self.card.transmit)
        self._reader.establish("pin", self.card.document.pin, effective)
        found = chain_for(self._reader.references, self._known) is not None
        references = [] if found else [name.decode() for name in self._reader.references]
        return paos.did_response(
            "EAC1OutputType",
            *([] if self.unchanged else [("CertificateHolderAuthorizationTemplate", effective.octets.hex())]),
            *(("CertificationAuthorityReference", reference) for reference in references),
            ("EFCardAccess", self._reader.read_file(0x1C).hex()),
            ("IDPICC", self._reader.identifier.hex()),
            ("Challenge", self._first_challenge()),
        )

    def _first_challenge(self) -> str:
        return bytes(8).hex() if self.late_challenge else self._reader.challenge().hex()

    def _authenticate(self, command: Command, signature: bytes) -> str:
        self._known += [Certificate.parse(bytes.fromhex(text)) for text in command.texts("Certificate")]
        chain = chain_for(self._reader.references, self._known)
        assert chain is not None
        key = command.octets("EphemeralPublicKey")
        self._reader.present(chain)
        self._reader.authenticate_terminal(chain[-1], key, self._auxiliary, signature)
        security = self._reader.read_file(0x1D)
        nonce, token = self._reader.authenticate_chip(key, CHIP_KEY)
        return paos.did_response(
            "EAC2OutputType",
            ("EFCardSecurity", security.hex()),
            ("AuthenticationToken", token.hex()),
            ("Nonce", nonce.hex()),
        )


def revocation_identifier(issuer: CardIssuer, card: Card, pki: TrialPKI) -> bytes:
    """What a block list holds of this card for the terminal's sector (TR-03110-3 B.4)."""
    number = issuer.keys(card.document).restricted[1]
    key = ec.derive_private_key(number, ec.BrainpoolP256R1())
    return sha256(key.exchange(ec.ECDH(), pki.terminal.sector.public_key)).digest()


def names(commands: Sequence[Command]) -> list[str]:
    return [command.kind for command in commands]
