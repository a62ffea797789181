"""The attribute table of the eIDAS SAML Attribute Profile 1.4 as a node knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sandbox.nodes.names import LEGAL, NATURAL


@dataclass(frozen=True, slots=True)
class AttributeName:
    """One attribute; ``local`` differs from ``friendly`` for four of them (eidas.md §5)."""

    friendly: str
    local: str
    person: str
    """``natural`` or ``legal``."""
    mandatory: bool = False
    transliterable: bool = False

    @property
    def namespace(self) -> str:
        return NATURAL if self.person == "natural" else LEGAL

    @property
    def uri(self) -> str:
        return f"{self.namespace}/{self.local}"

    @property
    def representative_uri(self) -> str:
        """Attribute Profile §2.8."""
        return f"{self.namespace}/representative/{self.local}"

    @property
    def type_name(self) -> str:
        return f"{self.local}Type"


def _natural(
    friendly: str, local: str | None = None, *, must: bool = False, latin: bool = False
) -> AttributeName:
    return AttributeName(friendly, local or friendly, "natural", must, latin)


def _legal(
    friendly: str, local: str | None = None, *, must: bool = False, latin: bool = False
) -> AttributeName:
    return AttributeName(friendly, local or friendly, "legal", must, latin)


NATURAL_PERSON: Final = (
    _natural("PersonIdentifier", must=True),
    _natural("FamilyName", "CurrentFamilyName", must=True, latin=True),
    _natural("FirstName", "CurrentGivenName", must=True, latin=True),
    _natural("DateOfBirth", must=True),
    _natural("BirthName", latin=True),
    _natural("PlaceOfBirth"),
    _natural("CurrentAddress"),
    _natural("Gender"),
    _natural("Nationality"),
    _natural("CountryOfBirth"),
    _natural("TownOfBirth"),
    _natural("CountryOfResidence"),
    _natural("PhoneNumber"),
    _natural("EmailAddress"),
)

LEGAL_PERSON: Final = (
    _legal("LegalPersonIdentifier", must=True),
    _legal("LegalName", must=True, latin=True),
    _legal("LegalAddress", "LegalPersonAddress"),
    _legal("VATRegistration", "VATRegistrationNumber"),
    _legal("TaxReference"),
    _legal("D-2012-17-EUIdentifier"),
    _legal("LEI"),
    _legal("EORI"),
    _legal("SEED"),
    _legal("SIC"),
    _legal("LegalPhoneNumber"),
    _legal("LegalEmailAddress"),
)

ALL: Final = NATURAL_PERSON + LEGAL_PERSON
BY_URI: Final = {a.uri: a for a in ALL}
BY_FRIENDLY: Final = {a.friendly: a for a in ALL}
REPRESENTATIVE_URIS: Final = frozenset(a.representative_uri for a in ALL)
COMMON_SINCE_1_3: Final = frozenset(
    ("Nationality", "CountryOfBirth", "TownOfBirth", "CountryOfResidence", "PhoneNumber",
     "EmailAddress", "LegalPhoneNumber", "LegalEmailAddress")
)  # fmt: skip
"""Attributes that sets 1.1 and 1.2 do not know."""
