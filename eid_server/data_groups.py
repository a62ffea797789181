"""Data groups of the eID application (TR-03110-4 2.2.3.1).

Each file is one object whose tag is 0x60 plus the number of the data group; inside is one ASN.1 type::

    DG4   64 { 0C GivenNames }                      DG8   68 { 12 yyyymmdd, unknown parts blank }
    DG9   69 { A1 { 0C free text } }                DG18  72 { 04 digits in BCD }
    DG19  73 { A1 { 0C text } }
    DG17  71 { 30 { AA street?, AB city, AC state?, AD country, AE ZIP code? } | A1 free text | A2 no place }

Names stay as they are on the chip: nothing is trimmed, folded or filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from unicodedata import category

from eid_server import tlv
from eid_server.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredPlace:
    city: str
    country: str
    """ICAO 9303-3 code, e.g. ``D``."""
    street: str | None = None
    state: str | None = None
    zip_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreetextPlace:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPlace:
    """The chip says that there is none, e.g. "keine Hauptwohnung in Deutschland"."""

    text: str


Place = StructuredPlace | FreetextPlace | NoPlace
Value = str | date | Place

SELECTOR_DATA_GROUPS: Mapping[str, int] = MappingProxyType(
    {
        "DocumentType": 1,
        "IssuingState": 2,
        "DateOfExpiry": 3,
        "GivenNames": 4,
        "FamilyNames": 5,
        "ArtisticName": 6,
        "AcademicTitle": 7,
        "DateOfBirth": 8,
        "PlaceOfBirth": 9,
        "Nationality": 10,
        "BirthName": 13,
        "PlaceOfResidence": 17,
        "CommunityID": 18,
        "ResidencePermitI": 19,
    }
)
"""Selectors of the eID-Interface that are read from a file (TR-03130-1 §3.4.1)."""

_UTF8, _PRINTABLE, _NUMERIC = 0x0C, 0x13, 0x12
_ENCODINGS = {_UTF8: "utf-8", _PRINTABLE: "ascii", _NUMERIC: "ascii"}
_FREE_TEXT, _NO_PLACE = 0xA1, 0xA2
_PLACE_FIELDS = {
    0xAA: ("street", _UTF8),
    0xAB: ("city", _UTF8),
    0xAC: ("state", _UTF8),
    0xAD: ("country", _PRINTABLE),
    0xAE: ("zip_code", _PRINTABLE),
}


def parse(number: int, octets: bytes) -> Value:
    """The value of a data group; raises Malformed, also for octets behind it."""
    if number not in _READERS:
        raise Malformed(f"data group {number} has no place in the eID-Interface")
    content = tlv.one(octets, 0x60 + number).value
    return _READERS[number](tlv.one(content, tlv.first(content).tag))


def _string(*tags: int) -> Callable[[tlv.Element], str]:
    def read(element: tlv.Element) -> str:
        if element.tag not in tags:
            raise Malformed("a data group of another type")
        return _text(element)

    return read


def _text(element: tlv.Element) -> str:
    try:
        text = element.value.decode(_ENCODINGS[element.tag])
    except (KeyError, UnicodeDecodeError):
        raise Malformed("a string of another type or encoding") from None
    if any(category(char).startswith("C") and char not in "\r\n\t" for char in text):
        raise Malformed("control or format characters in a data group")
    return text


def _date_of_birth(element: tlv.Element) -> str:
    """Eight characters, blanks where a part is unknown; never completed (TR-03130-1 §3.4.2)."""
    text = _string(_NUMERIC)(element)
    if len(text) != 8 or not set(text) <= set("0123456789 "):
        raise Malformed("a date of birth in another form")
    return text


def _date(element: tlv.Element) -> date:
    text = _string(_NUMERIC)(element)
    if len(text) != 8 or not text.isdigit():
        raise Malformed("a date in another form")
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise Malformed("not a day of the calendar") from None


def _place(element: tlv.Element) -> Place:
    if element.tag == _FREE_TEXT:
        return FreetextPlace(text=_text(tlv.one(element.value, _UTF8)))
    if element.tag == _NO_PLACE:
        return NoPlace(text=_text(tlv.one(element.value, _UTF8)))
    fields = element.children() if element.tag == 0x30 else ()
    tags = [field.tag for field in fields]
    if tags != sorted(set(tags)) or not {0xAB, 0xAD} <= set(tags) <= _PLACE_FIELDS.keys():
        raise Malformed("a place in another form")
    texts: dict[str, str] = {}
    for field in fields:
        name, string = _PLACE_FIELDS[field.tag]
        texts[name] = _text(tlv.one(field.value, string))
    return StructuredPlace(**texts)


def _community(element: tlv.Element) -> str:
    """Digits with their leading zero."""
    digits = element.value.hex()
    if element.tag != 0x04 or not digits.isdecimal():
        raise Malformed("a community identifier in another form")
    return digits


def _residence_permit(element: tlv.Element) -> str:
    """Text is a choice; the compressed form is not known to be in use and is refused."""
    if element.tag != _FREE_TEXT:
        raise Malformed("a residence permit in another form")
    return _string(_UTF8)(tlv.one(element.value, _UTF8))


_READERS: Mapping[int, Callable[[tlv.Element], Value]] = MappingProxyType(
    {
        1: _string(_PRINTABLE),
        2: _string(_PRINTABLE),
        3: _date,
        4: _string(_UTF8),
        5: _string(_UTF8),
        6: _string(_UTF8),
        7: _string(_UTF8),
        8: _date_of_birth,
        9: _place,
        10: _string(_PRINTABLE),
        13: _string(_UTF8),
        17: _place,
        18: _community,
        19: _residence_permit,
    }
)
