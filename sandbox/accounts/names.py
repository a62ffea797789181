"""Names of the AKDB interface (10.2.0.0), of the Dataport Servicekonto and of MUK (NEZO), written
down here a second time on purpose: the sandbox shares no constant with the product."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

AKDB: Final = "https://www.akdb.de/request/2018/09"
CLASSIC_UI: Final = "https://www.akdb.de/request/2018/09/classic-ui/v1"
EKONA: Final = "http://www.elster.de/schema/ekona/saml/extensions"
OSI: Final = "urn:sandbox:dataport:osi"
"""The real namespace is not known (bundid.md §2.2): receivers must match on local names."""
XSD: Final = "http://www.w3.org/2001/XMLSchema"
MDUI: Final = "urn:oasis:names:tc:SAML:metadata:ui"

NAME_FORMAT_BASIC: Final = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"

STORK: Final = tuple(f"STORK-QAA-Level-{level}" for level in (1, 2, 3, 4))
LOA: Final = tuple(f"http://eidas.europa.eu/LoA/{word}" for word in ("low", "substantial", "high"))
TRUST_LEVELS: Final = ("UNTERGEORDNET", "NORMAL", "SUBSTANTIELL", "HOCH")
"""Values of ``akdb:TrustLevel`` for STORK 1 to 4."""

DOCUMENTED_METHODS: Final = ("Diia", "Authega", "Benutzername", "FINK", "eIDAS", "Elster", "eID")
"""Element names of IF 9.1."""

OIDS: Final = MappingProxyType(
    {
        # IF 6.1
        "givenName": "urn:oid:2.5.4.42",
        "surname": "urn:oid:2.5.4.4",
        "mail": "urn:oid:0.9.2342.19200300.100.1.3",
        "postalAddress": "urn:oid:2.5.4.16",
        "postalCode": "urn:oid:2.5.4.17",
        "localityName": "urn:oid:2.5.4.7",
        "country": "urn:oid:1.2.40.0.10.2.1.1.225599",
        "personalTitle": "urn:oid:0.9.2342.19200300.100.1.40",
        "gender": "urn:oid:1.3.6.1.4.1.33592.1.3.5",
        "birthdate": "urn:oid:1.2.40.0.10.2.1.1.55",
        "placeOfBirth": "urn:oid:1.3.6.1.5.5.7.9.2",
        "birthName": "urn:oid:1.2.40.0.10.2.1.1.225566",
        "nationality": "urn:oid:1.2.40.0.10.2.1.1.225577",
        "documentType": "urn:oid:1.2.40.0.10.2.1.1.552255",
        "DeMail": "urn:oid:1.3.6.1.4.1.55605.70737875.1.1.1.7.1",
        "telephoneNumber": "urn:oid:2.5.4.20",
        "eIDAS-Issuing-Country": "urn:oid:1.3.6.1.4.1.25484.494450.10.1",
        "communityId": "urn:oid:1.3.6.1.4.1.25484.494450.5",
        # IF 6.2
        "bPK2": "urn:oid:1.3.6.1.4.1.25484.494450.3",
        "EID-CITIZEN-QAA-LEVEL": "urn:oid:1.2.40.0.10.2.1.1.261.94",
        "Version": "urn:oid:1.3.6.1.4.1.25484.494450.1",
        "AssertionProvedBy": "urn:oid:1.3.6.1.4.1.25484.494450.2",
        "legacyPostkorbHandle": "urn:oid:2.5.4.18",
        "applicationId": "urn:oid:1.3.6.1.4.1.25484.494450.4",
        "pseudonym": "urn:oid:1.2.40.0.10.2.1.1.226699",
        "mfa": "urn:oid:1.3.6.1.4.1.25484.494450.7",
    }
)
"""FriendlyName to Name. Without bPK and issuingState, which are no longer delivered."""

FRIENDLY: Final = MappingProxyType({oid: friendly for friendly, oid in OIDS.items()})
