"""Decode single values of a card (npa.md §5.2).

A value passes as the chip holds it, in Unicode NFC and never case-folded; DIN 91379 letters such as ẞ have
no safe other form. Only what could deceive a reader is refused.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from connectors import icao_codes
from connectors.errors import InvalidAnswer
from connectors.identity import Address, PartialDate
from connectors.places import FreetextPlace, NoPlace, Place, StructuredPlace

_MAX = 1000
_CONTROLS = frozenset({"Cc", "Cs", "Cn"})
_BIDIRECTIONAL = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Embeddings, overrides and isolates: they make a name read otherwise than it is (Unicode TR 36 §3.6)."""
_DATE = re.compile(r"[0-9 ]{8}")


def text(value: str) -> str:
    """NFC of ``value``; raises InvalidAnswer ``npa.result.text``."""
    if len(value) > _MAX:
        raise InvalidAnswer("npa.result.text", "too long")
    for character in value:
        if character in "\r\n\t":
            continue
        if (
            unicodedata.category(character) in _CONTROLS
            or unicodedata.bidirectional(character) in _BIDIRECTIONAL
        ):
            raise InvalidAnswer("npa.result.text", "control characters")
    return unicodedata.normalize("NFC", value)


def partial_date(raw: str) -> PartialDate | None:
    """The 8 characters ``yyyymmdd`` of the chip, unknown parts blank or zero; None if nothing is known.

    Nothing is ever filled in. Raises InvalidAnswer ``npa.result.date``.

    >>> partial_date("19640812"), partial_date("1950    "), partial_date("        ")
    (PartialDate(year=1964, month=8, day=12), PartialDate(year=1950, month=None, day=None), None)
    """
    if not _DATE.fullmatch(raw):
        raise InvalidAnswer("npa.result.date")
    year, month, day = (_part(raw[a:b]) for a, b in ((0, 4), (4, 6), (6, 8)))
    try:
        # a leap year stands in for an unknown one, the longest month for an unknown one
        date(year or 2000, month or 1, day or 1)
    except ValueError as error:
        raise InvalidAnswer("npa.result.date") from error
    if year is None and (month is None or day is None):
        return None
    return PartialDate(year=year, month=month, day=day if month is not None else None)


def _part(digits: str) -> int | None:
    if not digits.strip(" 0"):
        return None
    if not digits.isdecimal():
        raise InvalidAnswer("npa.result.date")
    return int(digits)


def nationality(code: str) -> str:
    """ISO 3166-1 alpha-2, or the code of ICAO 9303-3 as it is where that names no state: ``XXA`` stateless,
    ``XXB`` and ``XXC`` refugees, ``XXX`` unspecified, organisations.

    Raises InvalidAnswer ``npa.result.country``.

    >>> nationality("D"), nationality("SRB"), nationality("XXA")
    ('DE', 'RS', 'XXA')
    """
    code = code.rstrip("<")  # filler of the machine readable zone (ICAO 9303-3 §4.3)
    try:
        return icao_codes.to_iso(code) or code
    except ValueError as error:
        raise InvalidAnswer("npa.result.country") from error


def address(place: StructuredPlace | FreetextPlace) -> Address:
    """A residence; a free text stays one text."""
    if isinstance(place, FreetextPlace):
        return Address(full=text(place.text))
    country = nationality(place.country)
    return Address(
        thoroughfare=_optional(place.street),
        post_name=text(place.city),
        admin_unit_second_line=_optional(place.state),
        post_code=_optional(place.zip_code),
        admin_unit_first_line=None if len(country) == 2 else country,
        country=country if len(country) == 2 else None,
    )


def place_name(place: Place) -> str:
    """A place of birth in one text; empty where the card states that there is none."""
    match place:
        case StructuredPlace():
            return text(place.city)
        case FreetextPlace():
            return text(place.text)
        case NoPlace():
            return ""


def _optional(value: str | None) -> str | None:
    return text(value) if value else None
