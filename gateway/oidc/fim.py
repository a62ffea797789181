"""Released data under the identifiers of FIM's data fields, for form systems (claim ``fim``).

Only ``F60000227``, the family name, is confirmed; the other identifiers were read off public samples
(bundid.md §4) and are listed as ``unconfirmed`` in the claim itself, so that nobody builds on them unawares.
"""

from __future__ import annotations

from pydantic import JsonValue

from connectors.identity import Absent, Attested, NaturalPerson, PartialDate, Person

_FAMILY_NAME = "F60000227"
_GIVEN_NAMES = "F60000228"
_DOCTORAL_DEGREE = "F60000229"
_BIRTH_NAME = "F60000230"
_BIRTH_DATE = "G60000083"
_DAY, _MONTH, _YEAR = "F60000231", "F60000232", "F60000233"
_PLACE_OF_BIRTH = "F60000234"
_NATIONALITY = "F60000236"
_CONFIRMED = frozenset({_FAMILY_NAME})
_STATISTICAL_KEYS = {"DE": "000"}
"""Nationality as key of the Federal Statistical Office; of the others none is documented."""


def fim_claim(person: Person, keys: frozenset[str]) -> dict[str, JsonValue]:
    """The claim ``fim`` of what was released of ``person``; empty for companies."""
    if not isinstance(person, NaturalPerson):
        return {}
    fields: dict[str, JsonValue] = {}
    for attribute, field in (
        ("family_name", _FAMILY_NAME),
        ("given_name", _GIVEN_NAMES),
        ("birth_family_name", _BIRTH_NAME),
    ):
        name = getattr(person, attribute)
        if attribute in keys and isinstance(name, Attested):
            fields[field] = name.value.latin
    if "title" in keys and not isinstance(person.title, Absent):
        fields[_DOCTORAL_DEGREE] = person.title.value
    if "place_of_birth" in keys and not isinstance(person.place_of_birth, Absent):
        fields[_PLACE_OF_BIRTH] = person.place_of_birth.value
    if "date_of_birth" in keys and not isinstance(person.date_of_birth, Absent):
        fields[_BIRTH_DATE] = _birth_date(person.date_of_birth.value)
    if "nationalities" in keys and not isinstance(person.nationalities, Absent):
        known = [_STATISTICAL_KEYS[code] for code in person.nationalities.value if code in _STATISTICAL_KEYS]
        if known:
            fields[_NATIONALITY] = known[0]
    if not fields:
        return {}
    used = [field for field in fields if field not in _CONFIRMED]
    if _BIRTH_DATE in fields:
        used += [_DAY, _MONTH, _YEAR]
    unconfirmed: list[JsonValue] = [*used]
    return {"fim": {"fields": fields, "unconfirmed": unconfirmed}}


def _birth_date(date: PartialDate) -> dict[str, JsonValue]:
    """Three fields, so that what is unknown is simply not there."""
    parts: tuple[tuple[str, int | None, int], ...] = (
        (_DAY, date.day, 2),
        (_MONTH, date.month, 2),
        (_YEAR, date.year, 4),
    )
    return {field: f"{value:0{width}d}" for field, value, width in parts if value is not None}
