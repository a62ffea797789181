"""What the card's answers to one Transmit mean, whatever their status (TR-03110-3 B, TR-03130-1 §2.3.3)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from eid_server import card_batch, curves, tlv
from eid_server.block_list import BlockList
from eid_server.card_batch import Wanted
from eid_server.card_security import CardSecurity
from eid_server.errors import InvalidDocument, ProtocolViolation
from eid_server.pki import TrialPKI
from eid_server.result import Absence, RestrictedID
from eid_server.secure_messaging import Response
from eid_server.security_infos import ChipAuthentication, EIDType, RestrictedIdentification

RI = "0.4.0.127.0.7.2.2.5.2.3"
IDENTIFIER = bytes(range(32))
ANSWERED = tlv.write(0x7C, tlv.write(0x81, IDENTIFIER))
OK = Response(data=b"", status=0x9000)


class Answers:
    """Stands for secure messaging, whose own tests are elsewhere."""

    def __init__(self, *answers: Response) -> None:
        self._answers = list(answers)

    def unwrap(self, _octets: bytes) -> Response:
        return self._answers.pop(0)


@pytest.fixture
def chip() -> CardSecurity:
    domain = curves.BRAINPOOL_P256R1
    return CardSecurity(
        chip_authentication=ChipAuthentication(protocol="0.4.0.127.0.7.2.2.3.2.2", key_id=41, domain=domain),
        chip_key=ec.generate_private_key(domain.curve).public_key(),
        restricted_identification=(
            RestrictedIdentification(protocol=RI, key_id=1, authorized_only=False),
            RestrictedIdentification(protocol=RI, key_id=2, authorized_only=True),
        ),
        eid_type=EIDType.CARD_CERTIFIED,
    )


@pytest.fixture
def wanted(pki: TrialPKI, chip: CardSecurity) -> Wanted:
    return Wanted(selectors=frozenset(), card=chip, sector=pki.terminal.sector, second_sector=None)


def read(wanted: Wanted, *answers: Response, blocked: tuple[bytes, ...] = ()):
    """``answers`` follow the good ones to selection, validity and block list."""
    steps = card_batch.mandated_order(wanted)
    given = (OK, OK, OK, Response(data=ANSWERED, status=0x9000), *answers)
    block_list = BlockList.of(wanted.sector, blocked)
    return card_batch.read(steps, Answers(*given), [b""] * len(given), wanted, block_list)


def only(wanted: Wanted, selector: str) -> Wanted:
    return replace(wanted, selectors=frozenset({selector}))


@pytest.mark.parametrize("status", [0x9000, 0x6282])
def test_value_is_read_where_the_file_ends(wanted, status):
    """ISO/IEC 7816-4 table 5: a chip may add that the file was shorter than asked for."""
    answer = Response(data=bytes.fromhex("64070c054552494b41"), status=status)
    assert read(only(wanted, "GivenNames"), answer) == {"GivenNames": "ERIKA"}


@pytest.mark.parametrize("status", [0x6A82, 0x6A80, 0x6A88])
def test_missing_file_is_not_on_chip(wanted, status):
    """npa.md §4.4: 6A82, or 6A80 from the simulator."""
    answer = Response(data=b"", status=status)
    assert read(only(wanted, "BirthName"), answer) == {"BirthName": Absence.NOT_ON_CHIP}


@pytest.mark.parametrize(
    ("selector", "answer"),
    [
        ("GivenNames", Response(data=b"", status=0x6982)),
        ("GivenNames", Response(data=b"", status=0x6300)),
        ("GivenNames", Response(data=b"", status=0x9000)),
        ("GivenNames", Response(data=bytes.fromhex("65070c054552494b41"), status=0x9000)),
        ("GivenNames", Response(data=bytes.fromhex("64070c054552494b"), status=0x9000)),
        ("AgeVerification", Response(data=b"", status=0x6A88)),
        ("PlaceVerification", Response(data=b"", status=0x6982)),
    ],
)
def test_answer_that_the_command_cannot_have_ends_the_login(wanted, selector, answer):
    """TR-03110-3 B: no value is guessed from an unexpected status or a damaged file."""
    with pytest.raises(ProtocolViolation):
        read(only(wanted, selector), answer)


@pytest.mark.parametrize(("status", "verdict"), [(0x9000, True), (0x6300, False)])
def test_comparison_is_yes_or_no(wanted, status, verdict):
    """TR-03110-3 B.7.1."""
    answer = Response(data=b"", status=status)
    assert read(only(wanted, "AgeVerification"), answer) == {"AgeVerification": verdict}


def test_a_card_without_community_has_no_answer_about_it(wanted):
    """TR-03130-1 §3.4.1 NOTONCHIP; npa.md §5.1: a Union citizen's card has no German address."""
    answer = Response(data=b"", status=0x6A88)
    assert read(only(wanted, "PlaceVerification"), answer) == {"PlaceVerification": Absence.NOT_ON_CHIP}


