"""The way out: to another origin, back to the service, or to a page that says why not.

A form of ours is never answered by a redirect to another origin (``gateway.web.pages`` says why), so
whatever leaves goes through ``hand_over``.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from connectors.contract import BrowserDispatch, RedirectDispatch
from gateway.audit import JourneyEnded
from gateway.client_settings import Client
from gateway.errors import CATALOGUE, GatewayError
from gateway.login.desk import LoginDesk, form_fields, own_form
from gateway.login.errors import (
    JOURNEY_CANCELLED,
    JOURNEY_ENDED,
    JOURNEY_EXPIRED,
    JOURNEY_REFUSED,
    JOURNEY_TIMED_OUT,
    JourneyGone,
)
from gateway.login.journey import LoginJourney, State
from gateway.login.way_back import WAY_BACK, WayBack
from gateway.web.frame import Frame
from gateway.web.pages import EndedPage, ErrorPage, GoPage, HandoverPage, Target, TimeoutPage


async def cancel(desk: LoginDesk, request: Request) -> Response:
    """POST ``/login/{journey}/cancel``: to the client, with the last failure or ``access_denied``."""
    own_form(request)
    await form_fields(request)
    try:
        journey = await desk.take(request)
    except JourneyGone as gone:
        if not gone.way_back:
            raise
        return await _too_late(desk, request, gone)
    error = JOURNEY_REFUSED() if journey.state is State.IDENTIFIED else last_failure(journey)
    return await end(desk, request, journey, error)


async def _too_late(desk: LoginDesk, request: Request, gone: JourneyGone) -> Response:
    """The journey ended by its deadline; the service learns it now, once."""
    secret = desk.cookies.journey(request, gone.number)
    record = await desk.store.take(secret, WAY_BACK) if secret else None
    if record is None:
        raise gone
    way_back = WayBack.from_record(record)
    if not desk.vouches(way_back.address):  # removed meanwhile
        raise gone
    client = desk.clients[way_back.client_id]
    error = JOURNEY_TIMED_OUT()
    await desk.audit.record(
        JourneyEnded(journey=gone.number, client=client.client_id, code=error.entry.code), now=desk.clock()
    )
    dispatch = desk.respond.error(way_back.address, error, now=desk.clock())
    frame = desk.frame(request, client=client, number=gone.number)
    response = hand_over(desk, frame, dispatch, target=Target.SERVICE, country=None, journey=None)
    desk.cookies.delete(response, gone.number)
    return response


async def failed(desk: LoginDesk, request: Request) -> Response:
    """GET ``/login/{journey}/failed``: why the exchange gave no identity, and the ways on."""
    _, journey = await desk.read(request)
    if journey.failure is None:
        return RedirectResponse(desk.path(journey.number), status_code=303)
    return journey_error(desk, request, journey, last_failure(journey))


async def end(desk: LoginDesk, request: Request, journey: LoginJourney, error: GatewayError) -> Response:
    """Tell the client ``error``; ``journey`` has been taken from the store."""
    client = desk.clients[journey.request.client_id]
    ended = journey.ended()
    await desk.audit.record(
        JourneyEnded(
            journey=ended.number,
            client=client.client_id,
            code=error.entry.code,
            connector=ended.connector,
        ),
        now=desk.clock(),
    )
    dispatch = desk.respond.error(journey.request.return_address, error, now=desk.clock())
    return to_client(desk, request, ended, dispatch)


def to_client(
    desk: LoginDesk, request: Request, journey: LoginJourney, dispatch: BrowserDispatch
) -> Response:
    """Send the browser back to the service; the cookies of the journey go."""
    frame = desk.frame(request, journey=journey)
    response = hand_over(desk, frame, dispatch, target=Target.SERVICE, country=None, journey=None)
    desk.cookies.delete(response, journey.number)
    return response


def hand_over(
    desk: LoginDesk,
    frame: Frame,
    dispatch: BrowserDispatch,
    *,
    target: Target,
    country: str | None,
    journey: str | None,
    means: Mapping[str, str] | None = None,
) -> Response:
    """The page that leads to another origin; ``journey``: number for the *change* and *cancel* ways,
    ``means``: what a means without countries is called."""
    change = desk.path(journey, "?choose=1") if journey else None
    cancel_action = desk.path(journey, "/cancel") if journey else None
    if isinstance(dispatch, RedirectDispatch):
        return desk.render(
            GoPage(
                frame=frame,
                url=dispatch.url,
                target=target,
                country=country,
                means=means or {},
                change_href=change,
                cancel_action=cancel_action,
            )
        )
    return desk.render(
        HandoverPage(
            frame=frame,
            action=dispatch.action,
            fields=dispatch.fields,
            target=target,
            country=country,
            means=means or {},
            change_href=change,
            cancel_action=cancel_action,
        )
    )


def last_failure(journey: LoginJourney) -> GatewayError:
    """The failure of the last exchange as an error, or that the citizen cancelled."""
    failure = journey.failure
    if failure is None:
        return JOURNEY_CANCELLED()
    return GatewayError(CATALOGUE[failure.code], parameters=failure.parameters)


def journey_error(desk: LoginDesk, request: Request, journey: LoginJourney, error: GatewayError) -> Response:
    """An error in a journey that lives: another way, or back to the service."""
    number = journey.number
    return desk.render(
        ErrorPage(
            frame=desk.frame(request, journey=journey),
            code=error.entry.code,
            number=error.entry.number,
            parameters=error.parameters,
            back_action=desk.path(number, "/cancel"),
            retry_href=desk.path(number, "?choose=1"),
        ),
        status_code=error.entry.http_status,
    )


def error_page(
    desk: LoginDesk, request: Request, error: GatewayError, *, client: Client | None = None
) -> Response:
    """An error without a journey to go on with."""
    number = None
    if isinstance(error, JourneyGone):
        number, client = error.number, error.client
    frame = desk.frame(request, client=client, number=number)
    back = client.home_url if client else None
    page: TimeoutPage | EndedPage | ErrorPage
    if error.entry is JOURNEY_EXPIRED:
        told = isinstance(error, JourneyGone) and error.way_back
        action = desk.path(number, "/cancel") if told and number else None
        page = TimeoutPage(frame=frame, back_href=back, back_action=action)
    elif error.entry is JOURNEY_ENDED:
        page = EndedPage(frame=frame, back_href=back)
    else:
        page = ErrorPage(
            frame=frame,
            code=error.entry.code,
            number=error.entry.number,
            parameters=error.parameters,
            back_href=back,
        )
    return desk.render(page, status_code=error.entry.http_status)
