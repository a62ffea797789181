"""Roles and rights in five octets (TR-03110-3 C.1.5, TR-03110-4 2.2.3.2)."""

from __future__ import annotations

import pytest

from eid_server.chat import ALL_RIGHTS, SELECTOR_RIGHTS, Chat, Right, Role, rights_of
from eid_server.data_groups import SELECTOR_DATA_GROUPS
from eid_server.errors import Malformed
from eid_server.tlv import object_identifier, write


def test_example_of_the_reference_is_read() -> None:
    """npa.md §4.3: 0000011B07."""
    chat = Chat.from_octets(bytes.fromhex("0000011b07"))
    assert chat.role is Role.TERMINAL
    names = ("DocumentType", "IssuingState", "GivenNames", "FamilyNames", "PlaceOfBirth", "RestrictedID")
    assert chat.rights == rights_of(*names, "PlaceVerification", "AgeVerification")
    assert chat.octets.hex() == "0000011b07"


@pytest.mark.parametrize(("first", "role"), [("00", 0), ("40", 1), ("80", 2), ("c0", 3)])
def test_role_is_in_the_highest_two_bits(first: str, role: int) -> None:
    """TR-03110-4 2.2.3.2."""
    assert Chat.from_octets(bytes.fromhex(first + "00000000")) == Chat(role=Role(role))


def test_every_selector_read_from_a_file_needs_the_right_of_that_file() -> None:
    """Bit = 7 + number of the data group."""
    for selector, number in SELECTOR_DATA_GROUPS.items():
        assert SELECTOR_RIGHTS[selector] == 1 << (7 + number), selector


def test_intersection_never_adds() -> None:
    """TR-03110-3 2.7: what one of them lacks is lacking; the role stays."""
    wide = Chat(role=Role.CVCA, rights=ALL_RIGHTS)
    narrow = Chat(rights=Right.READ_DG4 | Right.AGE_VERIFICATION)
    assert (wide & narrow) == Chat(role=Role.CVCA, rights=narrow.rights)
    assert (narrow & wide) == narrow
    assert (narrow & Chat(rights=Right.READ_DG4 | Right.READ_DG5)).rights == Right.READ_DG4


def test_object_is_read_as_it_is_written() -> None:
    """The 7F4C object of certificates and EAC1Input."""
    chat = Chat(role=Role.DV_DOMESTIC, rights=Right.READ_DG17 | Right.CAN_ALLOWED)
    assert Chat.parse(chat.encoded) == chat


@pytest.mark.parametrize("octets", ["", "00000000", "000000000000"])
def test_another_length_is_refused(octets: str) -> None:
    """Five octets, and only for authentication terminals."""
    with pytest.raises(Malformed, match="five octets"):
        Chat.from_octets(bytes.fromhex(octets))


def test_template_of_an_inspection_system_is_refused() -> None:
    """TR-03110-4 2.2.3.2: id-IS ends in .1 and means other bits."""
    kind = write(0x06, object_identifier("0.4.0.127.0.7.3.1.2.1"))
    with pytest.raises(Malformed, match="another kind of terminal"):
        Chat.parse(write(0x7F4C, kind + write(0x53, bytes(5))))
