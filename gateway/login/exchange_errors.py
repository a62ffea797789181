"""Catalogue entries of the exchange with a peer (30), and which of them a connector's exception is.

Accounts (31) and the Online-Ausweis (32) have words of their own.
"""

from __future__ import annotations

from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    InvalidAnswer,
    LevelNotReached,
    LevelTooLow,
    PeerRefused,
    PeerUnavailable,
    RepresentationRefused,
    RequestNotPossible,
)
from gateway.errors import CATALOGUE, CatalogueEntry, GatewayError

EXCHANGE_NOT_POSSIBLE = CATALOGUE.add(
    "eidas.request_not_possible",
    "3001",
    "unmet_authentication_requirements",
    400,
    hint="eidas.request_not_possible: the peer cannot serve this request",
    documentation="The request could not be built for this peer (level, kind of person, binding). Nothing left.",
)
EXCHANGE_PEER_UNAVAILABLE = CATALOGUE.add(
    "eidas.peer_unavailable",
    "3002",
    "temporarily_unavailable",
    503,
    hint="eidas.peer_unavailable: the peer is not available at the moment",
    documentation="The peer reports a disturbance, or its metadata or anchor became invalid meanwhile.",
)
EXCHANGE_CANCELLED = CATALOGUE.add(
    "eidas.cancelled",
    "3003",
    "access_denied",
    400,
    hint="eidas.cancelled: the person cancelled at the identity provider",
    documentation="The peer answered that the citizen cancelled. No data were transmitted.",
)
EXCHANGE_AUTHENTICATION_FAILED = CATALOGUE.add(
    "eidas.authentication_failed",
    "3004",
    "access_denied",
    400,
    hint="eidas.authentication_failed: the identity provider could not authenticate the person",
    documentation="The peer answered AuthnFailed. The citizen's eID did not work there.",
)
EXCHANGE_PEER_REFUSED = CATALOGUE.add(
    "eidas.peer_refused",
    "3005",
    "server_error",
    502,
    hint="eidas.peer_refused: the peer refuses requests of this gateway",
    documentation="A matter between operators: the peer does not accept our request. The log has its status code.",
)
EXCHANGE_LEVEL_TOO_LOW = CATALOGUE.add(
    "eidas.level_too_low",
    "3006",
    "unmet_authentication_requirements",
    400,
    hint="eidas.level_too_low: the level of assurance reached is below the one requested",
    documentation="The answer is genuine, but its level does not satisfy the request or the registration.",
)
EXCHANGE_LEVEL_NOT_REACHED = CATALOGUE.add(
    "eidas.level_not_reached",
    "3010",
    "unmet_authentication_requirements",
    400,
    hint="eidas.level_not_reached: the identity provider reports that the level cannot be reached",
    documentation="The peer answered NoAuthnContext: the citizen's means is below the level that was asked.",
)
EXCHANGE_ATTRIBUTE_MISSING = CATALOGUE.add(
    "eidas.attribute_missing",
    "3007",
    "access_denied",
    400,
    hint="eidas.attribute_missing: the identity provider did not deliver a required attribute",
    documentation="The answer is genuine, but an attribute is missing without which the service cannot work.",
)
EXCHANGE_REPRESENTATION = CATALOGUE.add(
    "eidas.representation",
    "3008",
    "access_denied",
    400,
    hint="eidas.representation: the service does not allow, or demands, that somebody acts for another",
    documentation="Compare the client's representation policy with what the country sent.",
)
EXCHANGE_INVALID_ANSWER = CATALOGUE.add(
    "eidas.invalid_answer",
    "3009",
    "server_error",
    400,
    hint="eidas.invalid_answer: the answer of the identity provider could not be accepted",
    documentation=(
        "The answer must not be believed. The audit entry names the reason; outside, all reasons look "
        "the same on purpose (security.md A.11)."
    ),
)

_EXCHANGE: dict[type[ConnectorError], CatalogueEntry] = {
    RequestNotPossible: EXCHANGE_NOT_POSSIBLE,
    PeerUnavailable: EXCHANGE_PEER_UNAVAILABLE,
    Cancelled: EXCHANGE_CANCELLED,
    AuthenticationFailed: EXCHANGE_AUTHENTICATION_FAILED,
    PeerRefused: EXCHANGE_PEER_REFUSED,
    LevelNotReached: EXCHANGE_LEVEL_NOT_REACHED,
    AttributeMissing: EXCHANGE_ATTRIBUTE_MISSING,
    RepresentationRefused: EXCHANGE_REPRESENTATION,
    InvalidAnswer: EXCHANGE_INVALID_ANSWER,
}


def from_connector(error: ConnectorError) -> GatewayError:
    """The catalogue's view of what a connector raised; anything unknown must not be believed."""
    if isinstance(error, LevelTooLow):
        return EXCHANGE_LEVEL_TOO_LOW(cause=error, achieved=error.achieved.word, required=error.required.word)
    return _EXCHANGE.get(type(error), EXCHANGE_INVALID_ANSWER)(cause=error)
