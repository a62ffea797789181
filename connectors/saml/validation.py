"""Protocol checks on a Response whose signatures are already verified, in the order of the clauses.

Web Browser SSO profile §4.1.4.3, saml-core §2.5.1, saml-bindings §3.5.5.2; security.md A.14.
Each rule is one function; each raises InvalidAnswer with its own reason, which goes to the audit
log and never to the browser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from connectors.errors import ConnectorError, InvalidAnswer
from connectors.saml.status import Status, default_failure
from trust import schema_types
from trust.algorithms import NONE, Deviations
from trust.errors import VerificationError
from trust.keys import Decrypter
from trust.pinned import PinnedKey
from trust.xml import SAML, XML_WHITESPACE, Element, only_child, optional_child, text

_SAML = "{" + SAML + "}"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
_MAX_WINDOW = timedelta(minutes=15)
_MAX_AGE = timedelta(minutes=5)
_KNOWN_CONDITIONS = frozenset(_SAML + n for n in ("AudienceRestriction", "OneTimeUse", "ProxyRestriction"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the one answer we wait for must look like; built from the pending exchange."""

    issuer: str
    """entityID the citizen was sent to."""
    keys: Sequence[PinnedKey]
    """Its signing keys out of verified metadata."""
    decrypters: Sequence[Decrypter]
    acs_url: str
    audience: str
    """Our own entityID."""
    request_id: str
    requested_at: datetime
    now: datetime
    skew: timedelta = timedelta(seconds=60)
    force_authn: bool = True
    response_signature_required: bool = True
    assertion_signature_required: bool = False
    encryption_required: bool = True
    subject_confirmation_required: bool = True
    """False only for a dated exception of the peer (eidas.md §3.1)."""
    deviations: Deviations = NONE
    failure: Callable[[Element, Status], ConnectorError] = default_failure
    """What a failure Response means where this kind of peer says more than the status codes do."""
    declaration: str | None = None
    """The one ``AuthnContextDeclRef`` of profiles that have it instead of a class (TR-03130-1 §4)."""
    most_valid: timedelta = _MAX_WINDOW
    """How long the conditions may hold."""
    most_confirmed: timedelta | None = None
    """How far ahead a bearer confirmation may end; None: the conditions decide."""
    one_time_use_required: bool = False
    confirmation_address_required: bool = False
    name_id_format: str | None = None
    """The one format allowed; None: any."""
    on_attributes: frozenset[str] = frozenset()
    """See ``trust.schemas.validate``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The verified elements the rules look at."""

    response: Element
    assertion: Element


Rule = Callable[[Parts, Expectation], None]


def instant(value: str | None, reason: str) -> datetime:
    """An ``xs:dateTime`` in UTC (saml-core §1.3.3); raises InvalidAnswer(``reason``)."""
    try:
        return schema_types.instant((value or "").strip(XML_WHITESPACE))
    except VerificationError as error:
        raise InvalidAnswer(reason, "not a dateTime") from error


def response_envelope(response: Element, expected: Expectation) -> None:
    """What must hold before the status is looked at; also for failures."""
    if response.get("Version") != "2.0":
        raise InvalidAnswer("saml.version")
    if not response.get("ID"):
        raise InvalidAnswer("saml.id")
    issuer = only_child(response, _SAML + "Issuer")
    require_issuer(issuer, expected.issuer)
    if response.get("Destination") != expected.acs_url:
        raise InvalidAnswer("saml.destination")
    if response.get("InResponseTo") != expected.request_id:
        raise InvalidAnswer("saml.in-response-to")
    issued = instant(response.get("IssueInstant"), "saml.issue-instant")
    if abs(expected.now - issued) > _MAX_AGE:
        raise InvalidAnswer("saml.issue-instant")


def require_issuer(issuer: Element, entity_id: str) -> None:
    """Byte-exact, without trimming: a padded issuer is another issuer (security.md A.16)."""
    if issuer.get("Format", _ENTITY) != _ENTITY or len(issuer):
        raise InvalidAnswer("saml.issuer", "format")
    if issuer.text != entity_id:
        raise InvalidAnswer("saml.issuer")


def assertion_envelope(parts: Parts, expected: Expectation) -> None:
    """saml-core §2.3.3: version, ID, issuer, instant."""
    assertion = parts.assertion
    if assertion.get("Version") != "2.0":
        raise InvalidAnswer("saml.version")
    if not assertion.get("ID"):
        raise InvalidAnswer("saml.id")
    if assertion.get("ID") == parts.response.get("ID"):
        raise InvalidAnswer("saml.id", "assertion and response share one")
    require_issuer(only_child(assertion, _SAML + "Issuer"), expected.issuer)
    issued = instant(assertion.get("IssueInstant"), "saml.issue-instant")
    if abs(expected.now - issued) > _MAX_AGE:
        raise InvalidAnswer("saml.issue-instant")


def subject_confirmation(parts: Parts, expected: Expectation) -> None:
    """saml-profiles §4.1.4.2: at least one valid bearer confirmation."""
    subject = only_child(parts.assertion, _SAML + "Subject")
    name_id = optional_child(subject, _SAML + "NameID")
    if name_id is None:
        raise InvalidAnswer("saml.subject", "no NameID")
    if expected.name_id_format is not None and name_id.get("Format") != expected.name_id_format:
        raise InvalidAnswer("saml.subject", "format")
    confirmations = subject.findall(_SAML + "SubjectConfirmation")
    if not confirmations and not expected.subject_confirmation_required:
        return
    bearers = [c for c in confirmations if c.get("Method") == _BEARER]
    if not bearers:
        raise InvalidAnswer("saml.subject-confirmation", "no bearer")
    failure: InvalidAnswer | None = None
    for bearer in bearers:
        try:
            _bearer(bearer, expected)
        except InvalidAnswer as error:
            failure = error
        else:
            return
    raise failure or InvalidAnswer("saml.subject-confirmation")


