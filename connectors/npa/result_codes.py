"""Result codes of eID-Server and eID-Client, and what each means to a login (TR-03130-1 §3.4.3, TR-03112-1).

Whichever way the eID-Server is reached, it names a failure by one of these URIs. Some are about the
citizen or the card, some are between operators, some pass: the gateway tells them apart by the
``ConnectorError`` and keeps ``reason`` for the log.

>>> type(failure(ECARD_MINOR + "/sal#cancellationByUser")).__name__
'Cancelled'
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.errors import AuthenticationFailed, Cancelled, ConnectorError, PeerRefused, PeerUnavailable

MAJOR = "http://www.bsi.bund.de/ecard/api/1.1/resultmajor"
MAJOR_OK = MAJOR + "#ok"
MAJOR_WARNING = MAJOR + "#warning"
MAJOR_ERROR = MAJOR + "#error"
SERVER_MINOR = "http://www.bsi.bund.de/eid/server/2.0/resultminor"
ECARD_MINOR = "http://www.bsi.bund.de/ecard/api/1.1/resultminor"
NO_RESULT_YET = SERVER_MINOR + "/getResult#noResultYet"

_SERVER: Mapping[str, tuple[type[ConnectorError], str]] = {
    "/common#internalError": (PeerUnavailable, "eid.internal-error"),
    "/common#schemaViolation": (PeerRefused, "eid.schema-violation"),
    "/useID#invalidPSK": (PeerRefused, "eid.invalid-psk"),
    "/useID#tooManyOpenSessions": (PeerUnavailable, "eid.too-many-sessions"),
    "/useID#missingArgument": (PeerRefused, "eid.missing-argument"),
    "/useID#missingTerminalRights": (PeerRefused, "eid.missing-terminal-rights"),
    "/getResult#noResultYet": (AuthenticationFailed, "eid.no-result"),
    "/getResult#invalidSession": (AuthenticationFailed, "eid.session-lost"),
    "/getResult#invalidCounter": (AuthenticationFailed, "eid.session-lost"),
    "/getResult#deniedDocument": (AuthenticationFailed, "eid.denied-document"),
    "/getResult#invalidDocument": (AuthenticationFailed, "eid.invalid-document"),
}

_ECARD: Mapping[str, tuple[type[ConnectorError], str]] = {
    "/sal#cancellationByUser": (Cancelled, "eid.cancelled"),
    "/ifdl#cancellationByUser": (Cancelled, "eid.cancelled"),
    "/ifdl/common#timeoutError": (AuthenticationFailed, "eid.client-timeout"),
    "/dp#timeout": (AuthenticationFailed, "eid.client-timeout"),
    "/ifdl/terminal#noCard": (AuthenticationFailed, "eid.no-card"),
    "/ifdl/terminal#unknownSlot": (AuthenticationFailed, "eid.no-card"),
    "/ifdl/common#invalidSlotHandle": (AuthenticationFailed, "eid.no-card"),
    "/sal/mEAC#DocumentValidityVerificationFailed": (AuthenticationFailed, "eid.invalid-document"),
    "/al/common#communicationError": (AuthenticationFailed, "eid.communication"),
    "/dp#communicationError": (AuthenticationFailed, "eid.communication"),
    "/dp#nodeNotReachable": (AuthenticationFailed, "eid.communication"),
    "/dp#trustedChannelEstablishmentFailed": (AuthenticationFailed, "eid.channel"),
    "/al/common#warningConnectionDisconnected": (AuthenticationFailed, "eid.card-removed"),
    "/al/common#SessionTerminatedWarning": (AuthenticationFailed, "eid.card-removed"),
}
"""What citizens and support can act on; every other eCard minor is a failure of client or card."""


def failure(minor: str | None) -> ConnectorError:
    """The error a ResultMinor stands for. The foreign text itself goes nowhere."""
    known: tuple[type[ConnectorError], str] | None = None
    if minor is None:
        known = PeerRefused, "eid.unnamed-error"
    elif minor.startswith(SERVER_MINOR):
        known = _SERVER.get(minor.removeprefix(SERVER_MINOR), (PeerRefused, "eid.unknown-code"))
    elif minor.startswith(ECARD_MINOR):
        known = _ECARD.get(minor.removeprefix(ECARD_MINOR), (AuthenticationFailed, "eid.client-error"))
    kind, reason = known or (PeerRefused, "eid.unknown-code")
    return kind(reason)
