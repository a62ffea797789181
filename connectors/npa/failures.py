"""Result minors of eID-Server and eID-Client, as errors of the gateway (npa.md §1.6, §3.3, §4.6).

Every reason word is listed in ``docs/online-ausweis.md``; the citizen's text follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    InvalidAnswer,
    PeerRefused,
    PeerUnavailable,
)

SERVER_MINOR = "http://www.bsi.bund.de/eid/server/2.0/resultminor"
ECARD_MINOR = "http://www.bsi.bund.de/ecard/api/1.1/resultminor"
NO_RESULT = "npa.no-result"
SESSION_LOST = "npa.session-lost"

_CLIENT_ERROR = (AuthenticationFailed, "npa.client-error")
_CHANNEL = (AuthenticationFailed, "npa.channel")
_CARD_LOST = (AuthenticationFailed, "npa.card-lost")
_TIMEOUT = (AuthenticationFailed, "npa.timeout")
_CANCELLED = (Cancelled, "npa.cancelled")
_DOCUMENT_INVALID = (AuthenticationFailed, "npa.document-invalid")

_MINORS: Mapping[str, tuple[type[ConnectorError], str]] = {
    f"{SERVER_MINOR}/common#internalError": (PeerUnavailable, "npa.service.internal"),
    f"{SERVER_MINOR}/common#schemaViolation": (PeerRefused, "npa.service.schema-violation"),
    f"{SERVER_MINOR}/useID#invalidPSK": (PeerRefused, "npa.service.psk"),
    f"{SERVER_MINOR}/useID#tooManyOpenSessions": (PeerUnavailable, "npa.service.busy"),
    f"{SERVER_MINOR}/useID#missingArgument": (PeerRefused, "npa.service.missing-argument"),
    f"{SERVER_MINOR}/useID#missingTerminalRights": (PeerRefused, "npa.service.rights"),
    f"{SERVER_MINOR}/getResult#noResultYet": (AuthenticationFailed, NO_RESULT),
    f"{SERVER_MINOR}/getResult#invalidSession": (AuthenticationFailed, SESSION_LOST),
    f"{SERVER_MINOR}/getResult#invalidCounter": (AuthenticationFailed, SESSION_LOST),
    f"{SERVER_MINOR}/getResult#deniedDocument": (AuthenticationFailed, "npa.document-denied"),
    f"{SERVER_MINOR}/getResult#invalidDocument": _DOCUMENT_INVALID,
    f"{ECARD_MINOR}/sal#cancellationByUser": _CANCELLED,
    f"{ECARD_MINOR}/ifdl#cancellationByUser": _CANCELLED,
    f"{ECARD_MINOR}/al/common#SessionTerminatedWarning": _CLIENT_ERROR,
    f"{ECARD_MINOR}/al/common#warningConnectionDisconnected": _CHANNEL,
    f"{ECARD_MINOR}/al/common#communicationError": _CHANNEL,
    f"{ECARD_MINOR}/dp#timeout": _TIMEOUT,
    f"{ECARD_MINOR}/dp#communicationError": _CHANNEL,
    f"{ECARD_MINOR}/dp#nodeNotReachable": _CHANNEL,
    f"{ECARD_MINOR}/dp#trustedChannelEstablishmentFailed": _CHANNEL,
    f"{ECARD_MINOR}/dp#unknownChannelHandle": _CHANNEL,
    f"{ECARD_MINOR}/ifdl/common#timeoutError": _TIMEOUT,
    f"{ECARD_MINOR}/ifdl/common#invalidSlotHandle": _CARD_LOST,
    f"{ECARD_MINOR}/ifdl/terminal#unknownSlot": _CARD_LOST,
    f"{ECARD_MINOR}/ifdl/terminal#IFDSharingViolation": _CARD_LOST,
    f"{ECARD_MINOR}/ifdl/terminal#noCard": _CARD_LOST,
    f"{ECARD_MINOR}/il/signature#invalidCertificatePath": (PeerRefused, "npa.certificate-path"),
    # a right that is required was unticked (TR-03112-7 §3.6.4.2)
    f"{ECARD_MINOR}/sal#securityConditionNotSatisfied": (AttributeMissing, "npa.attribute.refused"),
    f"{ECARD_MINOR}/sal/mEAC#DocumentValidityVerificationFailed": _DOCUMENT_INVALID,
}
_HINTS: Mapping[str, tuple[type[ConnectorError], str]] = {
    "trustedChannelEstablishmentFailed": _CHANNEL,
    "cancellationByUser": _CANCELLED,
    "serverError": (PeerUnavailable, "npa.server-error"),
    "clientError": _CLIENT_ERROR,
    "communicationError": (AuthenticationFailed, "npa.communication"),
}
"""What an eID-Client appends to the refresh address (TR-03124-1): for the text only."""


def of_minor(minor: str) -> ConnectorError:
    """The error for a ResultMinor of an eID-Server; one that is not known is the client's technical error."""
    kind, reason = _MINORS.get(minor, _CLIENT_ERROR)
    return kind(reason)


def is_minor(minor: str) -> bool:
    """Whether ``minor`` is one of those that npa.md lists with an outcome of its own."""
    return minor in _MINORS


def of_query(query: bytes) -> ConnectorError | None:
    """What the client says went wrong; None says nothing at all, least of all that it went well."""
    words = dict(_pairs(query))
    if words.get("ResultMajor", "").rpartition("#")[2] != "error":
        return None
    kind, reason = _HINTS.get(words.get("ResultMinor", "").rpartition("#")[2], _CLIENT_ERROR)
    return kind(reason)


def relay_state(query: bytes) -> str:
    """The one ``RelayState`` of a refresh; raises InvalidAnswer."""
    found = [value for name, value in _pairs(query) if name == "RelayState"]
    if len(found) != 1:
        raise InvalidAnswer("npa.relay-state")
    return found[0]


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError as error:  # a UnicodeDecodeError is one
        raise InvalidAnswer("npa.query") from error
