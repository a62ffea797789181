"""A foreign citizen's eIDAS attributes as those of an identity card (TR-03130-1 §5.2, tables 19 to 22)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from sandbox.eid_service.saml_answer import (
    Part,
    Statement,
    date_of_birth,
    document_validity,
    not_on_chip,
    simple,
    verification,
)
from sandbox.eid_service.saml_request import Wanted
from sandbox.nodes.countries import Citizen, Country

_NEVER: Final = frozenset(
    {
        "DocumentType", "IssuingState", "DateOfExpiry", "ArtisticName", "AcademicTitle", "Nationality",
        "CommunityID", "ResidencePermitI", "PlaceVerification",
    }
)  # fmt: skip
"""No eIDAS attribute stands behind these."""
_SAME: Final = MappingProxyType(
    {
        "LegalName": "LegalName", "VATRegistration": "VATRegistration", "TaxReference": "TaxReference",
        "BusinessCodes": "D-2012-17-EUIdentifier", "LEI": "LEI", "EORI": "EORI", "SEED": "SEED", "SIC": "SIC",
    }
)  # fmt: skip
_ICAO: Final = MappingProxyType(
    {
        "BG": "BGR", "CH": "CHE", "CY": "CYP", "CZ": "CZE", "DE": "D", "DK": "DNK", "EE": "EST", "EL": "GRC",
        "ES": "ESP", "GR": "GRC", "NL": "NLD", "SE": "SWE",
    }
)  # fmt: skip
_SEX: Final = MappingProxyType({"Male": "M", "Female": "F", "Unspecified": " "})
_BULGARIAN: Final = MappingProxyType(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
        "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u",
        "ф": "f", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sht", "ъ": "a", "ь": "y", "ю": "yu",
        "я": "ya",
    }
)  # fmt: skip
"""Transliteration Act of 2009; for the one citizen who has no Latin name."""


def statements(
    origin: Country, citizen: Citizen, wanted: Mapping[str, Wanted], level: str, now: datetime
) -> Iterator[Statement]:
    """What was asked for, and the two members of ``EidasExtension`` that every answer has."""
    for name, asked in wanted.items():
        if name in _NEVER:
            yield not_on_chip(name)
            continue
        found = _legal(name, origin, citizen) or _natural(name, origin, citizen, asked, now.date())
        if found is not None:
            yield found
    yield document_validity(now)
    extension: tuple[Part, ...] = (("LevelOfAssurance", level), ("SendingMemberState", origin.code))
    yield Statement(name="EidasExtension", type="eid:EidasExtensionType", parts=extension)


def _legal(name: str, origin: Country, citizen: Citizen) -> Statement | None:
    if citizen.kind != "legal":
        return None
    if name == "LegalPersonIdentifier":
        return simple(name, _identifier(origin, citizen.identifier))
    if name == "LegalAddress":
        address = citizen.attributes.get(name)
        return None if address is None else place(name, address)
    source = _SAME.get(name)
    if source is None or source not in citizen.attributes:
        return None
    return simple(name, latin(citizen.attributes[source]))


def _natural(name: str, origin: Country, citizen: Citizen, asked: Wanted, today: date) -> Statement | None:
    """Of the citizen, or of the natural person who acts for a company."""
    known: Mapping[str, Any] = citizen.attributes if citizen.kind == "natural" else citizen.representative
    if not known:
        return None
    given, family = latin(known["FirstName"]), latin(known["FamilyName"])
    digits = str(known["DateOfBirth"]).replace("-", "")
    match name:
        case "GivenNames":
            return simple(name, given)
        case "FamilyNames":
            return simple(name, family)
        case "DateOfBirth":
            return date_of_birth(digits)
        case "RestrictedID":
            own = citizen.identifier if citizen.kind == "natural" else str(known["identifier"])
            octets = _identifier(origin, own).encode().hex().upper()
            return Statement(name=name, type="eid:RestrictedIDType", parts=(("ID", octets),))
        case "AgeVerification":
            age = asked.part("Age") or ""
            return verification(name, ("Age", age), fulfilled=_age(digits, today) >= int(age))
    return _optional(name, known, given, family)


def _optional(name: str, known: Mapping[str, Any], given: str, family: str) -> Statement | None:
    if name == "BirthName" and "BirthName" in known:
        return simple(name, birth_name(latin(known["BirthName"]), given, family))
    if name == "PlaceOfBirth" and "PlaceOfBirth" in known:
        parts: tuple[Part, ...] = (("FreetextPlace", latin(known["PlaceOfBirth"])),)
        return Statement(name=name, type="eid:GeneralPlaceType", parts=parts)
    if name == "PlaceOfResidence" and "CurrentAddress" in known:
        return place(name, known["CurrentAddress"])
    if name == "Sex" and "Gender" in known:
        return simple(name, _SEX[str(known["Gender"])])
    return None


def birth_name(whole: str, given: str, family: str) -> str:
    """Without the first names of today; nothing at all where it is today's name.

    >>> birth_name("Erika Gabler", "Erika", "Mustermann"), birth_name("Hans Müller", "Peter", "Müller")
    ('Gabler', 'Hans Müller')
    >>> birth_name("André Mustermann", "André", "Mustermann")
    ''
    """
    rest = whole.removeprefix(f"{given} ")
    return "" if rest == family else rest


def place(name: str, address: Mapping[str, str]) -> Statement:
    """``GeneralPlaceType``: structured where street, city and country are known, else the text."""
    street = address.get("PoBox", "")
    if "Thoroughfare" in address:
        number = address.get("LocatorDesignator") or address.get("LocatorName", "")
        street = f"{address['Thoroughfare']} {number}".strip()
    city = ", ".join(address[key] for key in ("PostName", "CvaddressArea") if key in address)
    code = address.get("AdminunitFirstline") or address.get("AdminUnitFirstLine") or ""
    inside: list[Part] = [
        (tag, text)
        for tag, text in (
            ("Street", street),
            ("City", city),
            ("State", address.get("AdminunitSecondline", "")),
            ("Country", _ICAO.get(code, "")),
            ("ZipCode", address.get("PostCode", "")),
        )
        if text
    ]
    structured: tuple[Part, ...] = (("StructuredPlace", inside),)
    if not city or code not in _ICAO:
        text = address.get("FullCvaddress") or "\n".join(v for k, v in address.items() if k != "form")
        structured = (("FreetextPlace", text),)
    return Statement(name=name, type="eid:GeneralPlaceType", parts=structured)


def latin(value: Any) -> str:
    """The Latin form; transliterated where there is no other."""
    if not isinstance(value, Mapping):
        return str(value)
    if "latin" in value:
        return str(value["latin"])
    text = str(value["original"])
    written = "".join(_BULGARIAN.get(c.lower(), c) for c in text)
    return written.title() if text.istitle() else written


def _identifier(origin: Country, rest: str) -> str:
    return f"{origin.node_code}/DE/{rest.replace('*', secrets.token_hex(12))}"


def _age(digits: str, today: date) -> int:
    return (int(today.strftime("%Y%m%d")) - int(digits)) // 10_000
