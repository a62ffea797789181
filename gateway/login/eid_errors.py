"""Catalogue entries of the exchange with an eID-Client (32): the Online-Ausweis with the AusweisApp.

What the client appends to the refresh address (TR-03124-1) chooses the citizen's text and nothing else.
"""

from __future__ import annotations

from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    LevelNotReached,
    LevelTooLow,
    PeerRefused,
    PeerUnavailable,
    RequestNotPossible,
)
from gateway.errors import CATALOGUE, CatalogueEntry, GatewayError

EID_NOT_POSSIBLE = CATALOGUE.add(
    "eid.request_not_possible",
    "3201",
    "unmet_authentication_requirements",
    400,
    hint="eid.request_not_possible: the online ID card cannot serve this request",
    documentation=(
        "The service requires something that no card holds or that the authorisation certificate does not allow. "
        "The log names it. Remedy: fewer required attributes, or a wider certificate and its rights in the connector."
    ),
)
EID_UNAVAILABLE = CATALOGUE.add(
    "eid.unavailable",
    "3202",
    "temporarily_unavailable",
    503,
    hint="eid.unavailable: the eID service is not available at the moment",
    documentation=(
        "The eID service cannot be reached, reports a disturbance or too many open sessions. Look at the health "
        "page and at the service's own status."
    ),
)
EID_CANCELLED = CATALOGUE.add(
    "eid.cancelled",
    "3203",
    "access_denied",
    400,
    hint="eid.cancelled: the person cancelled in the AusweisApp",
    documentation="cancellationByUser. No data were transmitted.",
)
EID_FAILED = CATALOGUE.add(
    "eid.failed",
    "3204",
    "access_denied",
    400,
    hint="eid.failed: the identification with the online ID card did not succeed",
    documentation=(
        "The eID-Client reports clientError, a time-out, or the eID service has no result. Often: card moved, "
        "reader unplugged, PIN entered wrongly. If it hits everybody: certificate description, origin and TLS "
        "certificate do not belong together (TR-03124-1); compare subject_url and issuer."
    ),
)
EID_REFUSED = CATALOGUE.add(
    "eid.refused",
    "3205",
    "server_error",
    502,
    hint="eid.refused: the eID service refuses requests of this gateway",
    documentation=(
        "A matter between operators: rights, schema, certificate path or keys. The audit entry has the reason word."
    ),
)
EID_LEVEL_TOO_LOW = CATALOGUE.add(
    "eid.level_too_low",
    "3206",
    "unmet_authentication_requirements",
    400,
    hint="eid.level_too_low: the level of assurance reached is below the one requested",
    documentation="The carrier used (for instance a phone) has a level below the request or the registration.",
)
EID_LEVEL_NOT_REACHED = CATALOGUE.add(
    "eid.level_not_reached",
    "3207",
    "unmet_authentication_requirements",
    400,
    hint="eid.level_not_reached: the carrier of the eID is not accepted at the requested level",
    documentation="The eID service states no level, or the carrier is denied. See eid_types and unstated_level.",
)
EID_ATTRIBUTE_MISSING = CATALOGUE.add(
    "eid.attribute_missing",
    "3208",
    "access_denied",
    400,
    hint="eid.attribute_missing: the card does not hold a required attribute",
    documentation=(
        "A required group is not on the chip. eID cards for Union citizens have no address and often no birth name: "
        "require as little as possible."
    ),
)
EID_INVALID_ANSWER = CATALOGUE.add(
    "eid.invalid_answer",
    "3209",
    "server_error",
    400,
    hint="eid.invalid_answer: the answer of the eID service could not be accepted",
    documentation=(
        "The answer must not be believed. The audit entry names the reason; outside, all reasons look the same "
        "on purpose (security.md A.11)."
    ),
)
EID_NOT_STARTED = CATALOGUE.add(
    "eid.not_started",
    "3210",
    "access_denied",
    400,
    hint="eid.not_started: the browser came back although no eID-Client had asked",
    documentation=(
        "The refresh address was opened, but no eID-Client had fetched the TC token of this login. Nothing was read "
        "from a card. Somebody played with the address, or a program opened it ahead of time."
    ),
)
EID_CONNECTION = CATALOGUE.add(
    "eid.connection",
    "3211",
    "access_denied",
    400,
    hint="eid.connection: the AusweisApp had no safe connection to the eID service",
    documentation=(
        "trustedChannelEstablishmentFailed or communicationError. Single cases: the citizen's network. If it hits "
        "everybody: the TLS certificate is not among commCertificates of the certificate description, or TLS "
        "session resumption does not work between the workers or behind the proxy (TR-03124-1 attached case)."
    ),
)
EID_DOCUMENT_INVALID = CATALOGUE.add(
    "eid.document_invalid",
    "3212",
    "access_denied",
    400,
    hint="eid.document_invalid: the card is expired, blocked or not genuine",
    documentation=(
        "invalidDocument: expired, on the block list, or passive authentication failed. The eID service does not "
        "say which. The citizen asks the office that issued the card."
    ),
)
EID_DOCUMENT_DENIED = CATALOGUE.add(
    "eid.document_denied",
    "3213",
    "access_denied",
    400,
    hint="eid.document_denied: this kind of eID is not accepted by the service",
    documentation="deniedDocument: the carrier is excluded by eid_types or by the level, or it is a phone's, "
    "which is not notified. A card of plastic works.",
)
EID_CARD_LOST = CATALOGUE.add(
    "eid.card_lost",
    "3214",
    "access_denied",
    400,
    hint="eid.card_lost: the connection to the card was lost",
    documentation="The card was moved or the reader unplugged while it was read.",
)
EID_TIMEOUT = CATALOGUE.add(
    "eid.timeout",
    "3215",
    "access_denied",
    400,
    hint="eid.timeout: the AusweisApp or the card took too long",
    documentation="A time-out of the eID-Client or of the eID service.",
)
EID_PHONE_LINK = CATALOGUE.add(
    "eid.phone_link",
    "3216",
    "access_denied",
    410,
    to_client=False,
    hint="The QR code was opened already or is no longer valid",
    documentation=(
        "A QR code works once and for a few minutes. On the device where the login began a new one can be had. "
        "If nobody there had opened it, somebody else has: nothing was transmitted, and without the code that the "
        "phone shows nothing can be."
    ),
)
EID_OTHER_BROWSER = CATALOGUE.add(
    "eid.other_browser",
    "3217",
    "access_denied",
    403,
    to_client=False,
    hint="The eID-Client came back in a browser that did not begin this login",
    documentation=(
        "The refresh address was opened in a browser without the cookie of this login. Harmless: an AusweisApp on a "
        "phone opens the default browser, and the citizen had begun in another. Or somebody sent the citizen a link "
        "of a login of their own (session fixation). Nothing was consumed and nobody is logged in."
    ),
)
EID_ATTRIBUTE_REFUSED = CATALOGUE.add(
    "eid.attribute_refused",
    "3218",
    "access_denied",
    400,
    hint="eid.attribute_refused: the person deselected a required attribute in the AusweisApp",
    documentation="The eID-Server reports PROHIBITED for a required group. No data were transmitted.",
)
EID_SESSION_LOST = CATALOGUE.add(
    "eid.session_lost",
    "3219",
    "access_denied",
    400,
    hint="eid.session_lost: the eID service no longer knows the session",
    documentation="Too late, or the result was fetched before (invalidSession). The citizen begins again.",
)
EID_NO_RESULT = CATALOGUE.add(
    "eid.no_result",
    "3220",
    "access_denied",
    400,
    hint="eid.no_result: the browser came back before the eID-Client had finished",
    documentation=(
        "The eID service has no result for the session, whatever the address said: results are taken from the "
        "service alone (npa.no-result)."
    ),
)

