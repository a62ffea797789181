"""The pages from which a citizen starts an eID-Client, on this computer or this phone (ux.md §3)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.http_errors import HTTP_NOT_FOUND
from gateway.login.desk import LoginDesk
from gateway.login.eid_client import live_ticket, token_url
from gateway.login.eid_records import STARTED, ClientStart
from gateway.login.journey import LoginJourney, State
from gateway.store import BearerSecret
from gateway.web.eid_links import client_href
from gateway.web.eid_pages import EIDIntroPage, EIDRunPage, EIDStartPage, Way, WayChoice

_HANDHELD = re.compile(r"Android|iPhone|iPad|Mobile")


Page = Callable[[LoginDesk, Request], Awaitable[Response]]


class NoClientAwaited(Exception):
    """The journey waits for no eID-Client; ``path`` is where it stands."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def while_awaiting(page: Page) -> Page:
    """A browser that waits for no eID-Client is sent to where it stands instead."""

    @wraps(page)
    async def answer(desk: LoginDesk, request: Request) -> Response:
        try:
            return await page(desk, request)
        except NoClientAwaited as elsewhere:
            return RedirectResponse(elsewhere.path, status_code=303)

    return answer


@while_awaiting
async def intro(desk: LoginDesk, request: Request) -> Response:
    """GET ``/login/{journey}/client``: what will happen."""
    _, journey, start = await awaiting(desk, request)
    page = EIDIntroPage(
        frame=desk.frame(request, journey=journey, step=2),
        means=desk.means_names.get(start.ticket.connector, {}),
        continue_href=desk.path(journey.number, "/client/start"),
        change_href=desk.path(journey.number, "?choose=1"),
        cancel_action=desk.path(journey.number, "/cancel"),
    )
    return desk.render(page)


@while_awaiting
async def choose_way(desk: LoginDesk, request: Request) -> Response:
    """GET ``/login/{journey}/client/start``: what one needs, and the ways."""
    _, journey, start = await awaiting(desk, request)
    page = EIDStartPage(
        frame=desk.frame(request, journey=journey, step=2),
        ways=ways(desk, request, journey, start),
        change_href=desk.path(journey.number, "?choose=1"),
        cancel_action=desk.path(journey.number, "/cancel"),
    )
    return desk.render(page)


@while_awaiting
async def run(desk: LoginDesk, request: Request) -> Response:
    """GET ``/login/{journey}/client/{way}``: the link that starts the client; stays while it runs."""
    secret, journey, start = await awaiting(desk, request)
    offered = ways(desk, request, journey, start)
    way = next((choice.way for choice in offered if choice.way == request.path_params["way"]), None)
    if way is None:
        raise HTTP_NOT_FOUND()
    live = await live_ticket(desk, start)
    if live is not None and live is not start:
        await keep(desk, secret, live)
    fields = {"means": start.ticket.connector, "person": journey.person.value if journey.person else ""}
    page = EIDRunPage(
        frame=desk.frame(request, journey=journey, step=2),
        way=way,
        href=client_href(way, token_url(desk, live)) if live else None,
        others=tuple(choice for choice in offered if choice.way is not way),
        restart_action=desk.path(journey.number, "/start"),
        restart_fields=tuple((name, value) for name, value in fields.items() if value),
        change_href=desk.path(journey.number, "?choose=1"),
        cancel_action=desk.path(journey.number, "/cancel"),
    )
    return desk.render(page)


async def awaiting(desk: LoginDesk, request: Request) -> tuple[BearerSecret, LoginJourney, ClientStart]:
    """The journey of this browser, if it waits for an eID-Client.

    Raises GatewayError if the browser holds none, NoClientAwaited if it stands elsewhere.
    """
    secret, journey = await desk.read(request)
    if journey.state is State.OPEN and journey.failure is not None:
        raise NoClientAwaited(desk.path(journey.number, "/failed"))
    if journey.state is not State.EXCHANGE:
        raise NoClientAwaited(desk.path(journey.number))
    record = await desk.store.read(secret, STARTED)
    start = ClientStart.from_record(record) if record else None
    if (
        start is None
        or start.ticket.connector != journey.connector
        or start.ticket.connector not in desk.eid_clients  # removed meanwhile
    ):
        raise NoClientAwaited(desk.path(journey.number, "?choose=1"))
    return secret, journey, start


async def keep(desk: LoginDesk, secret: BearerSecret, start: ClientStart) -> None:
    """Remember what the pages show now."""
    await desk.store.put(secret, STARTED, start.to_record(), until=start.ticket.exchange_until)


def ways(
    desk: LoginDesk, request: Request, journey: LoginJourney, start: ClientStart
) -> tuple[WayChoice, ...]:
    """All ways that the installation offers, best guess first."""
    offered = desk.eid_clients[start.ticket.connector].ways
    return tuple(
        WayChoice(way=way, href=desk.path(journey.number, f"/client/{way.value}"))
        for way in guessed_order(request)
        if way in offered
    )


def guessed_order(request: Request) -> tuple[Way, ...]:
    """From the User-Agent: a guess, so nothing is ever left out."""
    if _HANDHELD.search(request.headers.get("user-agent", "")):
        return (Way.PHONE, Way.COMPUTER, Way.QR)
    return (Way.COMPUTER, Way.QR, Way.PHONE)
