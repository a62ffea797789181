"""Data groups: every form that a card may have, and no other (TR-03110-4 2.2.3.1, TR-03127)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eid_server.data_groups import (
    SELECTOR_DATA_GROUPS,
    FreetextPlace,
    NoPlace,
    StructuredPlace,
    Value,
    parse,
)
from eid_server.errors import Malformed
from eid_server.tlv import write
from tests.eid_server.samples import simulated_file


def text(number: int, value: str, string: int = 0x0C) -> bytes:
    return write(0x60 + number, write(string, value.encode()))


def place(**fields: str) -> bytes:
    tags = {
        "street": (0xAA, 0x0C),
        "city": (0xAB, 0x0C),
        "state": (0xAC, 0x0C),
        "country": (0xAD, 0x13),
        "zip_code": (0xAE, 0x13),
    }
    return b"".join(
        write(tags[name][0], write(tags[name][1], value.encode())) for name, value in fields.items()
    )


def residence(*parts: bytes) -> bytes:
    return write(0x71, b"".join(parts))


@pytest.mark.parametrize(
    ("number", "octets", "value"),
    [
        (1, text(1, "AR", 0x13), "AR"),
        (2, text(2, "D", 0x13), "D"),
        (3, text(3, "20291031", 0x12), date(2029, 10, 31)),
        (4, text(4, "ANDRÉ SÖREN-ĐORĐE"), "ANDRÉ SÖREN-ĐORĐE"),
        (5, text(5, "STRAẞENBAU"), "STRAẞENBAU"),
        (5, text(5, "VON\u00a0DER TANN"), "VON\u00a0DER TANN"),
        (6, text(6, ""), ""),
        (7, text(7, "DR.EH.DR."), "DR.EH.DR."),
        (8, text(8, "19640812", 0x12), "19640812"),
        (8, text(8, "1964    ", 0x12), "1964    "),
        (8, text(8, "        ", 0x12), "        "),
        (9, write(0x69, write(0xA1, write(0x0C, b"BERLIN"))), FreetextPlace(text="BERLIN")),
        (10, text(10, "XXA", 0x13), "XXA"),
        (13, text(13, ""), ""),
        (17, residence(write(0xA2, write(0x0C, b"keine Hauptwohnung in Deutschland"))), NoPlace(text="keine Hauptwohnung in Deutschland")),
        (17, residence(write(0xA1, write(0x0C, b"Am Markt\r\n1010 Wien"))), FreetextPlace(text="Am Markt\r\n1010 Wien")),
        (17, residence(write(0x30, place(city="WIEN", country="A"))), StructuredPlace(city="WIEN", country="A")),
        (18, write(0x72, write(0x04, bytes.fromhex("02760503150000"))), "02760503150000"),
        (19, write(0x73, write(0xA1, write(0x0C, b"NIEDERLASSUNGSERLAUBNIS"))), "NIEDERLASSUNGSERLAUBNIS"),
    ],
)  # fmt: skip
def test_data_group_is_read(number: int, octets: bytes, value: Value) -> None:
    """Text as on the chip, unknown parts of a date blank, three kinds of place."""
    assert parse(number, octets) == value


def test_residence_with_every_field_is_read() -> None:
    """TR-03110-4: street, city, state, country, ZIP code, in this order."""
    fields = {"street": "HEIDESTRAẞE 17", "city": "KÖLN", "state": "NW", "country": "D", "zip_code": "51147"}
    assert parse(17, residence(write(0x30, place(**fields)))) == StructuredPlace(**fields)


def test_files_of_the_simulated_card_are_read() -> None:
    """data/npa/INDEX.md: every file that a selector stands for."""
    values = {
        selector: parse(number, simulated_file(f"01{number:02x}"))
        for selector, number in SELECTOR_DATA_GROUPS.items()
    }
    assert values["DateOfExpiry"] == date(2034, 6, 30)
    assert values["ResidencePermitI"] == "RESIDENCE PERMIT 1"
    assert values["ArtisticName"] == ""


@pytest.mark.parametrize(
    ("number", "octets"),
    [
        (4, b""),
        (4, write(0x64, b"")),
        (4, text(5, "ERIKA")),
        (4, text(4, "ERIKA") + b"\0"),
        (4, write(0x64, write(0x0C, b"A") + write(0x0C, b"B"))),
        (4, text(4, "ERIKA", 0x13)),
        (4, write(0x64, write(0x0C, b"\xc3"))),
        (4, text(4, "ERI\x00KA")),
        (4, text(4, "ERI\u202eKA")),
        (1, text(1, "ID")),
        (3, text(3, "20260230", 0x12)),
        (3, text(3, "2026    ", 0x12)),
        (3, text(3, "2026123", 0x12)),
        (8, text(8, "196408", 0x12)),
        (8, text(8, "1964x812", 0x12)),
        (9, text(9, "BERLIN")),
        (17, residence(write(0x30, place(city="WIEN")))),
        (17, residence(write(0x30, place(country="A", city="WIEN")))),
        (17, residence(write(0x30, place(city="A", country="D") + place(zip_code="1", street="B")))),
        (17, residence(write(0xA3, write(0x0C, b"x")))),
        (17, residence(write(0x31, write(0x30, place(city="WIEN", country="A"))))),
        (18, write(0x72, write(0x04, bytes.fromhex("027a")))),
        (18, text(18, "0276")),
        (19, write(0x73, write(0xA2, write(0x04, b"deflated")))),
        (14, text(14, "x")),
        (99, b""),
    ],
)
def test_other_forms_are_refused(number: int, octets: bytes) -> None:
    """A value that can be read two ways is not passed on; nor are control characters and bidi overrides."""
    with pytest.raises(Malformed):
        parse(number, octets)


@settings(derandomize=True, deadline=None, database=None)
@given(st.sampled_from([*range(1, 20)]), st.binary(max_size=60))
def test_damaged_files_raise_nothing_but_malformed(number: int, octets: bytes) -> None:
    """Whatever a chip sends."""
    for damaged in (octets, write(0x60 + number, octets)):
        try:
            value = parse(number, damaged)
        except Malformed:
            continue
        assert value is not None
