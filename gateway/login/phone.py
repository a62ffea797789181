"""The phone that scanned a QR code: a visit of its own, which ends with a code (``second_device``)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from connectors.contract import ClientDispatch, Verified
from connectors.errors import ConnectorError
from gateway.audit import SecondDeviceLinked, SecondDeviceRefused
from gateway.errors import CATALOGUE, GatewayError
from gateway.login.accepted import see_other
from gateway.login.desk import LoginDesk, form_fields, journey_number, own_form
from gateway.login.eid_client import live_ticket, token_url
from gateway.login.eid_errors import EID_INVALID_ANSWER, EID_PHONE_LINK
from gateway.login.eid_pages import guessed_order
from gateway.login.eid_records import CODE_LIFE, LINK, OUTCOME, TICKET, VISIT, Outcome, PhoneLink, PhoneVisit
from gateway.login.journey import OVER, Exchange, Failure, SecondDevice
from gateway.login.peer_errors import of_connector
from gateway.login.second_device import new_code, shown_code
from gateway.login.start import ask, client_start, exchange_purpose
from gateway.store import BearerSecret
from gateway.web.eid_links import client_href
from gateway.web.eid_pages import (
    EIDRunPage,
    PhoneCodePage,
    PhoneFailedPage,
    PhoneWarningPage,
    Way,
    WayChoice,
)


async def warn(desk: LoginDesk, request: Request) -> Response:
    """GET ``/login/{journey}/phone/{link}``: who asks, and when not to go on. Takes nothing."""
    secret = _link(request)
    record = await desk.store.read(secret, LINK) if secret else None
    link = PhoneLink.from_record(record) if record else None
    if link is None or not _is_good(desk, link):
        raise await _link_gone(desk, request)
    frame = desk.frame(request, journey=link.journey)
    return desk.render(PhoneWarningPage(frame=frame, action=request.url.path))


async def connect(desk: LoginDesk, request: Request) -> Response:
    """POST ``/login/{journey}/phone/{link}``: this phone carries out the identification."""
    own_form(request)
    await form_fields(request)
    secret = _link(request)
    record = await desk.store.take(secret, LINK) if secret else None
    link = PhoneLink.from_record(record) if record else None
    if link is None or not _is_good(desk, link):
        raise await _link_gone(desk, request)
    journey = link.journey
    connector = desk.connectors.get(journey.connector or "")
    person = journey.person
    if person is None or connector is None:  # the connector was removed meanwhile
        raise await _link_gone(desk, request)
    await desk.audit.record(
        SecondDeviceLinked(journey=journey.number, client=journey.request.client_id, connector=connector.id),
        now=desk.clock(),
    )
    try:
        asked = await ask(desk, journey, connector, person)
    except ConnectorError as error:
        raise of_connector(desk, connector.id, error) from error
    dispatch = asked.start.dispatch
    if not isinstance(dispatch, ClientDispatch):
        raise EID_INVALID_ANSWER()
    start = client_start(desk, journey, dispatch, asked, second_device=True)
    visit, flow = (BearerSecret.new(journey.number, desk.random) for _ in range(2))
    exchange = Exchange(
        journey=journey,
        journey_secret=None,
        pending=asked.pending,
        client_session=start.ticket.session,
        second_device=SecondDevice(waiting=link.waiting, visit=visit.text),
    )
    token = BearerSecret.parse(start.token)
    await (
        desk.store.batch(journey.number)
        .put(flow, exchange_purpose(asked.relay), exchange.to_record(), until=asked.until)
        .put(token, TICKET, start.ticket.to_record(), until=asked.until)
        .put(visit, VISIT, PhoneVisit(journey=journey, start=start).to_record(), until=journey.deadline)
        .run()
    )
    response = see_other(desk.path(journey.number, "/phone"))
    desk.cookies.set_flow(response, flow, seconds=asked.seconds)
    seconds = max(1, int((journey.deadline - asked.now).total_seconds()))
    desk.cookies.set_phone(response, visit, seconds=seconds)
    return response


def _link(request: Request) -> BearerSecret | None:
    try:
        return BearerSecret.parse(f"{journey_number(request)}.{request.path_params['link']}")
    except ValueError:
        return None


def _is_good(desk: LoginDesk, link: PhoneLink) -> bool:
    """Whether its time is not over, nor its service removed meanwhile."""
    return desk.clock() < link.until and desk.vouches(link.journey.request.return_address)


async def _link_gone(desk: LoginDesk, request: Request) -> GatewayError:
    """Why the link opens nothing, to be raised. A journey that is over has its own page."""
    number = journey_number(request)
    event = SecondDeviceRefused(journey=number, client=None, reason="link.gone")
    await desk.audit.record(event, now=desk.clock())
    return EID_PHONE_LINK()


async def visit_page(desk: LoginDesk, request: Request) -> Response:
    """GET ``/login/{journey}/phone``: start the client; afterwards the code, or why there is none."""
    number = journey_number(request)
    secret = desk.cookies.phone(request, number)
    record = await desk.store.read(secret, VISIT) if secret else None
    if secret is None or record is None:
        raise await desk.gone(number)
    visit = PhoneVisit.from_record(record)
    await desk.check_deadline(visit.journey)
    frame = desk.frame(request, journey=visit.journey)
    if visit.failure is not None:
        entry = CATALOGUE[visit.failure.code]
        page = PhoneFailedPage(
            frame=frame, code=entry.code, number=entry.number, parameters=visit.failure.parameters
        )
        return desk.render(page, status_code=entry.http_status)
    if visit.code is not None and visit.code_until is not None:
        if desk.clock() >= visit.code_until:
            raise EID_PHONE_LINK()
        code = PhoneCodePage(frame=frame, code=shown_code(visit.code), until=visit.code_until)
        return desk.render(code)
    live = await live_ticket(desk, visit.start)
    if live is not None and live is not visit.start:
        await _keep(desk, secret, replace(visit, start=live))
    ways = [way for way in guessed_order(request) if way is not Way.QR]
    url = token_url(desk, live) if live else None
    run = EIDRunPage(
        frame=frame,
        way=ways[0],
        href=client_href(ways[0], url) if url else None,
        others=tuple(WayChoice(way=way, href=client_href(way, url)) for way in ways[1:]) if url else (),
        second_device=True,
    )
    return desk.render(run)


async def _keep(desk: LoginDesk, secret: BearerSecret, visit: PhoneVisit) -> None:
    await desk.store.put(secret, VISIT, visit.to_record(), until=visit.journey.deadline)


async def hand_code(
    desk: LoginDesk, exchange: Exchange, second: SecondDevice, verified: Verified
) -> Response:
    """The answer was accepted: let the identity wait, and show the phone the code."""
    number = exchange.journey.number
    over = (await desk.store.batch(number).read_mark(OVER).run())[0]
    if over is not None:
        raise await desk.gone(number)
    until = min(desk.clock() + CODE_LIFE, exchange.journey.until)
    code = new_code(desk.random)
    outcome = Outcome(
        connector=exchange.pending.connector, identity=verified.identity, code=code, until=until
    )
    await desk.store.put(BearerSecret.parse(second.waiting), OUTCOME, outcome.to_record(), until=until)
    return await _visited(desk, exchange, second, code=code, code_until=until)


async def failed(desk: LoginDesk, exchange: Exchange, second: SecondDevice, failure: Failure) -> Response:
    """No identity: the phone says why, and where to go on."""
    return await _visited(desk, exchange, second, failure=failure)


async def _visited(
    desk: LoginDesk,
    exchange: Exchange,
    second: SecondDevice,
    *,
    code: str | None = None,
    code_until: datetime | None = None,
    failure: Failure | None = None,
) -> Response:
    number = exchange.journey.number
    secret = BearerSecret.parse(second.visit)
    record = await desk.store.read(secret, VISIT)
    if record is None:
        raise await desk.gone(number)
    visit = PhoneVisit.from_record(record)
    await _keep(desk, secret, replace(visit, code=code, code_until=code_until, failure=failure))
    response = see_other(desk.path(number, "/phone"))
    desk.cookies.delete_flow(response, number)
    return response
