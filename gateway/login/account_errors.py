"""Catalogue entries of the exchange with a user account (31): BundID, accounts of the Länder, MUK.

What happens after a signature was verified may have an entry of its own; whatever an attacker could probe
before that is ``account.invalid_answer`` alone (security.md A.11).
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

ACCOUNT_REQUEST = CATALOGUE.add(
    "account.request",
    "3101",
    "server_error",
    500,
    hint="account.request: the account would refuse this request of the service",
    documentation=(
        "The lint found something that the account answers with a page of its own, from which nobody comes "
        "back; so nothing was sent. Run check-config: it names setting and remedy."
    ),
)
ACCOUNT_RETURNED = CATALOGUE.add(
    "account.returned",
    "3102",
    "access_denied",
    400,
    hint="account.returned: the person came back from the account without identifying",
    documentation=(
        'The citizen chose "back" at the account (BackURL), which then sends no answer. Registered with '
        'back_url = "gateway"; no data were transmitted.'
    ),
)
ACCOUNT_CANCELLED = CATALOGUE.add(
    "account.cancelled",
    "3103",
    "access_denied",
    400,
    hint="account.cancelled: the person cancelled at the account",
    documentation="The account answered that the citizen cancelled. No data were transmitted.",
)
ACCOUNT_AUTHENTICATION_FAILED = CATALOGUE.add(
    "account.authentication_failed",
    "3104",
    "access_denied",
    400,
    hint="account.authentication_failed: the account could not authenticate the person",
    documentation="The account answered AuthnFailed or NoAuthnContext. The citizen's means did not work there.",
)
ACCOUNT_LEVEL_TOO_LOW = CATALOGUE.add(
    "account.level_too_low",
    "3105",
    "unmet_authentication_requirements",
    400,
    hint="account.level_too_low: the level of assurance reached is below the one requested",
    documentation=(
        "The answer is genuine, but its level does not satisfy the request or the registration, e.g. a login "
        "with user name and password for a service that requires more."
    ),
)
ACCOUNT_REQUIRED_ATTRIBUTES = CATALOGUE.add(
    "account.required_attributes",
    "3106",
    "access_denied",
    400,
    hint="account.required_attributes: the account does not hold what the service requires",
    documentation=(
        "The account reports IDP_REQUIRED_ATTRIBUTES_MISSING, or a required attribute is missing in its answer. "
        "Many people have no first name, birth name or address: require as little as possible."
    ),
)
ACCOUNT_TRUST_LEVEL = CATALOGUE.add(
    "account.trust_level",
    "3107",
    "server_error",
    502,
    hint="account.trust_level: the account states an unknown level, or one above that of the login",
    documentation=(
        "A TrustLevel of an attribute is no known word, or it is above the level of the login and the connector is "
        'configured with trust_above_login = "refuse". A missing one is no error: that attribute has no level.'
    ),
)
ACCOUNT_ATTRIBUTE_NAME = CATALOGUE.add(
    "account.attribute_name",
    "3108",
    "server_error",
    502,
    hint="account.attribute_name: the account delivered a value under the name of another attribute",
    documentation=(
        "Name and friendly name of an attribute contradict each other. Only the name counts, so what was meant "
        "is unknown. A matter between operators."
    ),
)
ACCOUNT_ATTRIBUTE_TWICE = CATALOGUE.add(
    "account.attribute_twice",
    "3109",
    "server_error",
    502,
    hint="account.attribute_twice: the account delivered two attributes of one name",
    documentation="Which of the two is right, nobody can tell. A matter between operators.",
)
ACCOUNT_TEST = CATALOGUE.add(
    "account.test_account",
    "3110",
    "access_denied",
    403,
    hint="account.test_account: test accounts are not accepted here",
    documentation="The account calls itself a test account (IstTestkonto). Production refuses them.",
)
ACCOUNT_GUEST = CATALOGUE.add(
    "account.guest",
    "3111",
    "access_denied",
    400,
    hint="account.guest: the service needs a permanent account, the person used a temporary login",
    documentation=(
        "Temporary logins have neither identifier nor mailbox. A service that can do without registers "
        "guest = true in its section of the account."
    ),
)
ACCOUNT_PEER_UNAVAILABLE = CATALOGUE.add(
    "account.peer_unavailable",
    "3112",
    "temporarily_unavailable",
    503,
    hint="account.peer_unavailable: the account is not available at the moment",
    documentation="The account reports a disturbance, or its metadata or anchor became invalid meanwhile.",
)
ACCOUNT_PEER_REFUSED = CATALOGUE.add(
    "account.peer_refused",
    "3113",
    "server_error",
    502,
    hint="account.peer_refused: the account refuses requests of this gateway",
    documentation="A matter between operators. The log has the code of the account's status detail.",
)
ACCOUNT_FOREIGN_REQUEST = CATALOGUE.add(
    "account.foreign_request",
    "3114",
    "access_denied",
    400,
    hint="account.foreign_request: the answer belongs to another request",
    documentation=(
        "The answer names a request that this journey did not send: another portal's, an earlier one, or one "
        "forced upon the browser. It was not used."
    ),
)
ACCOUNT_INVALID_ANSWER = CATALOGUE.add(
    "account.invalid_answer",
    "3115",
    "server_error",
    400,
    hint="account.invalid_answer: the answer of the account could not be accepted",
    documentation=(
        "The answer must not be believed. The audit entry names the reason; outside, all reasons look the same "
        "on purpose (security.md A.11)."
    ),
)

_BY_REASON: dict[str, CatalogueEntry] = {
    "account.trust-level": ACCOUNT_TRUST_LEVEL,
    "account.attribute-name": ACCOUNT_ATTRIBUTE_NAME,
    "account.attribute-twice": ACCOUNT_ATTRIBUTE_TWICE,
    "account.test-account": ACCOUNT_TEST,
    "account.guest": ACCOUNT_GUEST,
    "saml.in-response-to": ACCOUNT_FOREIGN_REQUEST,
    "saml.subject-confirmation.in-response-to": ACCOUNT_FOREIGN_REQUEST,
}
_BY_TYPE: dict[type[ConnectorError], CatalogueEntry] = {
    RequestNotPossible: ACCOUNT_REQUEST,
    PeerUnavailable: ACCOUNT_PEER_UNAVAILABLE,
    Cancelled: ACCOUNT_CANCELLED,
    AuthenticationFailed: ACCOUNT_AUTHENTICATION_FAILED,
    LevelNotReached: ACCOUNT_AUTHENTICATION_FAILED,
    PeerRefused: ACCOUNT_PEER_REFUSED,
    AttributeMissing: ACCOUNT_REQUIRED_ATTRIBUTES,
}


def from_account(error: ConnectorError) -> GatewayError:
    """The catalogue's view of what a user account's connector raised."""
    if isinstance(error, LevelTooLow):
        return ACCOUNT_LEVEL_TOO_LOW(cause=error, achieved=error.achieved.word, required=error.required.word)
    entry = _BY_REASON.get(error.reason) or _BY_TYPE.get(type(error), ACCOUNT_INVALID_ANSWER)
    return entry(cause=error)
