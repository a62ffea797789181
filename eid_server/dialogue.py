"""One exchange between server, eID-Client and card, message by message (TR-03112-7 §3.6, TR-03110-2 §3).

::

    StartPAOS            → EAC1Input     (or InitializeFramework first)
    EAC1Output           → EAC2Input     terminal authentication: signature over the card's challenge
    EAC2Output           → Transmit      passive and chip authentication; eID type and level decided
      (only a challenge) → EACAdditionalInput, once
    TransmitResponse     → StartPAOSResponse, and the result

Each step accepts exactly one message. Whatever raises ends the exchange for good: the caller throws
the object away, and with it the ephemeral key and the session keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric import ec

from eid_server import card_batch, client_messages, curves, server_messages, terminal_authentication
from eid_server.block_list import BlockList
from eid_server.card_batch import Order, Step, Wanted
from eid_server.card_security import choose_chip_authentication, parse_card_access, verify_card_security
from eid_server.chat import NO_RIGHTS, Chat, Right, Role
from eid_server.chip_authentication import agree
from eid_server.client_messages import EAC2Output
from eid_server.cvc import CVCertificate
from eid_server.cvc_chain import links_from
from eid_server.errors import DeniedDocument, NoCertificatePath, ProtocolViolation
from eid_server.levels import ASSUMED
from eid_server.passive_authentication import CardTrust
from eid_server.request import SessionRequest
from eid_server.result import Absence, Result
from eid_server.secure_messaging import Channel
from eid_server.security_infos import EIDType, SecurityInfos
from eid_server.terminal import Terminal
from eid_server.xml import Element

EphemeralKeys = Callable[[ec.EllipticCurve], ec.EllipticCurvePrivateKey]
GERMANY = ZoneInfo("Europe/Berlin")
"""Whose calendar says which day it is: a card expires and a citizen comes of age there."""


class Dialogue:
    """``take`` is given one message after the other; ``result`` is there after the last."""

    def __init__(
        self,
        request: SessionRequest,
        terminal: Terminal,
        trust: CardTrust,
        block_list: BlockList,
        *,
        now: datetime,
        ephemeral_keys: EphemeralKeys = ec.generate_private_key,
        order: Order = card_batch.mandated_order,
        initialize_framework: bool = False,
    ) -> None:
        """Raises SchemaViolation, MissingArgument, MissingTerminalRights, Misconfigured."""
        self._request, self._terminal, self._trust, self._block_list = request, terminal, trust, block_list
        self._ephemeral_keys, self._order = ephemeral_keys, order
        day = today(now)
        request.check(terminal.chain(day).rights)
        self._auxiliary = _auxiliary_data(request, day)
        self._step: Callable[[Element, datetime], Element] = self._start
        self._initialize_framework = initialize_framework
        self._slot_handle = ""
        self._effective = NO_RIGHTS
        self.result: Result | None = None

    def take(self, body: Element, now: datetime) -> Element:
        """The next command to the client; raises EIDServerError."""
        return self._step(body, now)

    def _start(self, body: Element, _now: datetime) -> Element:
        self._slot_handle = client_messages.read_start_paos(body).slot_handle
        if self._initialize_framework:
            self._step = self._framework
            return server_messages.initialize_framework()
        return self._ask()

    def _framework(self, body: Element, _now: datetime) -> Element:
        client_messages.read_initialize_framework_response(body)
        return self._ask()

    def _ask(self) -> Element:
        """EAC1Input: who asks, for what, and with which certificates."""
        terminal, request = self._terminal, self._request
        certificates = (terminal.document_verifier, terminal.certificate, *terminal.links)
        accepted = request.accepted_eid_types
        self._step = self._authenticate_terminal
        return server_messages.eac1_input(
            self._slot_handle,
            server_messages.EAC1Input(
                certificates=[certificate.encoded for certificate in certificates],
                certificate_description=terminal.description,
                required_chat=Chat(rights=request.required_rights).encoded,
                optional_chat=Chat(rights=request.optional_rights).encoded,
                auxiliary_data=self._auxiliary,
                transaction_info=request.transaction_info,
                accepted_eid_types=()
                if accepted == ASSUMED
                else [eid_type.value for eid_type in EIDType if eid_type in accepted],
            ),
        )

    def _authenticate_terminal(self, body: Element, _now: datetime) -> Element:
        """EAC1Output: the citizen has decided, the PIN was right, the card waits for our proof."""
        output = client_messages.read_eac1_output(body)
        self._effective = _effective_rights(self._request, output.effective_chat)
        certificates = _path_from(output.certification_authority_references, self._terminal)
        card_access = parse_card_access(output.ef_card_access)
        chosen = choose_chip_authentication(card_access)
        opening = _Opening(
            id_picc=output.id_picc,
            card_access=card_access,
            ephemeral=self._ephemeral_keys(chosen.domain.curve),
        )
        signature = self._sign(opening, output.challenge)
        self._step = partial(self._after_eac2_input, opening)
        return server_messages.eac2_input(
            self._slot_handle,
            server_messages.EAC2Input(
                certificates=[certificate.encoded for certificate in certificates],
                ephemeral_public_key=curves.point(opening.ephemeral.public_key()),
                signature=signature,
            ),
        )

    def _after_eac2_input(self, opening: _Opening, body: Element, now: datetime) -> Element:
        output = client_messages.read_eac2_output(body)
        if isinstance(output, EAC2Output):
            return self._authenticate_chip(opening, output, now)
        signature = self._sign(opening, output.challenge)
        self._step = partial(self._after_additional_input, opening)
        return server_messages.eac_additional_input(self._slot_handle, signature)

    def _after_additional_input(self, opening: _Opening, body: Element, now: datetime) -> Element:
        output = client_messages.read_eac2_output(body)
        if not isinstance(output, EAC2Output):
            raise ProtocolViolation("a second challenge for the same terminal authentication")
        return self._authenticate_chip(opening, output, now)

    def _authenticate_chip(self, opening: _Opening, output: EAC2Output, now: datetime) -> Element:
        """Who issued the card, whether this is that card, whether its kind is accepted; then ask it."""
        card = verify_card_security(output.ef_card_security, opening.card_access, self._trust, now)
        keys = agree(
            opening.ephemeral,
            card.chip_key,
            protocol=card.chip_authentication.protocol,
            nonce=output.nonce,
            token=output.authentication_token,
        )
        if card.eid_type not in self._request.accepted_eid_types:
            raise DeniedDocument(f"eID type {card.eid_type} is not accepted")
        wanted = Wanted(
            selectors=card_batch.allowed(self._request.selectors, self._effective),
            card=card,
            sector=self._terminal.sector,
            second_sector=self._terminal.second_sector,
        )
        steps = self._order(wanted)
        channel = Channel(keys)
        self._step = partial(self._read_card, wanted, steps, channel)
        return server_messages.transmit(self._slot_handle, card_batch.wrap(steps, channel))

    def _read_card(
        self, wanted: Wanted, steps: Sequence[Step], channel: Channel, body: Element, now: datetime
    ) -> Element:
        outputs = client_messages.read_transmit_response(body).output_apdus
        read = card_batch.read(steps, channel, outputs, wanted, self._block_list)
        self.result = Result(
            values={
                name: read[name] if name in wanted.selectors else Absence.PROHIBITED
                for name in self._request.selectors
            },
            eid_type=wanted.card.eid_type,
            authenticated_at=now,
        )
        self._step = _ended
        return server_messages.start_paos_response()

    def _sign(self, opening: _Opening, challenge: bytes) -> bytes:
        return terminal_authentication.sign(
            self._terminal.key,
            id_picc=opening.id_picc,
            challenge=challenge,
            ephemeral_x=curves.x_coordinate(opening.ephemeral.public_key()),
            auxiliary=self._auxiliary,
            algorithm=self._terminal.certificate.algorithm,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    """What EAC1Output brought, and the key that was made for it."""

    id_picc: bytes
    card_access: SecurityInfos
    ephemeral: ec.EllipticCurvePrivateKey = field(repr=False)


def today(now: datetime) -> date:
    """Which day it is where the cards are issued."""
    return now.astimezone(GERMANY).date()


def _ended(_body: Element, _now: datetime) -> Element:
    raise ProtocolViolation("a message after the end")


def _auxiliary_data(request: SessionRequest, day: date) -> bytes:
    """Reference values: validity always, age and community where they are asked for."""
    age = request.age if "AgeVerification" in request.selectors else None
    community = request.community_id if "PlaceVerification" in request.selectors else None
    return terminal_authentication.auxiliary_data(
        birth_not_after=None if age is None else terminal_authentication.age_reference(day, age),
        valid_on=day,
        community_id=community,
    )


def _effective_rights(request: SessionRequest, template: bytes | None) -> Right:
    """What the citizen has left us; raises ProtocolViolation.

    A required right may be gone as well: the eService then reads PROHIBITED (conformity case A1_1_03).
    """
    asked = request.required_rights | request.optional_rights
    if template is None:
        return asked
    chat = Chat.parse(template)
    if chat.role is not Role.TERMINAL or chat.rights & ~asked != NO_RIGHTS:
        raise ProtocolViolation("the effective CHAT holds more than was asked for")
    return chat.rights


def _path_from(references: Sequence[str], terminal: Terminal) -> tuple[CVCertificate, ...]:
    """Certificates that lead from one of the card's trust points to the document verifier.

    None when the client has found its way with what EAC1Input held. Raises NoCertificatePath.
    """
    if not references:
        return ()
    verifier = terminal.document_verifier
    for reference in references:
        links = links_from([reference], terminal.links)
        newest = links[-1].holder_reference if links else reference
        if newest == verifier.authority_reference:
            return (*links, verifier)
    raise NoCertificatePath("no link certificates from the trust points of this card")
