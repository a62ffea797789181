"""Catalogue entries of the journey (20) and of the choice of means and country (21)."""

from __future__ import annotations

from gateway.client_settings import Client
from gateway.errors import CATALOGUE, CatalogueEntry, GatewayError
from gateway.login.exchange_errors import EXCHANGE_NOT_POSSIBLE

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
