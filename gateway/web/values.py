"""Values of a person in the form a citizen reads them on the release page (ux.md §5).

A name keeps its script and has the Latin form beneath it, marked as delivered or as transliterated
by us. An incomplete date of birth says that it is incomplete. Codes of countries become names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date, get_month_names

from connectors.icao_codes import to_iso
from connectors.identity import Address, Gender, Name, PartialDate
from gateway.web import countries
from gateway.web.language import FORMATS
from gateway.web.pages import ReleaseValue

COUNTRY_ATTRIBUTES = frozenset({"country_of_birth", "country_of_residence"})
"""Attributes whose text is an ISO 3166-1 alpha-2 code."""

GENDER_TEXTS = {gender: f"gender.{gender.value}" for gender in Gender}
CARD_TEXTS: Mapping[str, str] = {
    "ID": "card.document_id",
    "AR": "card.document_permit",
    "AS": "card.document_permit",
    "AF": "card.document_permit",
    "UB": "card.document_union",
    "XXA": "card.nationality_stateless",
    "XXB": "card.nationality_refugee",
    "XXC": "card.nationality_refugee",
    "XXX": "card.nationality_unspecified",
}
"""Codes of a chip to their texts: documents (TR-03110-4) and nationalities of no state (ICAO 9303-3 §5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a value; ``language`` is set where it is not the page's."""

    text: str
    language: str | None = None
    note: str | None = None
    """Identifier of the remark that stands behind it."""
    datetime: str | None = None
    """For HTML's ``time`` element."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A value, ready for the template."""

    lines: tuple[Line, ...]


def show(
    attribute: str,
    value: ReleaseValue,
    language: str,
    *,
    country: str | None,
    gender: str | None = None,
    coded: Mapping[str, str] | None = None,
) -> Shown:
    """``value`` of ``attribute`` for a page in ``language``; ``country`` issued the eID.

    ``gender`` is the word for a value that is a Gender, which only the catalogue knows; so are those of
    ``coded``, by the codes of ``CARD_TEXTS``.
    """
    known = coded or {}
    match value:
        case Name():
            return Shown(_name(value, country))
        case PartialDate():
            return Shown((_date(value, language),))
        case Address():
            return Shown(_address(value, language))
        case Gender():
            return Shown((Line(text=gender or value.value),))
        case tuple():
            named = (known.get(code) or countries.name(code, language) for code in value)
            names = sorted(named, key=countries.collation_key)
            return Shown((Line(text=", ".join(names)),))
        case str() if attribute in COUNTRY_ATTRIBUTES:
            return Shown((Line(text=countries.name(value, language)),))
        case str() if attribute == "issuing_state":
            return Shown((Line(text=countries.name(to_iso(value.rstrip("<")) or value, language)),))
        case str():
            return Shown((Line(text=known.get(value, value) if attribute == "document_type" else value),))


def _name(name: Name, country: str | None) -> tuple[Line, ...]:
    if name.original is None or name.original == name.latin:
        return (Line(text=name.latin, note="note.transliterated" if name.derived else None),)
    original = Line(text=name.original, language=countries.script_language(country, name.script))
    return original, Line(text=name.latin, note="note.transliterated" if name.derived else "note.latin")


def _date(value: PartialDate, language: str) -> Line:
    year, month, day = value.year, value.month, value.day
    if year is not None and month is not None and day is not None:
        try:
            shown = format_date(date(year, month, day), format="long", locale=FORMATS.get(language, language))
        except ValueError:  # 30 February: the source's word is shown as it came
            return Line(text=value.openid())
        return Line(text=shown, datetime=value.openid())
    words = get_month_names("wide", "stand-alone", locale=language)
    known = [str(words[month]) if month is not None else "", f"{year:04d}" if year is not None else ""]
    if day is not None:
        known.insert(0, f"{day}." if language == "de" else str(day))
    return Line(text=" ".join(part for part in known if part) or "–", note="note.incomplete")


def _address(address: Address, language: str) -> tuple[Line, ...]:
    street = " ".join(part for part in (address.thoroughfare, address.locator_designator) if part)
    town = " ".join(part for part in (address.post_code, address.post_name) if part)
    parts = (
        address.locator_name, street, address.po_box, address.address_area, town,
        address.admin_unit_second_line, address.admin_unit_first_line,
    )  # fmt: skip
    lines = [part for part in parts if part]
    if not lines and address.full:
        lines = [part.strip() for part in address.full.splitlines() if part.strip()]
    if address.country:
        lines.append(countries.name(address.country, language))
    return tuple(Line(text=line) for line in lines) or (Line(text="–"),)
