"""TLV has one encoding per value, and nothing else is read (TR-03110-3 D, X.690 §10)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eid_server import tlv
from eid_server.errors import Malformed

TAGS = st.sampled_from([0x04, 0x42, 0x53, 0x65, 0x7C, 0x87, 0x5F20, 0x5F37, 0x7F21, 0x7F49, 0x7F4E])


@settings(derandomize=True, deadline=None, database=None)
@given(st.lists(st.tuples(TAGS, st.binary(max_size=600)), max_size=5))
def test_what_is_written_is_read_back(objects: list[tuple[int, bytes]]) -> None:
    """Tag, value and octets survive, in order."""
    encoded = b"".join(tlv.write(tag, value) for tag, value in objects)
    found = tlv.read(encoded)
    assert [(element.tag, element.value) for element in found] == objects
    assert b"".join(element.encoded for element in found) == encoded


@settings(derandomize=True, deadline=None, database=None)
@given(st.binary(max_size=60))
def test_octets_that_are_read_have_no_other_encoding(octets: bytes) -> None:
    """Whatever is accepted is written again as the same octets."""
    try:
        found = tlv.read(octets)
    except Malformed:
        return
    assert b"".join(tlv.write(element.tag, element.value) for element in found) == octets


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("53", "length is missing"),
        ("5302aa", "truncated"),
        ("5380aa0000", "indefinite"),
        ("53 81 01 aa", "shortest form"),
        ("53 82 0001 aa", "shortest form"),
        ("53 84 00000001 aa", "too large"),
        ("53 83 ffffff", "too large"),
        ("5382ff", "truncated"),
        ("0000", "end-of-contents"),
        ("5f", "tag is truncated"),
        ("5f80 01 aa", "shortest form"),
        ("5f1e 01 aa", "shortest form"),
        ("5f81", "truncated"),
        ("5f8181 01 01 aa", "too long"),
    ],
)
def test_another_encoding_is_refused(octets: str, reason: str) -> None:
    """Indefinite and long-winded lengths, truncated and padded tags."""
    with pytest.raises(Malformed, match=reason):
        tlv.read(bytes.fromhex(octets))


def test_octets_behind_the_object_are_refused() -> None:
    """Nobody may append to what is hashed or signed."""
    with pytest.raises(Malformed, match="behind"):
        tlv.one(bytes.fromhex("5301aa00"), 0x53)


def test_another_tag_is_refused() -> None:
    """The position does not make the type."""
    with pytest.raises(Malformed, match="in place of"):
        tlv.one(bytes.fromhex("5401aa"), 0x53)


def test_objects_in_another_order_are_refused() -> None:
    """Fixed orders are fixed."""
    with pytest.raises(Malformed, match="out of order"):
        tlv.sequence(bytes.fromhex("5301aa 0601bb".replace(" ", "")), 0x06, 0x53)


def test_a_primitive_object_has_no_children() -> None:
    """Values are not looked into."""
    with pytest.raises(Malformed, match="primitive"):
        tlv.one(bytes.fromhex("53020600"), 0x53).children()


@pytest.mark.parametrize("contents", ["", "80", "04007f80", "8001", "04008001", "06" * 65])
def test_damaged_object_identifiers_are_refused(contents: str) -> None:
    """X.690 §8.19.2: arcs end and begin properly."""
    with pytest.raises(Malformed, match="object identifier"):
        tlv.oid(bytes.fromhex(contents))


@pytest.mark.parametrize("value", ["", "80", "ff01", "0001", "010203040506070809"])
def test_odd_integers_are_refused(value: str) -> None:
    """Negative, padded and huge numbers."""
    with pytest.raises(Malformed, match="integer"):
        tlv.unsigned(bytes.fromhex(value))


def test_a_number_with_a_high_bit_needs_its_zero() -> None:
    """X.690 §8.3: 128 is 0080."""
    assert tlv.unsigned(bytes.fromhex("0080")) == 128
