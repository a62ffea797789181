"""The eID-Client's own requests: TC token and PAOS (TR-03124-1 §2.5, npa.md §3).

The client is a second user agent without our cookies. What binds it to the browser is a ticket that
stands in the tcTokenURL alone and is redeemed once; what binds the answer to the browser is the flow
cookie, as with every other source. Neither is any use without the other.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

from markupsafe import escape
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from connectors.contract import ClientAddresses, PendingExchange, TCToken
from connectors.errors import ConnectorError, RequestNotPossible
from gateway.audit import ClientRefused, ClientTicketRedeemed
from gateway.errors import CATALOGUE, GatewayError
from gateway.http_errors import HTTP_BAD_REQUEST, HTTP_MEDIA_TYPE, HTTP_METHOD, HTTP_NOT_FOUND
from gateway.login.desk import EIDMeans, LoginDesk
from gateway.login.eid_errors import EID_NOT_STARTED
from gateway.login.eid_records import (
    SESSION,
    TICKET,
    TICKET_FRESH,
    TICKET_LIFE,
    ClientSession,
    ClientStart,
    Ticket,
)
from gateway.login.journey import Exchange, Failure
from gateway.login.peer_errors import of_connector
from gateway.store import BearerSecret

PAOS = "application/vnd.paos+xml"
_PAOS_TYPES = frozenset({PAOS, "text/xml", "application/xml"})
_NO_STORE = {"Cache-Control": "no-store"}
_MARK = b"via=client"
"""In the address that the browser is sent to; says nothing more than that a client has passed it on."""


class SessionMissing(Exception):
    """The exchange has no session of an eID-Client; what to show, and the word for the audit log."""

    def __init__(self, error: GatewayError, reason: str) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = reason


def _means(desk: LoginDesk, request: Request) -> EIDMeans:
    means = desk.eid_clients.get(request.path_params["connector"])
    if means is None:
        raise HTTP_NOT_FOUND()
    return means


def token_url(desk: LoginDesk, start: ClientStart) -> str:
    """The tcTokenURL; whoever has it can be an eID-Client of this exchange, once."""
    return f"{desk.issuer}/connectors/{start.ticket.connector}/tctoken/{start.token}"


async def live_ticket(desk: LoginDesk, start: ClientStart) -> ClientStart | None:
    """``start`` with a ticket that can be redeemed for a while; None: a client has taken it already.

    The record outlives the validity of its ticket, so that "never asked" and "asked" stay apart and no
    exchange ever has two clients.
    """
    secret = BearerSecret.parse(start.token)
    now = desk.clock()
    if start.ticket.valid_until - now >= TICKET_FRESH:
        return start if await desk.store.read(secret, TICKET) is not None else None
    if await desk.store.take(secret, TICKET) is None:
        return None
    renewed = replace(
        start,
        token=BearerSecret.new(secret.journey, desk.random).text,
        ticket=replace(start.ticket, valid_until=ticket_end(now, start.ticket.exchange_until)),
    )
    await desk.store.put(
        BearerSecret.parse(renewed.token),
        TICKET,
        renewed.ticket.to_record(),
        until=renewed.ticket.exchange_until,
    )
    return renewed


def ticket_end(now: datetime, exchange_until: datetime) -> datetime:
    """Until when a ticket shown now may be redeemed."""
    return min(now + TICKET_LIFE, exchange_until)


async def tc_token(desk: LoginDesk, request: Request) -> Response:
    """GET ``/connectors/{connector}/tctoken/{ticket}``, by the eID-Client: once, without cookies."""
    means = _means(desk, request)
    if request.method != "GET":  # a HEAD must not use it up
        raise HTTP_METHOD()
    try:
        secret = BearerSecret.parse(request.path_params["ticket"])
    except ValueError:
        return await _no_token(desk, means, None, "ticket.form")
    record = await desk.store.read(secret, TICKET)
    if record is None or Ticket.from_record(record).connector != means.connector.id:
        return await _no_token(desk, means, secret.journey, "ticket.unknown")
    if desk.clock() >= Ticket.from_record(record).valid_until:
        return await _no_token(desk, means, secret.journey, "ticket.expired")
    record = await desk.store.take(secret, TICKET)
    if record is None:
        return await _no_token(desk, means, secret.journey, "ticket.taken")
    return await _open(desk, means, secret.journey, Ticket.from_record(record))


async def _open(desk: LoginDesk, means: EIDMeans, journey: str, ticket: Ticket) -> Response:
    connector, now = means.connector, desk.clock()
    await desk.audit.record(
        ClientTicketRedeemed(
            journey=journey,
            client=ticket.client_id,
            connector=connector.id,
            second_device=ticket.second_device,
        ),
        now=now,
    )
    base = f"{desk.issuer}/connectors/{connector.id}"
    addresses = ClientAddresses(
        refresh=f"{base}/acs?RelayState={quote(ticket.handle, safe='')}", paos=f"{base}/paos"
    )
    secret = BearerSecret.parse(ticket.session)
    try:
        opened = await desk.in_thread(
            lambda: connector.open_client(
                ticket.state, relay_state=ticket.handle, addresses=addresses, now=now, random=desk.random
            ),
            waits=True,
        )
    except ConnectorError as error:
        shown = of_connector(desk, connector.id, error)
        failure = Failure(code=shown.entry.code, parameters=shown.parameters)
        left = ClientSession(failure=failure, reason=error.reason)
        await desk.store.put(secret, SESSION, left.to_record(), until=ticket.exchange_until)
        return Response(error_form(addresses.refresh), media_type="text/xml", headers=_NO_STORE)
    left = ClientSession(session=dict(opened.session))
    await desk.store.put(secret, SESSION, left.to_record(), until=ticket.exchange_until)
    if isinstance(opened.reply, TCToken):
        headers = {**_NO_STORE, "Content-Type": opened.reply.content_type}
        return Response(opened.reply.octets, headers=headers)
    # AusweisApp comes back to check our certificate, and only a new connection shows it one
    headers = {**_NO_STORE, "Connection": "close"}
    return RedirectResponse(opened.reply.url, status_code=303, headers=headers)


async def _no_token(desk: LoginDesk, means: EIDMeans, journey: str | None, reason: str) -> Response:
    # Without the ticket nobody knows where the browser waits, so there is no address to send it to.
    event = ClientRefused(connector=means.connector.id, journey=journey, reason=reason)
    await desk.audit.record(event, now=desk.clock())
    return PlainTextResponse("no TC token here\n", status_code=404, headers=_NO_STORE)


def error_form(communication_error_address: str) -> bytes:
    """A TC token that only says where to send the browser (TR-03124-2, A2_05)."""
    empty = "<ServerAddress/><SessionIdentifier/><RefreshAddress/>"
    address = f"<CommunicationErrorAddress>{escape(communication_error_address)}</CommunicationErrorAddress>"
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{declaration}<TCTokenType>{empty}{address}<Binding/></TCTokenType>".encode()


async def paos(desk: LoginDesk, request: Request) -> Response:
    """POST ``/connectors/{connector}/paos``: one message to an attached eID-Server, one answer.

    The connection ends with each answer. The citizen may look for the PIN longer than an idle connection
    lives, and AusweisApp would send its next message into one that is just being closed, and wait for ever;
    into a new one it resumes the TLS session, as it must (npa.md §3.4).
    """
    connector = _means(desk, request).connector
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in _PAOS_TYPES:
        raise HTTP_MEDIA_TYPE()
    message = await request.body()
    if not message:
        raise HTTP_BAD_REQUEST()
    try:
        answer = await desk.in_thread(lambda: connector.paos(message, now=desk.clock()))
    except RequestNotPossible as error:  # the eID-Server is elsewhere
        raise HTTP_NOT_FOUND(cause=error) from error
    headers = {**_NO_STORE, "Content-Type": f"{PAOS}; charset=UTF-8", "Connection": "close"}
    return Response(answer, headers=headers)


def for_the_browser(desk: LoginDesk, request: Request) -> Response | None:
    """The eID-Client, which brings a SAML processor's response here itself, learns where its browser goes.

    It follows redirects until one of ours and takes where that leads (TR-03124-1 §2.5; TR-03130-1 §4.1:
    user agent of the SAML profile is the eID-Client). So the first visit without any cookie gets its own
    address back, marked, and nothing is read, believed or consumed; the second is a browser's like any other.
    """
    query = request.scope["query_string"]
    carried = request.method == "GET" and b"SAMLResponse=" in query and query.isascii()
    if not carried or request.headers.get("cookie") or _MARK in query.split(b"&"):
        return None
    target = f"{desk.issuer}/connectors/{request.path_params['connector']}/acs?{query.decode()}"
    headers = {**_NO_STORE, "Connection": "close"}  # as above
    return RedirectResponse(f"{target}&{_MARK.decode()}", status_code=303, headers=headers)


async def with_session(desk: LoginDesk, exchange: Exchange) -> PendingExchange:
    """What ``finish`` gets: with what the eID-Client's request left behind, taken once.

    Raises SessionMissing if no client ever asked, or if it could not be served.
    """
    pending = exchange.pending
    if exchange.client_session is None:
        return pending
    record = await desk.store.take(BearerSecret.parse(exchange.client_session), SESSION)
    if record is None:
        raise SessionMissing(EID_NOT_STARTED(), "client.never-asked")
    left = ClientSession.from_record(record)
    if left.failure is not None:
        entry = CATALOGUE[left.failure.code]
        raise SessionMissing(GatewayError(entry, parameters=left.failure.parameters), left.reason)
    return replace(pending, session=left.session)
