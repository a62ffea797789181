"""Catalogue entries of the journey (20), the choice (21), the exchange (30) and of HTTP itself (50),
and the one function that turns a connector's exception into one of them."""

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
from gateway.client_settings import Client
from gateway.errors import CATALOGUE, CatalogueEntry, GatewayError

# --- 20: the journey ----------------------------------------------------------------------------

JOURNEY_EXPIRED = CATALOGUE.add(
    "journey.expired",
    "2001",
    "access_denied",
    410,
    to_client=False,
    hint="The time for the login is over",
    documentation=(
        "The journey was not finished within [limits] journey_seconds, or it never existed. "
        "The citizen starts again at the service."
    ),
)
JOURNEY_ENDED = CATALOGUE.add(
    "journey.ended",
    "2002",
    "access_denied",
    410,
    to_client=False,
    hint="The login is finished or goes on in another window",
    documentation=(
        "The step was done already: back button, reload, second window, or a second answer for one "
        "request. Exactly one of them counted."
    ),
)
JOURNEY_OTHER_BROWSER = CATALOGUE.add(
    "journey.other_browser",
    "2003",
    "access_denied",
    403,
    to_client=False,
    hint="This browser does not hold the login",
    documentation=(
        "The cookie of the journey is missing or wrong: cookies are blocked, the address was opened in "
        "another browser, or somebody tries to use a foreign login. Nothing was consumed."
    ),
)
JOURNEY_CANCELLED = CATALOGUE.add(
    "journey.cancelled",
    "2004",
    "access_denied",
    400,
    hint="journey.cancelled: the person cancelled before identification was complete",
    documentation="The citizen pressed cancel on a page of the gateway. No data were transmitted.",
)
JOURNEY_REFUSED = CATALOGUE.add(
    "journey.refused",
    "2005",
    "access_denied",
    400,
    hint="journey.refused: the person was identified and did not release the data",
    documentation="The citizen refused on the release page. No data were transmitted.",
)
JOURNEY_FOREIGN_ANSWER = CATALOGUE.add(
    "journey.foreign_answer",
    "2006",
    "access_denied",
    403,
    to_client=False,
    hint="The answer of the identification does not belong to this browser",
    documentation=(
        "An answer arrived without the cookie that was set when the request left (login CSRF, stolen "
        "answer, or the browser drops SameSite=None cookies). Nothing was consumed."
    ),
)
JOURNEY_BAD_FORM = CATALOGUE.add(
    "journey.bad_form",
    "2007",
    "invalid_request",
    400,
    to_client=False,
    hint="The form was not one of the gateway",
    documentation="A field is missing, repeated or unknown. Our own pages never send that.",
)

JOURNEY_TIMED_OUT = CATALOGUE.add(
    "journey.timed_out",
    "2008",
    "access_denied",
    400,
    hint="journey.timed_out: the person came back after the time for the login was over",
    documentation=(
        "The journey ended by its deadline, for instance because the citizen left the account by a way that sends "
        "no answer; later the citizen returned and went back to the service. No data were transmitted."
    ),
)

# --- 21: choice of means and country ----------------------------------------------------------------

CHOICE_NOTHING_AVAILABLE = CATALOGUE.add(
    "choice.nothing_available",
    "2101",
    "unmet_authentication_requirements",
    400,
    hint="choice.nothing_available: no means of identification satisfies this request at the moment",
    documentation=(
        "No country or means reaches the requested level and kind of person, or all that do are down. "
        "Look at the availability in /countries and at the health page."
    ),
)
CHOICE_LEVEL = CATALOGUE.add(
    "choice.level",
    "2102",
    "unmet_authentication_requirements",
    400,
    hint="choice.level: the chosen means cannot reach the requested level of assurance",
    documentation="The country's metadata name no level high enough; the citizen can choose another way.",
)
CHOICE_DOWN = CATALOGUE.add(
    "choice.down",
    "2103",
    "temporarily_unavailable",
    503,
    hint="choice.down: the chosen means is not available at the moment",
    documentation="No valid metadata of the peer, or it is suspended. Health and log name the reason.",
)
CHOICE_PERSON = CATALOGUE.add(
    "choice.person",
    "2104",
    "unmet_authentication_requirements",
    400,
    hint="choice.person: the chosen means does not identify this kind of person",
    documentation="The country's metadata do not offer the natural or legal persons the service needs.",
)
CHOICE_ATTRIBUTES = CATALOGUE.add(
    "choice.attributes",
    "2105",
    "unmet_authentication_requirements",
    400,
    hint="choice.attributes: the chosen means does not deliver what the service requires",
    documentation="The country's metadata do not list an attribute that the client registered as required.",
)
CHOICE_UNKNOWN = CATALOGUE.add(
    "choice.unknown",
    "2106",
    "invalid_request",
    400,
    to_client=False,
    hint="The chosen means or country does not exist for this service",
    documentation="The form named a means or country that is not on the page.",
)

# --- 30: the exchange with a peer -------------------------------------------------------------------

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

# --- 50: HTTP -----------------------------------------------------------------------------------------

HTTP_NOT_FOUND = CATALOGUE.add(
    "http.not_found",
    "5001",
    "invalid_request",
    404,
    to_client=False,
    hint="There is nothing at this address",
    documentation="Unknown path.",
)
HTTP_METHOD = CATALOGUE.add(
    "http.method",
    "5002",
    "invalid_request",
    405,
    to_client=False,
    hint="This address does not accept the method",
    documentation="For instance a GET where only POST is answered.",
)
HTTP_TOO_LARGE = CATALOGUE.add(
    "http.too_large",
    "5003",
    "invalid_request",
    413,
    to_client=False,
    hint="The body is larger than the gateway reads",
    documentation="Limit: [limits] body_bytes, less for most routes. The rest of the body was not read.",
)
HTTP_HOST = CATALOGUE.add(
    "http.host",
    "5004",
    "invalid_request",
    400,
    to_client=False,
    hint="The host name is not that of the issuer",
    documentation="The Host header must be that of [gateway] issuer; check the proxy.",
)
HTTP_RATE = CATALOGUE.add(
    "http.rate",
    "5005",
    "temporarily_unavailable",
    429,
    to_client=False,
    hint="Too many requests from this address; see Retry-After",
    documentation="Limits per minute and address: section [rate].",
)
HTTP_BAD_REQUEST = CATALOGUE.add(
    "http.bad_request",
    "5006",
    "invalid_request",
    400,
    to_client=False,
    hint="The request did not arrive as a whole",
    documentation="The body took longer than 30 seconds to arrive; the gateway waits no longer.",
)
HTTP_MEDIA_TYPE = CATALOGUE.add(
    "http.media_type",
    "5007",
    "invalid_request",
    415,
    to_client=False,
    hint="This address does not accept the content type",
    documentation="For instance a PAOS message that does not call itself application/vnd.paos+xml.",
)


class JourneyGone(GatewayError):
    """There is no journey for this browser; what is left to show is its number and its client."""

    def __init__(
        self, entry: CatalogueEntry, number: str, client: Client | None, *, way_back: bool = False
    ) -> None:
        super().__init__(entry)
        self.number = number
        self.client = client
        self.way_back = way_back
        """The service can still be told (``gateway.login.way_back``)."""


CHOICE_REASONS: dict[str | None, CatalogueEntry] = {
    "level": CHOICE_LEVEL,
    "person": CHOICE_PERSON,
    "attributes": CHOICE_ATTRIBUTES,
    "down": CHOICE_DOWN,
    "service": EXCHANGE_NOT_POSSIBLE,
}
"""``connectors.contract.Option.reason`` to the entry that says so."""

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
