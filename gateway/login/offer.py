"""Which ways to identify a service offers for one request, and what a connector is then asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.assurance import LevelOfAssurance
from connectors.contract import AuthenticationRequest, Option
from connectors.country_codes import ISO_OF_EU_CODE
from connectors.identity import Identity, PersonKind
from gateway.client_settings import Client, RepresentationPolicy
from gateway.login.desk import LoginDesk
from gateway.login.exchange_errors import EXCHANGE_REPRESENTATION
from gateway.login.journey import LoginJourney
from gateway.oidc.card_claims import card_asked
from gateway.oidc.offers import attributes_requested
from gateway.oidc.request import AuthorizationRequest


@dataclass(frozen=True, slots=True)
class Choice:
    """One connector with its options, in the client's order of means."""

    connector: str
    options: Sequence[Option]


def minimum_level(client: Client, journey: LoginJourney) -> LevelOfAssurance:
    """What must be reached: the request's minimum, never less than the registration's."""
    return max(journey.request.minimum, client.level)


def acceptable_persons(client: Client, journey: LoginJourney) -> tuple[PersonKind, ...]:
    """Kinds of person to choose from, in the client's order."""
    registered = tuple(PersonKind(kind) for kind in client.persons)
    hinted = journey.request.person
    return (hinted,) if hinted in registered else registered


def check_representation(client: Client, identity: Identity) -> None:
    """Whether somebody may, or must, act for the subject; raises GatewayError ``exchange.representation``."""
    represented = identity.representative is not None
    forbidden = represented and client.representation is RepresentationPolicy.REFUSE
    # A company's account names who acts for it without identifying them (bundid.md §3.2).
    acting = identity.account is not None and identity.account.acting_person is not None
    demanded = not (represented or acting) and client.representation is RepresentationPolicy.REQUIRE
    if forbidden or demanded:
        raise EXCHANGE_REPRESENTATION()


def available(
    desk: LoginDesk,
    client: Client,
    journey: LoginJourney,
    person: PersonKind,
    *,
    now: datetime,
    only: str | None = None,
) -> tuple[Choice, ...]:
    """Every way this client offers, with whether it can be gone; ``only`` those of one means."""
    hinted = journey.request.means
    means = (hinted,) if hinted in client.means else client.means
    wanted = authentication_request(desk, client, journey, person=person, country=None)
    return tuple(
        Choice(name, options(desk, name, wanted, now=now))
        for name in means
        if name in desk.connectors and only in {None, name}
    )


def options(
    desk: LoginDesk, connector: str, wanted: AuthenticationRequest, *, now: datetime
) -> tuple[Option, ...]:
    """All ways of one connector. What is suspended stays visible, as a way that does not answer."""
    return tuple(
        option
        if (since := desk.withdrawn.since(connector, option.country)) is None
        else replace(option, available=False, reason="down", down_since=since)
        for option in desk.connectors[connector].options(wanted, now=now)
    )


def authentication_request(
    desk: LoginDesk, client: Client, journey: LoginJourney, *, person: PersonKind, country: str | None
) -> AuthenticationRequest:
    """What a connector is asked, from the registration and the request together."""
    represented = client.representation is not RepresentationPolicy.REFUSE
    attributes = attributes_requested(client, journey.request, person)
    card = card_asked(client, journey.request)
    return AuthenticationRequest(
        service=desk.service(client, journey.number),
        minimum=minimum_level(client, journey),
        persons=frozenset({person}),
        accept_non_notified=journey.request.accept_non_notified and client.accept_non_notified,
        accept_representation=represented,
        country=country,
        required=frozenset(attributes.required),
        optional=frozenset(attributes.optional),
        account_facts=frozenset(client.account_facts),
        card_facts=card.facts,
        age=card.age,
        community_id=card.community_id,
        identifier=client.identifier,
        languages=(*((journey.language,) if journey.language else ()), *journey.request.ui_locales, "de"),
    )


def reach(
    desk: LoginDesk, client: Client, request: AuthorizationRequest, *, now: datetime
) -> LevelOfAssurance | None:
    """The highest level this client can get at all; the seam ``gateway.oidc.provider.Reach``.

    A way whose level is not known just now (no metadata) may be the highest, so the answer is None.
    """
    highest: LevelOfAssurance | None = None
    for name in (request.means,) if request.means in client.means else client.means:
        if name not in desk.connectors:
            continue
        anything = AuthenticationRequest(
            service=desk.service(client),
            minimum=LevelOfAssurance.BASIC,
            persons=frozenset(PersonKind(kind) for kind in client.persons),
            accept_non_notified=client.accept_non_notified,
        )
        for option in desk.connectors[name].options(anything, now=now):
            if option.highest is None:
                return None
            highest = max(highest or option.highest, option.highest)
            if highest is LevelOfAssurance.HIGH:
                return highest
    return highest


def iso_country(code: str) -> str | None:
    """A country code as a form brings it, as ISO 3166-1 alpha-2; empty is None."""
    code = code.upper()
    return ISO_OF_EU_CODE.get(code, code) or None
