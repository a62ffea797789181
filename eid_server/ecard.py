"""Names of the eCard-API that the PAOS exchange uses (TR-03112-7 with its 2021 amendment).

>>> "{" + ISO + "}StartPAOS"
'{urn:iso:std:iso-iec:24727:tech:schema}StartPAOS'
"""

from __future__ import annotations

import re

from eid_server.errors import ECARD_MINOR

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
PAOS = "urn:liberty:paos:2006-08"
WSA = "http://www.w3.org/2005/03/addressing"
"""As the eCard-API writes it; not the addressing namespace that became the standard."""
SB = "urn:liberty:sb:2003-08"
"""Older header style: one ``Correlation`` instead of MessageID and RelatesTo."""
SB_AS_WRITTEN = f"http://{SB}"
"""How programs in the field write it, which is no URI at all."""
ISO = "urn:iso:std:iso-iec:24727:tech:schema"
ECARD = "http://www.bsi.bund.de/ecard/api/1.1"
DSS = "urn:oasis:names:tc:dss:1.0:core:schema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

PROFILE = ECARD
GET_NEXT_COMMAND = "http://www.bsi.bund.de/ecard/api/1.1/PAOS/GetNextCommand"
ROLE_PAOS = "http://www.projectliberty.org/2006/01/role/paos"
ROLE_REPLY = "http://www.projectliberty.org/2006/02/role/paos"
ACTOR_NEXT = "http://schemas.xmlsoap.org/soap/actor/next"

MAJOR_OK = f"{ECARD}/resultmajor#ok"
MAJOR_WARNING = f"{ECARD}/resultmajor#warning"
MAJOR_ERROR = f"{ECARD}/resultmajor#error"

MINOR = ECARD_MINOR
MINOR_INTERNAL_ERROR = f"{MINOR}/al/common#internalError"
MINOR_PARAMETER_ERROR = f"{MINOR}/al/common#parameterError"
MINOR_UNKNOWN_ERROR = f"{MINOR}/al/common#unknownError"
MINOR_UNKNOWN_CHANNEL = f"{MINOR}/dp#unknownChannelHandle"
MINOR_CANCELLATION_BY_USER = f"{MINOR}/sal#cancellationByUser"
MINOR_SECURITY_CONDITION = f"{MINOR}/sal#securityConditionNotSatisfied"
MINOR_DOCUMENT_VALIDITY = f"{MINOR}/sal/mEAC#DocumentValidityVerificationFailed"

EAC_PROTOCOL = "urn:oid:1.3.162.15480.3.0.14"
"""Extended Access Control; clients also write the arc ``.2`` below it."""

_MINOR = re.compile(re.escape(MINOR) + r"(/[A-Za-z]{1,20}){1,3}#[A-Za-z]{1,60}")


def known_minor(text: str | None) -> str:
    """A client's ResultMinor if it has an eCard minor's shape, else ``al/common#unknownError``.

    Whatever a client writes there ends up in answers and logs; only the shape lets it through.

    >>> known_minor(MINOR_CANCELLATION_BY_USER).rpartition("/")[2]
    'sal#cancellationByUser'
    >>> known_minor("<script>").rpartition("/")[2]
    'common#unknownError'
    """
    return text if text is not None and _MINOR.fullmatch(text) else MINOR_UNKNOWN_ERROR
