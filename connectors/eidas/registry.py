"""The eIDAS attributes as data (attribute profile 1.4 §2.2, §2.3, §2.8; eidas.md §5).

The name URI is the key everywhere. Friendly name and last URI part differ for four attributes,
so neither is ever derived from the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from connectors.identity import PersonKind

NATURAL = "http://eidas.europa.eu/attributes/naturalperson/"
LEGAL = "http://eidas.europa.eu/attributes/legalperson/"
NAME_FORMAT = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"


class Form(Enum):
    """How a value is written on the wire."""

    IDENTIFIER = auto()
    NAME = auto()
    """A string that may come as a pair of Latin and original script."""
    TEXT = auto()
    DATE = auto()
    ADDRESS = auto()
    GENDER = auto()
    COUNTRY = auto()
    COUNTRIES = auto()
    PHONE = auto()
    EMAIL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeDefinition:
    """One attribute of the profile."""

    uri: str
    friendly_name: str
    field: str
    """Field of ``connectors.identity``; ``identifier`` for the two unique identifiers."""
    person: PersonKind
    form: Form
    mandatory: bool = False
    """Part of the minimum data set."""
    representative: bool = False
    max_length: int = 1_000
    """Characters of a decoded value; longer ones are refused."""


@dataclass(frozen=True, slots=True)
class _Row:
    suffix: str
    friendly_name: str
    field: str
    form: Form
    mandatory: bool = False
    max_length: int = 1_000


_NATURAL_ROWS = (
    _Row("PersonIdentifier", "PersonIdentifier", "identifier", Form.IDENTIFIER, True, 256),
    _Row("CurrentFamilyName", "FamilyName", "family_name", Form.NAME, True),
    _Row("CurrentGivenName", "FirstName", "given_name", Form.NAME, True),
    _Row("DateOfBirth", "DateOfBirth", "date_of_birth", Form.DATE, True, 32),
    _Row("BirthName", "BirthName", "birth_name", Form.NAME),
    _Row("PlaceOfBirth", "PlaceOfBirth", "place_of_birth", Form.TEXT),
    _Row("CurrentAddress", "CurrentAddress", "address", Form.ADDRESS, max_length=16_384),
    _Row("Gender", "Gender", "gender", Form.GENDER, max_length=32),
    _Row("Nationality", "Nationality", "nationalities", Form.COUNTRIES, max_length=8),
    _Row("CountryOfBirth", "CountryOfBirth", "country_of_birth", Form.COUNTRY, max_length=8),
    _Row("TownOfBirth", "TownOfBirth", "town_of_birth", Form.TEXT),
    _Row("CountryOfResidence", "CountryOfResidence", "country_of_residence", Form.COUNTRY, max_length=8),
    _Row("PhoneNumber", "PhoneNumber", "phone_number", Form.PHONE, max_length=64),
    _Row("EmailAddress", "EmailAddress", "email", Form.EMAIL, max_length=320),
)

_LEGAL_ROWS = (
    _Row("LegalPersonIdentifier", "LegalPersonIdentifier", "identifier", Form.IDENTIFIER, True, 256),
    _Row("LegalName", "LegalName", "legal_name", Form.NAME, True),
    _Row("LegalPersonAddress", "LegalAddress", "legal_address", Form.ADDRESS, max_length=16_384),
    _Row("VATRegistrationNumber", "VATRegistration", "vat_registration", Form.TEXT),
    _Row("TaxReference", "TaxReference", "tax_reference", Form.TEXT),
    _Row("D-2012-17-EUIdentifier", "D-2012-17-EUIdentifier", "eu_identifier", Form.TEXT),
    _Row("LEI", "LEI", "lei", Form.TEXT),
    _Row("EORI", "EORI", "eori", Form.TEXT),
    _Row("SEED", "SEED", "seed", Form.TEXT),
    _Row("SIC", "SIC", "sic", Form.TEXT),
    _Row("LegalPhoneNumber", "LegalPhoneNumber", "phone_number", Form.PHONE, max_length=64),
    _Row("LegalEmailAddress", "LegalEmailAddress", "email", Form.EMAIL, max_length=320),
)


def _definitions() -> list[AttributeDefinition]:
    found = []
    for prefix, person, rows in (
        (NATURAL, PersonKind.NATURAL, _NATURAL_ROWS),
        (LEGAL, PersonKind.LEGAL, _LEGAL_ROWS),
    ):
        for representative in (False, True):
            base = f"{prefix}representative/" if representative else prefix
            found += [
                AttributeDefinition(
                    uri=base + row.suffix,
                    friendly_name=("Representative" if representative else "") + row.friendly_name,
                    field=row.field,
                    person=person,
                    form=row.form,
                    mandatory=row.mandatory,
                    representative=representative,
                    max_length=row.max_length,
                )
                for row in rows
            ]
    return found


DEFINITIONS: dict[str, AttributeDefinition] = {row.uri: row for row in _definitions()}
"""By name URI; sets of the person and of the representative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorAttribute:
    """An attribute outside the two sets, exchanged by agreement only (message format 1.4 §3.2.1)."""

    uri: str
    friendly_name: str
    persons: frozenset[PersonKind]
    """Kinds of subject it may be asked about."""
    mandatory: bool = False


Requestable = AttributeDefinition | SectorAttribute

SECTOR_ATTRIBUTES: dict[str, SectorAttribute] = {
    row.uri: row
    for row in (
        SectorAttribute(
            uri="http://data.europa.eu/p4s/attributes/PowerOfRepresentationScope",
            friendly_name="PowerOfRepresentationScope",
            persons=frozenset(PersonKind),
        ),
        SectorAttribute(
            uri="http://e-justice.europa.eu/attributes/naturalperson/eJusticeNaturalPersonRole",
            friendly_name="eJusticeNaturalPersonRole",
            persons=frozenset({PersonKind.NATURAL}),
        ),
        SectorAttribute(
            uri="http://e-justice.europa.eu/attributes/legalperson/eJusticeLegalPersonRole",
            friendly_name="eJusticeLegalPersonRole",
            persons=frozenset({PersonKind.LEGAL}),
        ),
    )
}
"""Those the reference node knows, by name URI (eidas.md §5.9); plain strings. A service asks for
one by its URI among its attribute names."""


@cache
def person_attributes(person: PersonKind) -> tuple[AttributeDefinition, ...]:
    """What may be requested about the subject; representatives are never requested (§2.8)."""
    return tuple(d for d in DEFINITIONS.values() if d.person is person and not d.representative)
