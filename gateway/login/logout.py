"""The end-session endpoint (RP-Initiated Logout 1.0), and what else hears of it.

An ID token that we issued proves who asks and for which session, so nobody needs to be asked; without one
the citizen is. The browser leaves for registered addresses of the client that the hint or ``client_id``
names, and for nowhere else. What ends is our session; that of the eID's own scheme is not ours to end.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import Response

from gateway.audit import LoggedOut
from gateway.client_settings import Client
from gateway.jose import InvalidToken
from gateway.login.desk import LoginDesk, own_form
from gateway.login.session import ProviderSession, current, forget
from gateway.oidc.backchannel_logout import BackChannel
from gateway.oidc.id_token_hint import read_hint
from gateway.oidc.logout_errors import (
    LOGOUT_CLIENT_UNKNOWN,
    LOGOUT_HINT_INVALID,
    LOGOUT_REDIRECT_URI_MISMATCH,
    LOGOUT_UNREADABLE,
)
from gateway.oidc.parameters import Parameters, Unreadable, parse_parameters, read_form
from gateway.web.pages import LoggedOutPage, LogoutPage

_OCTETS = 65_536
_STATE = 4096
CONFIRM = "confirm"
"""Field of our own form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A logout request whose addresses are proven."""

    client: Client | None
    back: str | None
    sub: str | None
    sid: str | None
    fields: tuple[tuple[str, str], ...]
    """What our form must send again."""


async def logout(desk: LoginDesk, back_channel: BackChannel, request: Request) -> Response:
    """GET and POST ``/logout``."""
    parameters = await _read(request)
    asked = _proven(desk, parameters)
    sessions = await _sessions(desk, request, asked.client)
    confirmed = request.method == "POST" and parameters.get(CONFIRM) == "yes"
    if confirmed:
        own_form(request)
    proves = asked.sid is not None and all(session.sid == asked.sid for session in sessions)
    if sessions and not (proves or confirmed):
        frame = desk.frame(request, client=asked.client)
        return desk.render(LogoutPage(frame=frame, action=f"{desk.base}/logout", fields=asked.fields))
    ended = [(session.client_id, session.sub, session.sid) for session in sessions]
    if not sessions and asked.client is not None and asked.sid is not None and asked.sub is not None:
        ended = [(asked.client.client_id, asked.sub, asked.sid)]  # the cookie stayed at home (POST)
    told: list[str] = []
    for client_id, sub, sid in ended:
        client = desk.clients[client_id]
        await desk.audit.record(
            LoggedOut(client=client_id, sid=sid, by="citizen" if confirmed else "client"), now=desk.clock()
        )
        if await forget(desk, sid):
            back_channel.tell(client, sub=sub, sid=sid)
            told += _front_channel(desk, client, sid)
    page = LoggedOutPage(frame=desk.frame(request, client=asked.client), url=asked.back, frames=tuple(told))
    response = desk.render(page)
    for client_id, _, _ in ended:
        desk.cookies.set_session(response, client_id, None, seconds=0)
    return response


async def _read(request: Request) -> Parameters:
    try:
        if request.method == "POST":
            parameters = await read_form(request, limit=_OCTETS)
        else:
            parameters = parse_parameters(request.scope["query_string"], limit=_OCTETS)
    except Unreadable as error:
        raise LOGOUT_UNREADABLE(cause=error) from error
    if parameters.repeated:
        raise LOGOUT_UNREADABLE()
    return parameters


def _proven(desk: LoginDesk, parameters: Parameters) -> _Asked:
    """Client, way back and session of a request; raises GatewayError, for a page."""
    client, sub, sid = None, None, None
    client_id, hint = parameters.get("client_id"), parameters.get("id_token_hint")
    if hint is not None:
        try:
            client, claims = read_hint(
                hint, issuer=desk.issuer, clients=desk.clients, keys=desk.respond.keys, now=desk.clock()
            )
        except InvalidToken as error:
            raise LOGOUT_HINT_INVALID(cause=error) from error
        sub = str(claims["sub"])
        sid = str(claims["sid"]) if isinstance(claims.get("sid"), str) else None
        if client_id not in {None, client.client_id}:
            raise LOGOUT_HINT_INVALID()
    elif client_id is not None:
        client = desk.clients.get(client_id)
        if client is None:
            raise LOGOUT_CLIENT_UNKNOWN()
    uri, state = parameters.get("post_logout_redirect_uri"), parameters.get("state")
    if uri is not None and client is not None and uri not in client.post_logout_redirect_uris:
        raise LOGOUT_REDIRECT_URI_MISMATCH()
    back = uri if client is not None else None  # without a client nobody knows whose address it is
    if back is not None and state is not None and len(state) <= _STATE:
        parts = urlsplit(back)
        query = "&".join(part for part in (parts.query, urlencode({"state": state})) if part)
        back = urlunsplit(parts._replace(query=query))
    kept = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")
    fields = tuple((name, parameters.values[name]) for name in kept if name in parameters.values)
    return _Asked(client=client, back=back, sub=sub, sid=sid, fields=fields)


async def _sessions(desk: LoginDesk, request: Request, client: Client | None) -> list[ProviderSession]:
    """This browser's sessions that the request is about: of its client, or all."""
    about = [client] if client is not None else [c for c in desk.clients.values() if c.session_seconds]
    found = [
        await current(desk, request, one) for one in about if desk.cookies.session(request, one.client_id)
    ]
    return [session for session in found if session is not None]


def _front_channel(desk: LoginDesk, client: Client, sid: str) -> list[str]:
    """The address that a hidden frame calls (Front-Channel Logout §2)."""
    if client.frontchannel_logout_uri is None:
        return []
    parts = urlsplit(client.frontchannel_logout_uri)
    query = "&".join(part for part in (parts.query, urlencode({"iss": desk.issuer, "sid": sid})) if part)
    return [urlunsplit(parts._replace(query=query))]
