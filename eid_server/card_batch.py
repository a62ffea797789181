"""The commands of one Transmit and what the card's answers mean (TR-03130-1 §2.3.3, TR-03110-3 B).

The order is mandated: validity, block list, data. All commands go out at once, since the send sequence
counter can be foreseen; nothing of an answer is looked at before every MAC has been found good, and
no data before validity and block list have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from eid_server import apdus, data_groups, restricted_id
from eid_server.apdus import NO_REFERENCE, NOT_FOUND, SUCCESS, VERIFICATION_FAILED, CommandAPDU
from eid_server.block_list import BlockList
from eid_server.card_security import CardSecurity
from eid_server.chat import SELECTOR_RIGHTS, Right
from eid_server.data_groups import SELECTOR_DATA_GROUPS, Value
from eid_server.errors import InvalidDocument, ProtocolViolation
from eid_server.restricted_id import SectorKey
from eid_server.result import Absence, RestrictedID
from eid_server.secure_messaging import Channel, Response

END_OF_FILE = 0x6282
"""Fewer octets than asked for, since the file ends (ISO/IEC 7816-4 table 5); a chip may say that or 9000."""

LONG_DATA_GROUPS = frozenset({19})
"""May hold more than the 256 octets of a short answer; extended length is what RI needs anyway."""
EXTENDED = 65_536


class Purpose(Enum):
    """Why a command is sent, and so how its answer is read."""

    PREPARE = auto()
    """Must succeed; its data are of no interest."""
    VALIDITY = auto()
    REVOCATION = auto()
    VERIFY = auto()
    READ = auto()
    IDENTIFY = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    purpose: Purpose
    command: CommandAPDU
    selector: str | None = None
    """Whose value the answer is; None for what only opens the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All that decides which commands are sent."""

    selectors: frozenset[str]
    """Asked for by the eService and allowed by the citizen."""
    card: CardSecurity
    sector: SectorKey
    second_sector: SectorKey | None


Order = Callable[[Wanted], Sequence[Step]]


def mandated_order(wanted: Wanted) -> Sequence[Step]:
    """Raises InvalidDocument for a chip that has no key for the block list, or none for pseudonyms."""
    steps = [
        Step(purpose=Purpose.PREPARE, command=apdus.select_eid()),
        Step(purpose=Purpose.VALIDITY, command=apdus.verify_validity()),
        *_revocation(wanted),
    ]
    for selector, command in (
        ("AgeVerification", apdus.verify_age()),
        ("PlaceVerification", apdus.verify_community()),
    ):
        if selector in wanted.selectors:
            steps.append(Step(purpose=Purpose.VERIFY, command=command, selector=selector))
    for selector, number in SELECTOR_DATA_GROUPS.items():
        if selector in wanted.selectors:
            steps.append(Step(purpose=Purpose.READ, command=_reading(number), selector=selector))
    return [*steps, *(_pseudonym(wanted) if "RestrictedID" in wanted.selectors else ())]


def wrap(steps: Iterable[Step], channel: Channel) -> tuple[bytes, ...]:
    return tuple(channel.wrap(step.command) for step in steps)


def read(
    steps: Sequence[Step], channel: Channel, outputs: Sequence[bytes], wanted: Wanted, block_list: BlockList
) -> dict[str, Value | RestrictedID | bool | Absence]:
    """By selector what the card has answered.

    Raises InvalidDocument: no longer valid, or blocked. ProtocolViolation: another number of answers,
    a wrong MAC, a status word or encoding that the command cannot have.
    """
    if len(outputs) != len(steps):
        raise ProtocolViolation("not as many answers as commands")
    answers = [channel.unwrap(output) for output in outputs]
    for step, answer in zip(steps, answers, strict=True):
        _require_good(step, answer, wanted, block_list)
    return {
        step.selector: _value(step, answer, wanted)
        for step, answer in zip(steps, answers, strict=True)
        if step.selector is not None
    }


def _reading(number: int) -> CommandAPDU:
    """A whole file in one answer: notes of a residence permit may take 750 characters (TR-03127 §3.2)."""
    command = apdus.read_data_group(number)
    return replace(command, expected=EXTENDED) if number in LONG_DATA_GROUPS else command


def _revocation(wanted: Wanted) -> list[Step]:
    key = wanted.card.revocation_key
    if key is None:
        raise InvalidDocument("the chip has no key by which to look it up in the block list")
    return [
        Step(
            purpose=Purpose.PREPARE,
            command=apdus.set_restricted_identification(key.protocol, key.key_id),
        ),
        Step(
            purpose=Purpose.REVOCATION,
            command=apdus.general_authenticate(restricted_id.request(wanted.sector)),
        ),
    ]


def _pseudonym(wanted: Wanted) -> list[Step]:
    key = wanted.card.pseudonym_key
    if key is None:
        raise InvalidDocument("the chip has no key for pseudonyms")
    return [
        Step(
            purpose=Purpose.PREPARE,
            command=apdus.set_restricted_identification(key.protocol, key.key_id),
        ),
        Step(
            purpose=Purpose.IDENTIFY,
            command=apdus.general_authenticate(restricted_id.request(wanted.sector, wanted.second_sector)),
            selector="RestrictedID",
        ),
    ]


def _require_good(step: Step, answer: Response, wanted: Wanted, block_list: BlockList) -> None:
    """What must hold before any value may leave."""
    if step.purpose is Purpose.VALIDITY and answer.status != SUCCESS:
        raise InvalidDocument("the document is no longer valid, or does not confirm that it is")
    if step.purpose in {Purpose.PREPARE, Purpose.REVOCATION} and answer.status != SUCCESS:
        raise ProtocolViolation(f"the chip refuses a command: {answer.status:04X}")
    if step.purpose is Purpose.REVOCATION:
        identifier, _ = restricted_id.parse_response(answer.data)
        block_list.require_not_blocked(wanted.sector, identifier)


def _value(step: Step, answer: Response, wanted: Wanted) -> Value | RestrictedID | bool | Absence:
    match step.purpose:
        case Purpose.VERIFY if answer.status in {SUCCESS, VERIFICATION_FAILED}:
            return answer.status == SUCCESS
        case Purpose.VERIFY if step.selector == "PlaceVerification" and answer.status == NO_REFERENCE:
            return Absence.NOT_ON_CHIP  # a Union citizen's card has no community; each has a date of birth
        case Purpose.READ if answer.status in NOT_FOUND:
            return Absence.NOT_ON_CHIP
        case Purpose.READ if answer.status in {SUCCESS, END_OF_FILE} and step.selector is not None:
            return data_groups.parse(SELECTOR_DATA_GROUPS[step.selector], answer.data)
        case Purpose.IDENTIFY if answer.status == SUCCESS:
            migrating = wanted.second_sector is not None
            first, second = restricted_id.parse_response(answer.data, second=migrating)
            return RestrictedID(first=first, second=second)
    raise ProtocolViolation(f"{step.selector}: a status that the command does not have: {answer.status:04X}")


def allowed(selectors: frozenset[str], rights: Right) -> frozenset[str]:
    """Those of ``selectors`` for which the effective CHAT still has the right."""
    return frozenset(selector for selector in selectors if SELECTOR_RIGHTS[selector] in rights)
