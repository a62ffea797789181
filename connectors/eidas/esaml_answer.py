"""The attributes of an eSAML assertion as persons (TR-03130-1 §5.2; eidas.md §11.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors import icao_codes
from connectors.assurance import LevelOfAssurance
from connectors.eidas import values
from connectors.eidas.birth_name import family_name_at_birth
from connectors.eidas.esaml_attributes import IDENTIFIER, LEGAL, MINIMUM, NATURAL
from connectors.errors import AttributeMissing, InvalidAnswer, RepresentationRefused
from connectors.identity import (
    Absent,
    Address,
    Attested,
    Gender,
    Identifier,
    LegalPerson,
    NaturalPerson,
    PartialDate,
    Person,
    PersonKind,
)
from connectors.places import FreetextPlace, NoPlace, Place
from connectors.saml.tr03130.values import Attributes

_GENDERS = {"M": Gender.MALE, "F": Gender.FEMALE, "": Gender.UNSPECIFIED}
"""``Sex``: a blank stands for Unspecified, and layout at the ends of a value does not count."""
_NAMES = frozenset({"GivenNames", "FamilyNames", "LegalName"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What was asked, and about whom."""

    person: PersonKind
    asked: Mapping[str, bool]
    """Attribute to whether the service cannot work without it."""
    country: str
    """As it stands in identifiers."""
    destination: str
    level: LevelOfAssurance
    stability: str
    accept_representation: bool


def read(attributes: Attributes, expected: Expected) -> tuple[Person, Person | None]:
    """The subject, and who acts for it.

    Raises InvalidAnswer ``eidas.*`` and ``eid.*``, AttributeMissing, RepresentationRefused.
    """
    reading = _Reading(attributes, expected)
    if expected.person is PersonKind.NATURAL:
        if attributes.names & LEGAL.keys():
            raise InvalidAnswer("eidas.person-kind")
        return NaturalPerson(**reading.fields(NATURAL, expected.asked)), None  # type: ignore[arg-type]  # the table fixes each field's type
    subject = LegalPerson(**reading.fields(LEGAL, expected.asked))  # type: ignore[arg-type]  # likewise
    if not attributes.names & NATURAL.keys():
        return subject, None
    if not expected.accept_representation:
        raise RepresentationRefused("eidas.representation.refused")
    acting = reading.fields(NATURAL, dict.fromkeys(sorted(MINIMUM), True))
    return subject, NaturalPerson(**acting)  # type: ignore[arg-type]  # likewise


class _Reading:
    def __init__(self, attributes: Attributes, expected: Expected) -> None:
        self._attributes = attributes
        self._expected = expected

    def fields(self, names: Mapping[str, str], asked: Mapping[str, bool]) -> dict[str, object]:
        """Values by field; what nobody asked for is left where it is."""
        found: dict[str, object] = {IDENTIFIER: None}
        for name, field in names.items():
            if name not in asked:
                continue
            value = self._value(name)
            if isinstance(value, Absent) and asked[name]:
                raise AttributeMissing("eidas.attribute.missing", name)
            found[field] = value
        return found

    def _value(self, name: str) -> object:
        attributes = self._attributes
        if not attributes.delivered(name) or attributes.not_on_chip(name):
            return Absent.NOT_DELIVERED
        if name in {"RestrictedID", "LegalPersonIdentifier"}:
            return self._identifier(name)
        value = self._decoded(name)
        return value if isinstance(value, Absent) else Attested(value=value, level=self._expected.level)

    def _identifier(self, name: str) -> Identifier:
        """``XX/YY/…``; of a natural person as the octets of its UTF-8, where the pseudonym of a card is."""
        if name == "RestrictedID":
            first, second = self._attributes.restricted_id(name)
            if second is not None:
                raise InvalidAnswer("eidas.identifier.form", "two identifiers")
            try:
                text = first.decode("utf-8")
            except UnicodeDecodeError:  # holds the octets, so it must not become a __context__ that is kept
                text = ""
        else:
            text = self._attributes.text(name)
        if not text:
            raise InvalidAnswer("eidas.identifier.form")
        value = values.identifier(
            text, country=self._expected.country, destination=self._expected.destination
        )
        return Identifier(value=value, stability=self._expected.stability)

    def _decoded(self, name: str) -> object:
        attributes = self._attributes
        match name:
            case "DateOfBirth":
                return _date(attributes.date_string(name))
            case "PlaceOfBirth":
                return _place_name(attributes.place(name))
            case "PlaceOfResidence" | "LegalAddress":
                return _address(attributes.place(name))
            case "Sex":
                return self._gender(name)
        text = attributes.text(name)
        if not text:
            return Absent.DELIVERED_EMPTY
        if name == "BirthName":
            text = self._birth_name(text)
            return values.name([(text, False)]) if text else Absent.DELIVERED_EMPTY
        return values.name([(text, False)]) if name in _NAMES else text

    def _gender(self, name: str) -> Gender:
        word = self._attributes.text(name)
        if word not in _GENDERS:
            raise InvalidAnswer("eidas.gender")
        return _GENDERS[word]

    def _birth_name(self, text: str) -> str:
        """The names of today are there: both stand before it in the table, and nobody comes without them."""
        return family_name_at_birth(
            text,
            given=self._attributes.text("GivenNames"),
            family=self._attributes.text("FamilyNames"),
        )


def _date(string: str) -> PartialDate | Absent:
    """From ``yyyymmdd``; a state that knows a part only leaves the rest blank."""
    digits = string.rstrip(" ")
    if len(digits) == 8 and " " not in digits:
        return values.birth_date(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    if not digits:
        return Absent.DELIVERED_EMPTY
    if " " in digits or len(digits) not in {4, 6}:
        raise InvalidAnswer("eidas.date")
    month = int(digits[4:6]) if len(digits) == 6 else None
    if month is not None and not 1 <= month <= 12:
        raise InvalidAnswer("eidas.date")
    return PartialDate(year=int(digits[:4]), month=month)


def _place_name(place: Place) -> str | Absent:
    if isinstance(place, NoPlace):
        return Absent.DELIVERED_EMPTY
    text = place.text if isinstance(place, FreetextPlace) else place.city
    return text or Absent.DELIVERED_EMPTY


def _address(place: Place) -> Address | Absent:
    """Back into the parts that the rule for ``CurrentAddress`` has put together."""
    if isinstance(place, NoPlace):
        return Absent.DELIVERED_EMPTY
    if isinstance(place, FreetextPlace):
        return Address(full=place.text) if place.text else Absent.DELIVERED_EMPTY
    country = _country(place.country)
    return Address(
        thoroughfare=place.street or None,
        post_name=place.city or None,
        admin_unit_first_line=None if country else place.country or None,
        admin_unit_second_line=place.state or None,
        post_code=place.zip_code or None,
        country=country,
    )


def _country(code: str) -> str | None:
    """What cannot be read stays in the address line: an optional attribute never fails a login."""
    try:
        return icao_codes.to_iso(code)
    except ValueError:
        return None
