"""The attributes of eSAML (TR-03130-1 §5.2, tables 19 to 22; eidas.md §11.2), and what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from connectors.assurance import Assurance, LevelOfAssurance
from connectors.contract import AuthenticationRequest
from connectors.eidas import levels
from connectors.errors import RequestNotPossible
from connectors.identity import PersonKind
from connectors.saml.tr03130.extension import Requested

IDENTIFIER = "identifier"
NATURAL: Mapping[str, str] = {
    "GivenNames": "given_name",
    "FamilyNames": "family_name",
    "DateOfBirth": "date_of_birth",
    "PlaceOfBirth": "place_of_birth",
    "BirthName": "birth_family_name",
    "PlaceOfResidence": "address",
    "RestrictedID": IDENTIFIER,
    "Sex": "gender",
}
"""Attribute to field of ``NaturalPerson``, in the order of the schema. Nationality, titles and documents
of other states never come this way: they are always "not on chip"."""
LEGAL: Mapping[str, str] = {
    "LegalName": "legal_name",
    "LegalPersonIdentifier": IDENTIFIER,
    "LegalAddress": "legal_address",
    "VATRegistration": "vat_registration",
    "TaxReference": "tax_reference",
    "BusinessCodes": "eu_identifier",
    "LEI": "lei",
    "EORI": "eori",
    "SEED": "seed",
    "SIC": "sic",
}
MINIMUM = frozenset({"GivenNames", "FamilyNames", "DateOfBirth", "RestrictedID"})
LEGAL_MINIMUM = frozenset({"LegalName", "LegalPersonIdentifier"})


class IdentityFlavour(StrEnum):
    """Who is to be identified."""

    NATURAL_PERSON = "NaturalPerson"
    LEGAL_PERSON = "LegalPerson"
    LEGAL_PERSON_REPRESENTATIVE = "LegalPersonRepresentative"
    """A company, and the natural person who acts for it."""


def flavour(person: PersonKind, *, accept_representation: bool) -> IdentityFlavour:
    if person is PersonKind.NATURAL:
        return IdentityFlavour.NATURAL_PERSON
    return (
        IdentityFlavour.LEGAL_PERSON_REPRESENTATIVE if accept_representation else IdentityFlavour.LEGAL_PERSON
    )


def table(person: PersonKind) -> tuple[Mapping[str, str], frozenset[str]]:
    """Attributes of a kind of person, and its minimum data set."""
    return (NATURAL, MINIMUM) if person is PersonKind.NATURAL else (LEGAL, LEGAL_MINIMUM)


def select(request: AuthenticationRequest, person: PersonKind) -> dict[str, bool]:
    """Attribute to whether it is required: the minimum data set, and what the service wants beyond it.

    Raises RequestNotPossible ``eidas.attribute-not-offered``.
    """
    attributes, minimum = table(person)
    unknown = request.required - set(attributes.values())
    if unknown:
        raise RequestNotPossible("eidas.attribute-not-offered", ", ".join(sorted(unknown)))
    wanted = request.required | request.optional
    return {
        name: name in minimum or field in request.required
        for name, field in attributes.items()
        if name in minimum or field in wanted
    }


def requested(
    asked: Mapping[str, bool], kind: IdentityFlavour, *, minimum: LevelOfAssurance, member_state: str
) -> tuple[Requested, ...]:
    """The attributes of the request extension."""
    lowest = max(minimum, LevelOfAssurance.LOW)
    acting = () if kind is not IdentityFlavour.LEGAL_PERSON_REPRESENTATIVE else sorted(MINIMUM)
    return (
        *(Requested(name=name, required=required) for name, required in asked.items()),
        *(Requested(name=name, required=False) for name in acting),
        Requested(name="DocumentValidity"),
        Requested(name="UseEidas", type="xs:boolean", text="true"),
        Requested(
            name="EidasExtension",
            type="eid:EidasExtensionType",
            parts=[
                ("LevelOfAssurance", levels.uri(Assurance(level=lowest))),
                ("SendingMemberState", member_state),
            ],
        ),
        Requested(name="IdentityFlavour", type="eid:IdentityFlavourType", text=kind),
    )
