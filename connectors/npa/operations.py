"""The selectors of the eID-Interface (TR-03130-1 §3.4.1): what may be read from a card or asked of it."""

from __future__ import annotations

from enum import StrEnum


class Operation(StrEnum):
    """In the order of the schema; the values are the element names."""

    DOCUMENT_TYPE = "DocumentType"
    ISSUING_STATE = "IssuingState"
    DATE_OF_EXPIRY = "DateOfExpiry"
    GIVEN_NAMES = "GivenNames"
    FAMILY_NAMES = "FamilyNames"
    ARTISTIC_NAME = "ArtisticName"
    ACADEMIC_TITLE = "AcademicTitle"
    DATE_OF_BIRTH = "DateOfBirth"
    PLACE_OF_BIRTH = "PlaceOfBirth"
    NATIONALITY = "Nationality"
    BIRTH_NAME = "BirthName"
    PLACE_OF_RESIDENCE = "PlaceOfResidence"
    COMMUNITY_ID = "CommunityID"
    RESIDENCE_PERMIT_I = "ResidencePermitI"
    RESTRICTED_ID = "RestrictedID"
    AGE_VERIFICATION = "AgeVerification"
    PLACE_VERIFICATION = "PlaceVerification"


class EIDType(StrEnum):
    """Carrier of the eID function (TR-03130-1 §3.4.2, amendment "eIDType Signalling")."""

    CARD_CERTIFIED = "CardCertified"
    SE_CERTIFIED = "SECertified"
    SE_ENDORSED = "SEEndorsed"
    HW_KEY_STORE = "HWKeyStore"