def test_pseudonym_needs_its_key_chosen(wanted):
    """TR-03110-3 B.4: MSE:Set AT with key 2, then GENERAL AUTHENTICATE."""
    asked = only(wanted, "RestrictedID")
    assert read(asked, OK, Response(data=ANSWERED, status=0x9000)) == {
        "RestrictedID": RestrictedID(first=IDENTIFIER)
    }
    for refused in (0, 1):
        answers = [OK, Response(data=ANSWERED, status=0x9000)]
        answers[refused] = Response(data=b"", status=0x6982)
        with pytest.raises(ProtocolViolation):
            read(asked, *answers)


@pytest.mark.parametrize(
    ("position", "status", "error"),
    [
        (0, 0x6A82, ProtocolViolation),
        (1, 0x6300, InvalidDocument),
        (1, 0x6A88, InvalidDocument),
        (2, 0x6A88, ProtocolViolation),
        (3, 0x6982, ProtocolViolation),
    ],
)
def test_nothing_is_read_when_validity_or_block_list_cannot_be_checked(wanted, position, status, error):
    """TR-03130-1 §2.3.3: both are conditions, and silence is no yes."""
    asked = only(wanted, "GivenNames")
    steps = card_batch.mandated_order(asked)
    given = [OK, OK, OK, Response(data=ANSWERED, status=0x9000), Response(data=b"damaged", status=0x9000)]
    given[position] = Response(data=given[position].data, status=status)
    with pytest.raises(error, match=r"^(?!.*data group)"):
        card_batch.read(steps, Answers(*given), [b""] * 5, asked, BlockList.of(wanted.sector))


def test_blocked_card_is_refused_before_its_data_are_decoded(wanted):
    """TR-03130-1 §2.3.3: the order of checks is that of the commands."""
    damaged = Response(data=b"damaged", status=0x9000)
    with pytest.raises(InvalidDocument, match="blocked"):
        read(only(wanted, "GivenNames"), damaged, blocked=(IDENTIFIER,))


def test_missing_block_list_of_the_sector_lets_nobody_in(wanted):
    """TR-03129 §4.5: no list is not an empty list."""
    steps = card_batch.mandated_order(wanted)
    given = (OK, OK, OK, Response(data=ANSWERED, status=0x9000))
    with pytest.raises(InvalidDocument, match="no block list"):
        card_batch.read(steps, Answers(*given), [b""] * 4, wanted, BlockList())


@pytest.mark.parametrize(("kept", "selector"), [(1, "GivenNames"), (0, "RestrictedID")])
def test_chip_without_a_key_for_identification_is_not_asked(wanted, chip, kept, selector):
    """TR-03110-2 3.6: key 1 for the block list, key 2 for pseudonyms."""
    poor = replace(chip, restricted_identification=chip.restricted_identification[kept : kept + 1])
    with pytest.raises(InvalidDocument):
        card_batch.mandated_order(replace(only(wanted, selector), card=poor))


@pytest.mark.parametrize("count", [0, 3, 5])
def test_number_of_answers_is_that_of_the_commands(wanted, count):
    """TR-03130-4, step OUT_TRANSMIT_NO_APDUS."""
    steps = card_batch.mandated_order(wanted)
    with pytest.raises(ProtocolViolation):
        card_batch.read(steps, Answers(), [b""] * count, wanted, BlockList.of(wanted.sector))