def _bearer(confirmation: Element, expected: Expectation) -> None:
    data = optional_child(confirmation, _SAML + "SubjectConfirmationData")
    if data is None or data.get("Recipient") != expected.acs_url:
        raise InvalidAnswer("saml.recipient")
    if data.get("InResponseTo") != expected.request_id:
        raise InvalidAnswer("saml.subject-confirmation.in-response-to")
    if data.get("NotBefore") is not None:
        raise InvalidAnswer("saml.subject-confirmation.not-before")
    until = instant(data.get("NotOnOrAfter"), "saml.subject-confirmation.not-on-or-after")
    if expected.now - expected.skew >= until:
        raise InvalidAnswer("saml.subject-confirmation.expired")
    most = expected.most_confirmed
    if most is not None and until > expected.now + most + expected.skew:
        raise InvalidAnswer("saml.subject-confirmation.not-on-or-after", "too late")
    if expected.confirmation_address_required:
        _require_address(data.get("Address"))


def _require_address(value: str | None) -> None:
    """There, and an address. Which one proves nothing to us: it is that of the user agent which the
    peer saw, and ours may come over IPv6, another proxy or from another device."""
    address = None
    with suppress(ValueError):  # quotes the value, so it must not become anybody's __context__
        address = ip_address(value or "")
    if address is None:
        raise InvalidAnswer("saml.subject-confirmation.address")


def conditions(parts: Parts, expected: Expectation) -> None:
    """saml-core §2.5.1: window, audiences, nothing unknown."""
    element = only_child(parts.assertion, _SAML + "Conditions")
    begin = instant(element.get("NotBefore"), "saml.conditions.not-before")
    end = instant(element.get("NotOnOrAfter"), "saml.conditions.not-on-or-after")
    if begin >= end or end - begin > expected.most_valid:
        raise InvalidAnswer("saml.conditions.window")
    if expected.now + expected.skew < begin:
        raise InvalidAnswer("saml.conditions.not-yet-valid")
    if expected.now - expected.skew >= end:
        raise InvalidAnswer("saml.conditions.expired")
    if any(child.tag not in _KNOWN_CONDITIONS for child in element):
        raise InvalidAnswer("saml.conditions.unknown")
    for restriction in element.findall(_SAML + "ProxyRestriction"):
        # We issue ID tokens on the basis of this assertion, so we are bound by it (saml-core §2.5.1.6);
        # an Audience there names SAML parties, so none of our services.
        count = restriction.get("Count", "1").strip(XML_WHITESPACE)
        if len(restriction) or not count.strip("+-0"):
            raise InvalidAnswer("saml.conditions.proxy")
    if expected.one_time_use_required and element.find(_SAML + "OneTimeUse") is None:
        raise InvalidAnswer("saml.conditions.one-time-use")


def audience(parts: Parts, expected: Expectation) -> None:
    """saml-core §2.5.1.4: restrictions are ANDed, audiences inside one are ORed."""
    restrictions = only_child(parts.assertion, _SAML + "Conditions").findall(_SAML + "AudienceRestriction")
    if not restrictions:
        raise InvalidAnswer("saml.audience", "no restriction")
    for restriction in restrictions:
        audiences = [text(a) for a in restriction.findall(_SAML + "Audience")]
        if expected.audience not in audiences:
            raise InvalidAnswer("saml.audience")


def authentication(parts: Parts, expected: Expectation) -> None:
    """Exactly one AuthnStatement, fresh where we forced authentication (saml-core §2.7.2)."""
    statement = only_child(parts.assertion, _SAML + "AuthnStatement")
    moment = instant(statement.get("AuthnInstant"), "saml.authn-instant")
    if moment > expected.now + expected.skew:
        raise InvalidAnswer("saml.authn-instant", "in the future")
    if expected.force_authn and moment < expected.requested_at - expected.skew:
        raise InvalidAnswer("saml.authn-instant", "older than the request")
    session_end = statement.get("SessionNotOnOrAfter")
    if session_end is not None:
        end = instant(session_end, "saml.session-not-on-or-after")
        if expected.now - expected.skew >= end:
            raise InvalidAnswer("saml.session-not-on-or-after")
    context_reference(statement, expected)


def context_reference(statement: Element, expected: Expectation) -> str:
    """The class of authentication, or the one declaration that the profile fixes."""
    context = only_child(statement, _SAML + "AuthnContext")
    if expected.declaration is None:
        return text(only_child(context, _SAML + "AuthnContextClassRef"))
    declared = text(only_child(context, _SAML + "AuthnContextDeclRef"))
    if declared != expected.declaration:
        raise InvalidAnswer("saml.authn-context")
    return declared


def statements(parts: Parts, _expected: Expectation) -> None:
    """One AttributeStatement, no other kind of statement (eIDAS message format §2.3.3)."""
    only_child(parts.assertion, _SAML + "AttributeStatement")
    known = {"Issuer", "Subject", "Conditions", "AuthnStatement", "AttributeStatement"}
    if any(child.tag not in {_SAML + name for name in known} for child in parts.assertion):
        raise InvalidAnswer("saml.statement")


RULES: tuple[Rule, ...] = (
    assertion_envelope,
    subject_confirmation,
    conditions,
    audience,
    authentication,
    statements,
)
