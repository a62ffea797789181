"""Hand over to a connector: the request leaves, what must be remembered is sealed for this browser."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from connectors.contract import ClientDispatch, Connector, Option, PendingExchange, Start
from connectors.errors import ConnectorError, PeerUnavailable
from connectors.identity import PersonKind
from gateway.audit import ExchangeStarted
from gateway.errors import GatewayError
from gateway.login.account_errors import ACCOUNT_REQUEST
from gateway.login.desk import LoginDesk, form_fields, own_form
from gateway.login.eid_client import ticket_end
from gateway.login.eid_errors import EID_NOT_POSSIBLE
from gateway.login.eid_records import STARTED, TICKET, ClientStart, Ticket
from gateway.login.errors import (
    CHOICE_REASONS,
    CHOICE_UNKNOWN,
    JOURNEY_BAD_FORM,
    JOURNEY_ENDED,
)
from gateway.login.journey import JOURNEY, Exchange, Failure, LoginJourney, State, StepNotAllowed
from gateway.login.leave import hand_over, journey_error
from gateway.login.offer import acceptable_persons, authentication_request, available, iso_country
from gateway.login.peer_errors import of_connector
from gateway.store import BearerSecret
from gateway.store.sealing import JOURNEY_NUMBER
from gateway.web.pages import Target
from gateway.withdrawn import SourceSuspended

_FIELDS = {"means", "country", "person"}
_RELAY = re.compile(r"[A-Za-z0-9_-]{22}")


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
        if option.reason == "service" and option.connector in desk.eid_clients:
            entry = EID_NOT_POSSIBLE
        return journey_error(desk, request, await noted(desk, secret, journey, entry()), entry())
    return await begin(desk, request, secret, journey, option, person)


async def noted(
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
    connector = desk.connectors[option.connector]
    try:
        begun = journey.begun(person=person, connector=connector.id, country=option.country)
        asked = await ask(desk, begun, connector, person)
    except StepNotAllowed as error:
        raise JOURNEY_ENDED(cause=error) from error
    except ConnectorError as error:
        return journey_error(desk, request, journey, of_connector(desk, connector.id, error))
    writing = desk.store.batch(journey.number).replace(
        secret, JOURNEY, begun.to_record(), until=journey.deadline
    )
    flow = BearerSecret.new(journey.number, desk.random)
    exchange = Exchange(journey=begun, journey_secret=secret.text, pending=asked.pending)
    dispatch = asked.start.dispatch
    if isinstance(dispatch, ClientDispatch):
        started = client_start(desk, begun, dispatch, asked)
        exchange = replace(exchange, client_session=started.ticket.session)
        token = BearerSecret.parse(started.token)
        writing = writing.put(token, TICKET, started.ticket.to_record(), until=asked.until).put(
            secret, STARTED, started.to_record(), until=asked.until
        )
    kept, *_ = await writing.put(
        flow, exchange_purpose(asked.relay), exchange.to_record(), until=asked.until
    ).run()
    if kept is None:
        raise await desk.gone(journey.number)
    response: Response
    if isinstance(dispatch, ClientDispatch):
        response = RedirectResponse(
            desk.path(journey.number, "/client"), status_code=303, headers={"Cache-Control": "no-store"}
        )
    else:
        response = hand_over(
            desk,
            desk.frame(request, journey=begun, step=2),
            dispatch,
            target=Target.COUNTRY if option.country else Target.MEANS,
            country=option.country,
            journey=journey.number,
            means=desk.means_names.get(connector.id, {}),
        )
    desk.cookies.set_flow(response, flow, seconds=asked.seconds)
    return response


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A connector has begun, and the audit log has it."""

    relay: str
    """Random part of the handle that comes back as RelayState."""
    start: Start
    now: datetime
    until: datetime
    """When nobody waits for the answer any more."""

    @property
    def pending(self) -> PendingExchange:
        return self.start.pending

    @property
    def seconds(self) -> int:
        """Life of the flow cookie."""
        return max(1, int((self.until - self.now).total_seconds()))


async def ask(desk: LoginDesk, begun: LoginJourney, connector: Connector, person: PersonKind) -> Asked:
    """Let ``connector`` build its request and note it. Raises ConnectorError, AuditUnavailable."""
    client = desk.clients[begun.request.client_id]
    now = desk.clock()
    try:
        desk.withdrawn.check_way(connector.id, begun.country)
    except SourceSuspended as error:
        raise PeerUnavailable(str(error)) from error
    wanted = authentication_request(desk, client, begun, person=person, country=begun.country)
    relay = urlsafe_b64encode(desk.random(16)).rstrip(b"=").decode()
    handle = f"{begun.number}.{relay}"
    start = await desk.in_thread(
        lambda: connector.begin(wanted, relay_state=handle, now=now, random=desk.random)
    )
    await desk.audit.record(
        ExchangeStarted(
            journey=begun.number,
            client=client.client_id,
            connector=connector.id,
            peer=start.pending.peer,
            country=begun.country,
            message_id=start.pending.message_id,
            minimum=wanted.minimum.word,
        ),
        now=now,
    )
    return Asked(relay=relay, start=start, now=now, until=min(start.pending.deadline, begun.deadline))


def client_start(
    desk: LoginDesk,
    begun: LoginJourney,
    dispatch: ClientDispatch,
    asked: Asked,
    *,
    second_device: bool = False,
) -> ClientStart:
    """Fresh secrets for an eID-Client of this exchange; nothing is written yet."""
    return ClientStart(
        token=BearerSecret.new(begun.number, desk.random).text,
        ticket=Ticket(
            connector=asked.pending.connector,
            client_id=begun.request.client_id,
            state=dict(dispatch.ticket),
            handle=f"{begun.number}.{asked.relay}",
            session=BearerSecret.new(begun.number, desk.random).text,
            second_device=second_device,
            valid_until=ticket_end(asked.now, asked.until),
            exchange_until=asked.until,
        ),
    )


def exchange_purpose(relay: str) -> str:
    """Purpose of the sealed exchange.

    It contains the handle that the peer sends back, so that an answer to an earlier exchange finds
    nothing, and consumes nothing, although the browser holds the cookie of the newest.
    """
    return f"exchange-{relay}"


def split_handle(handle: str) -> tuple[str, str]:
    """Journey number and random part of a RelayState of ours; raises ValueError."""
    number, _, relay = handle.partition(".")
    # Both become parts of names in the store and of entries of the log, whoever sent them.
    if JOURNEY_NUMBER.fullmatch(number) is None or _RELAY.fullmatch(relay) is None:
        raise ValueError("not a handle of ours")
    return number, relay
