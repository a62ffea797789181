"""Hand over to a connector: the request leaves, what must be remembered is sealed for this browser."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from starlette.requests import Request
from starlette.responses import Response

from connectors.contract import Option
from connectors.errors import ConnectorError
from connectors.identity import PersonKind
from gateway.audit import ExchangeStarted
from gateway.errors import GatewayError
from gateway.login.account_errors import ACCOUNT_REQUEST, from_account
from gateway.login.desk import LoginDesk, form_fields, own_form
from gateway.login.errors import (
    CHOICE_REASONS,
    CHOICE_UNKNOWN,
    JOURNEY_BAD_FORM,
    JOURNEY_ENDED,
    from_connector,
)
from gateway.login.journey import JOURNEY, Exchange, Failure, LoginJourney, State, StepNotAllowed
from gateway.login.leave import hand_over, journey_error
from gateway.login.offer import acceptable_persons, authentication_request, available, iso_country
from gateway.store import BearerSecret
from gateway.web.pages import Target

_FIELDS = {"means", "country", "person"}


async def start(desk: LoginDesk, request: Request) -> Response:
    """POST ``/login/{journey}/start`` with ``means``, ``country`` and ``person``.

    ``person`` may be left out where the service accepts one kind only, ``means`` where it offers one.
    """
    own_form(request)
    fields = await form_fields(request)
    form = dict(fields)
    if len(form) != len(fields) or not form.keys() <= _FIELDS:
        raise JOURNEY_BAD_FORM()
    secret, journey = await desk.read(request)
    client = desk.clients[journey.request.client_id]
    persons = acceptable_persons(client, journey)
    person = persons[0] if len(persons) == 1 else None
    if "person" in form:
        person = next((kind for kind in persons if kind.value == form["person"]), None)
    if person is None:
        raise JOURNEY_BAD_FORM()
    country = iso_country(form.get("country", ""))
    offered = [
        option
        for choice in available(desk, client, journey, person, now=desk.clock(), only=form.get("means"))
        for option in choice.options
        if option.country == country
    ]
    if len(offered) != 1:
        return journey_error(desk, request, journey, CHOICE_UNKNOWN())
    option = offered[0]
    if not option.available:
        entry = CHOICE_REASONS.get(option.reason, CHOICE_UNKNOWN)
        if option.reason == "service" and option.connector in desk.accounts:
            entry = ACCOUNT_REQUEST
        return journey_error(desk, request, await _noted(desk, secret, journey, entry()), entry())
    return await begin(desk, request, secret, journey, option, person)


async def _noted(
    desk: LoginDesk, secret: BearerSecret, journey: LoginJourney, error: GatewayError
) -> LoginJourney:
    """Remember why the choice could not be gone: a citizen who now gives up leaves with that reason."""
    if journey.state is not State.OPEN:
        return journey
    journey = journey.failed(Failure(code=error.entry.code, parameters=error.parameters))
    await (
        desk.store.batch(journey.number)
        .replace(secret, JOURNEY, journey.to_record(), until=journey.deadline)
        .run()
    )
    return journey


async def begin(
    desk: LoginDesk,
    request: Request,
    secret: BearerSecret,
    journey: LoginJourney,
    option: Option,
    person: PersonKind,
) -> Response:
    """Build the message, note it in the audit log, seal what waits for the answer, send the browser off.

    Raises AuditUnavailable, StoreUnavailable; then nothing has left.
    """
    client = desk.clients[journey.request.client_id]
    connector = desk.connectors[option.connector]
    now = desk.clock()
    wanted = authentication_request(desk, client, journey, person=person, country=option.country)
    relay = urlsafe_b64encode(desk.random(16)).rstrip(b"=").decode()
    try:
        begun = journey.begun(person=person, connector=connector.id, country=option.country)
        started = await desk.in_thread(
            lambda: connector.begin(
                wanted, relay_state=f"{journey.number}.{relay}", now=now, random=desk.random
            )
        )
    except StepNotAllowed as error:
        raise JOURNEY_ENDED(cause=error) from error
    except ConnectorError as error:
        shown = from_account(error) if connector.id in desk.accounts else from_connector(error)
        return journey_error(desk, request, journey, shown)
    pending = started.pending
    await desk.audit.record(
        ExchangeStarted(
            journey=journey.number,
            client=client.client_id,
            connector=connector.id,
            peer=pending.peer,
            country=option.country,
            message_id=pending.message_id,
            minimum=wanted.minimum.word,
        ),
        now=now,
    )
    flow = BearerSecret.new(journey.number, desk.random)
    exchange = Exchange(journey=begun, journey_secret=secret.text, pending=pending)
    until = min(pending.deadline, journey.deadline)
    _, kept = await (
        desk.store.batch(journey.number)
        .put(flow, exchange_purpose(relay), exchange.to_record(), until=until)
        .replace(secret, JOURNEY, begun.to_record(), until=journey.deadline)
        .run()
    )
    if kept is None:
        raise await desk.gone(journey.number)
    response = hand_over(
        desk,
        desk.frame(request, journey=begun, step=2),
        started.dispatch,
        target=Target.COUNTRY if option.country else Target.MEANS,
        country=option.country,
        journey=journey.number,
        means=desk.means_names.get(connector.id, {}),
    )
    desk.cookies.set_flow(response, flow, seconds=max(1, int((until - now).total_seconds())))
    return response


def exchange_purpose(relay: str) -> str:
    """Purpose of the sealed exchange.

    It contains the handle that the peer sends back, so that an answer to an earlier exchange finds
    nothing, and consumes nothing, although the browser holds the cookie of the newest.
    """
    return f"exchange-{relay}"


def split_handle(handle: str) -> tuple[str, str]:
    """Journey number and random part of a RelayState of ours; raises ValueError."""
    number, dot, relay = handle.partition(".")
    if not dot or len(number) != 10 or len(relay) != 22:
        raise ValueError("not a handle of ours")
    return number, relay
