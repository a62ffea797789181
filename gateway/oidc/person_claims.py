"""One person as claims: names, dates, places and addresses in the forms of Core §5.1 and IDA.

Names in another script stand beside the Latin form under a BCP 47 tag (Core §5.2):
``family_name`` and ``family_name#el-Grek``.
"""

from __future__ import annotations

from pydantic import JsonValue

from connectors.identity import (
    Absent,
    Address,
    Attested,
    LegalPerson,
    Name,
    NaturalPerson,
)

_LANGUAGE: dict[tuple[str, str | None], str] = {
    ("Cyrl", "BG"): "bg",
    ("Cyrl", "BY"): "be",
    ("Cyrl", "MK"): "mk",
    ("Cyrl", "RS"): "sr",
    ("Cyrl", "UA"): "uk",
}
"""Script and issuing state to language, where the script alone does not tell."""

_LANGUAGE_OF_SCRIPT = {"Grek": "el", "Armn": "hy", "Geor": "ka"}


def language_tag(script: str | None, country: str | None) -> str:
    """The BCP 47 tag of an original name; ``und`` where the language is not certain.

    >>> language_tag("Grek", "CY"), language_tag("Cyrl", "BG"), language_tag("Cyrl", None)
    ('el-Grek', 'bg-Cyrl', 'und-Cyrl')
    """
    if script is None:
        return "und"
    language = _LANGUAGE_OF_SCRIPT.get(script) or _LANGUAGE.get((script, country), "und")
    return f"{language}-{script}"


def natural_person_claims(
    person: NaturalPerson, keys: frozenset[str], country: str | None
) -> dict[str, JsonValue]:
    """Claims of a natural person for the attributes in ``keys``; ``country`` issued the statement."""
    claims: dict[str, JsonValue] = {}
    transliterated: list[JsonValue] = []

    def name(claim: str, attribute: str) -> None:
        value: Attested[Name] | Absent = getattr(person, attribute)
        if attribute in keys and not isinstance(value, Absent):
            _put_name(claims, claim, value.value, country)
            if value.value.derived:
                transliterated.append(claim)

    def text(claim: str, attribute: str) -> None:
        value: Attested[str] | Absent = getattr(person, attribute)
        if attribute in keys and not isinstance(value, Absent):
            claims[claim] = value.value

    name("family_name", "family_name")
    name("given_name", "given_name")
    _put_full_name(claims, country, person, keys)
    name("birth_family_name", "birth_family_name")
    name("eidas_birth_name", "birth_name")
    text("title", "title")
    if "date_of_birth" in keys and not isinstance(person.date_of_birth, Absent):
        claims["birthdate"] = person.date_of_birth.value.openid()
    if place := _place_of_birth(person, keys):
        claims["place_of_birth"] = place
    if "gender" in keys and not isinstance(person.gender, Absent):
        claims["gender"] = person.gender.value.value
    if "nationalities" in keys and not isinstance(person.nationalities, Absent):
        claims["nationalities"] = list(person.nationalities.value)
    if "address" in keys and not isinstance(person.address, Absent):
        claims["address"] = address_claim(person.address.value)
    text("country_of_residence", "country_of_residence")
    text("phone_number", "phone_number")
    text("email", "email")
    for contact in ("phone_number", "email"):
        if contact in claims:
            claims[f"{contact}_verified"] = False  # no source proves reachability
    if transliterated:
        claims["transliterated"] = transliterated
    if "identifier" in keys and person.identifier is not None:
        claims["eidas_identifier"] = person.identifier.value
    return claims


def legal_person_claims(
    person: LegalPerson, keys: frozenset[str], country: str | None
) -> dict[str, JsonValue]:
    """Members of the ``legal_person`` object for the attributes in ``keys``."""
    claims: dict[str, JsonValue] = {}
    if "legal_name" in keys and not isinstance(person.legal_name, Absent):
        _put_name(claims, "legal_name", person.legal_name.value, country)
        if person.legal_name.value.derived:
            claims["transliterated"] = ["legal_name"]
    if "legal_address" in keys and not isinstance(person.legal_address, Absent):
        claims["address"] = address_claim(person.legal_address.value)
    for attribute in (
        "vat_registration", "tax_reference", "eu_identifier", "lei", "eori", "seed", "sic",
        "phone_number", "email",
    ):  # fmt: skip
        value: Attested[str] | Absent = getattr(person, attribute)
        if attribute in keys and not isinstance(value, Absent):
            claims[attribute] = value.value
    for contact in ("phone_number", "email"):
        if contact in claims:
            claims[f"{contact}_verified"] = False
    if "identifier" in keys and person.identifier is not None:
        claims["legal_person_identifier"] = person.identifier.value
    return claims


def _put_name(claims: dict[str, JsonValue], claim: str, name: Name, country: str | None) -> None:
    claims[claim] = name.latin
    if name.original is not None:
        claims[f"{claim}#{language_tag(name.script, country)}"] = name.original


def _put_full_name(
    claims: dict[str, JsonValue], country: str | None, person: NaturalPerson, keys: frozenset[str]
) -> None:
    """``name`` (Core §5.1), put together only from parts that are both released."""
    given, family = person.given_name, person.family_name
    if not {"given_name", "family_name"} <= keys or isinstance(given, Absent) or isinstance(family, Absent):
        return
    claims["name"] = f"{given.value.latin} {family.value.latin}".strip()
    if given.value.original and family.value.original and given.value.script == family.value.script:
        tag = language_tag(given.value.script, country)
        claims[f"name#{tag}"] = f"{given.value.original} {family.value.original}"


def _place_of_birth(person: NaturalPerson, keys: frozenset[str]) -> dict[str, JsonValue]:
    """IDA ``place_of_birth``. eIDAS has a town, a country and one free text without parts."""
    place: dict[str, JsonValue] = {}
    if "country_of_birth" in keys and not isinstance(person.country_of_birth, Absent):
        place["country"] = person.country_of_birth.value
    if "town_of_birth" in keys and not isinstance(person.town_of_birth, Absent):
        place["locality"] = person.town_of_birth.value
    if "place_of_birth" in keys and not isinstance(person.place_of_birth, Absent):
        text = person.place_of_birth.value
        if "locality" not in place:
            place["locality"] = text
        elif place["locality"] != text:
            place["formatted"] = text
    return place


def address_claim(address: Address) -> dict[str, JsonValue]:
    """The ``address`` object (Core §5.1.1) with ``country_code`` (IDA), from ISA Core Location parts.

    An address that the source gave as one text only has ``formatted`` alone.
    """
    street = " ".join(part for part in (address.thoroughfare, address.locator_designator) if part)
    first = (address.locator_name, street, _po_box(address), address.address_area)
    street_lines = [line for line in first if line]
    city = " ".join(part for part in (address.post_code, address.post_name) if part)
    country = address.admin_unit_first_line or address.country
    lines = [*street_lines, *(line for line in (city, address.admin_unit_second_line, country) if line)]
    parts: dict[str, str | None] = {
        "formatted": address.full or "\n".join(lines),
        "street_address": "\n".join(street_lines),
        "postal_code": address.post_code,
        "locality": address.post_name,
        "region": address.admin_unit_second_line,
        "country": country,
        "country_code": address.country,
    }
    return {name: value for name, value in parts.items() if value}


def _po_box(address: Address) -> str | None:
    return f"PO Box {address.po_box}" if address.po_box else None
