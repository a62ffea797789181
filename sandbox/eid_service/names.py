"""Names of the eID-Interface, as the eID service writes them (TR-03130-1 §3)."""

from __future__ import annotations

EID = "http://bsi.bund.de/eID/"
DSS = "urn:oasis:names:tc:dss:1.0:core:schema"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"

MAJOR = "http://www.bsi.bund.de/ecard/api/1.1/resultmajor"
MINOR = "http://www.bsi.bund.de/eid/server/2.0/resultminor"

INTERNAL_ERROR = MINOR + "/common#internalError"
SCHEMA_VIOLATION = MINOR + "/common#schemaViolation"
INVALID_PSK = MINOR + "/useID#invalidPSK"
TOO_MANY_SESSIONS = MINOR + "/useID#tooManyOpenSessions"
MISSING_ARGUMENT = MINOR + "/useID#missingArgument"
MISSING_RIGHTS = MINOR + "/useID#missingTerminalRights"
NO_RESULT_YET = MINOR + "/getResult#noResultYet"
INVALID_SESSION = MINOR + "/getResult#invalidSession"
INVALID_COUNTER = MINOR + "/getResult#invalidCounter"

SELECTORS = (
    "DocumentType", "IssuingState", "DateOfExpiry", "GivenNames", "FamilyNames", "ArtisticName",
    "AcademicTitle", "DateOfBirth", "PlaceOfBirth", "Nationality", "BirthName", "PlaceOfResidence",
    "CommunityID", "ResidencePermitI", "RestrictedID", "AgeVerification", "PlaceVerification",
)  # fmt: skip
EID_TYPES = ("CardCertified", "SECertified", "SEEndorsed", "HWKeyStore")


def eid(name: str) -> str:
    return f"{{{EID}}}{name}"


class Refused(Exception):
    """The request gets an error as its answer; ``minor`` is the ResultMinor."""

    def __init__(self, minor: str) -> None:
        super().__init__(minor)
        self.minor = minor