_BY_REASON: dict[str, CatalogueEntry] = {
    "npa.channel": EID_CONNECTION,
    "npa.communication": EID_CONNECTION,
    "npa.document-invalid": EID_DOCUMENT_INVALID,
    "npa.document-denied": EID_DOCUMENT_DENIED,
    "npa.attribute.refused": EID_ATTRIBUTE_REFUSED,
    "npa.session-lost": EID_SESSION_LOST,
    "npa.no-result": EID_NO_RESULT,
    "npa.card-lost": EID_CARD_LOST,
    "npa.timeout": EID_TIMEOUT,
}
_BY_TYPE: dict[type[ConnectorError], CatalogueEntry] = {
    RequestNotPossible: EID_NOT_POSSIBLE,
    PeerUnavailable: EID_UNAVAILABLE,
    Cancelled: EID_CANCELLED,
    AuthenticationFailed: EID_FAILED,
    LevelNotReached: EID_LEVEL_NOT_REACHED,
    PeerRefused: EID_REFUSED,
    AttributeMissing: EID_ATTRIBUTE_MISSING,
}


def from_eid(error: ConnectorError) -> GatewayError:
    """The catalogue's view of what a connector with an eID-Client raised."""
    if isinstance(error, LevelTooLow):
        return EID_LEVEL_TOO_LOW(cause=error, achieved=error.achieved.word, required=error.required.word)
    entry = _BY_REASON.get(error.reason) or _BY_TYPE.get(type(error), EID_INVALID_ANSWER)
    return entry(cause=error)
