"""Decode single values of account attributes (bundid.md §1.7 to §1.9, §3.2, §4.1).

Values pass unchanged from the source, in Unicode as it came; only what could deceive a reader is
refused. Dates come as ISO dates or in German order, and may be partial, because cards are.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from connectors import icao_codes
from connectors.country_codes import ISO_OF_EU_CODE
from connectors.errors import InvalidAnswer
from connectors.identity import Name, PartialDate
from trust.xml import XML_WHITESPACE, Element

_CONTROLS = frozenset({"Cc", "Cs", "Cn"})
_REORDERING = frozenset(chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Embeddings, overrides and isolates: they make a name read otherwise than it is (Unicode TR 36 §3.6)."""
_UNKNOWN = frozenset({"", "00", "0000", "XX", "XXXX"})
"""How documents write a part of a date that nobody knows (ICAO 9303-3 §4.7; forms second-hand)."""
_ISO_DATE = re.compile(r"([0-9]{4}|X{4})(?:-([0-9]{2}|X{2})(?:-([0-9]{2}|X{2}))?)?")
_GERMAN_DATE = re.compile(r"(?:(?:([0-9]{2}|X{2})\.)?([0-9]{2}|X{2})\.)?([0-9]{4}|X{4})")
_FORMS_OF_ADDRESS = {"0": "unknown", "1": "male", "2": "female", "9": "not-applicable"}


def text(element: Element, limit: int) -> str:
    """The string of a simple element, outer XML white space stripped.

    Raises InvalidAnswer ``account.value``.
    """
    if len(element):
        raise InvalidAnswer("account.value", "element content")
    found = (element.text or "").strip(XML_WHITESPACE)
    if len(found) > limit:
        raise InvalidAnswer("account.value", "too long")
    if any(
        c in _REORDERING or (unicodedata.category(c) in _CONTROLS and c not in XML_WHITESPACE) for c in found
    ):
        raise InvalidAnswer("account.value", "control characters")
    return found


def name(value: str) -> Name:
    """A name as it came; German accounts keep Latin letters only (bundid.md §1.7).

    Raises InvalidAnswer ``account.name.script`` for letters of another script, which would have to
    stand beside a Latin form that these interfaces do not have.
    """
    for character in unicodedata.normalize("NFC", value):
        if unicodedata.category(character)[0] == "L":
            word = unicodedata.name(character, "UNKNOWN").partition(" ")[0]
            if word not in {"LATIN", "MODIFIER", "FEMININE", "MASCULINE"}:
                raise InvalidAnswer("account.name.script")
    return Name(latin=value)


def iso_date(value: str) -> PartialDate:
    """``YYYY-MM-DD``, or less of it; raises InvalidAnswer ``account.date``.

    >>> iso_date("1964-08-12").openid(), iso_date("1964-00-00").openid(), iso_date("1964").openid()
    ('1964-08-12', '1964', '1964')
    """
    found = _ISO_DATE.fullmatch(value)
    if found is None:
        raise InvalidAnswer("account.date")
    return _partial(*(part or "" for part in found.groups()))


def german_date(value: str) -> PartialDate:
    """``DD.MM.YYYY``, or less of it; raises InvalidAnswer ``account.date``.

    >>> german_date("12.08.1964").openid(), german_date("00.00.1964").openid()
    ('1964-08-12', '1964')
    """
    found = _GERMAN_DATE.fullmatch(value)
    if found is None:
        raise InvalidAnswer("account.date")
    day, month, year = (part or "" for part in found.groups())
    return _partial(year, month, day)


def _partial(year: str, month: str, day: str) -> PartialDate:
    parts = [None if part in _UNKNOWN else int(part) for part in (year, month, day)]
    if parts[1] is None and parts[2] is not None:
        raise InvalidAnswer("account.date", "a day without its month")
    try:
        date(parts[0] or 4, parts[1] or 1, parts[2] or 1)  # year 4 is a leap year
    except ValueError as error:
        raise InvalidAnswer("account.date") from error
    return PartialDate(year=parts[0], month=parts[1], day=parts[2])


def form_of_address(value: str) -> str:
    """ISO 5218 as the interface description means it: how to address somebody, never a legal sex.

    The operator's question list contradicts it (1 for women, 2 for men); the interface wins
    (bundid.md §1.8). Raises InvalidAnswer ``account.form-of-address``.
    """
    if value not in _FORMS_OF_ADDRESS:
        raise InvalidAnswer("account.form-of-address")
    return _FORMS_OF_ADDRESS[value]


def country(value: str) -> str:
    """ISO 3166-1 alpha-2; ``D`` and the wire codes of eIDAS nodes are turned into it.

    Raises InvalidAnswer ``account.country``.
    """
    if not re.fullmatch(r"D|[A-Z]{2}", value):
        raise InvalidAnswer("account.country")
    return {"D": "DE", **ISO_OF_EU_CODE}.get(value, value)


def nationality(value: str) -> tuple[str, ...] | None:
    """ISO 3166-1 alpha-2; None for a code that names no state.

    Raises InvalidAnswer ``account.nationality``.
    """
    try:
        found = icao_codes.to_iso(value)
    except ValueError as error:
        raise InvalidAnswer("account.nationality") from error
    return None if found is None else (found,)


def flag(value: str) -> bool:
    """``xs:boolean``; raises InvalidAnswer ``account.flag``."""
    if value not in {"true", "false", "1", "0"}:
        raise InvalidAnswer("account.flag")
    return value in {"true", "1"}
