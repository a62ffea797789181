"""The authorization endpoint: follow one login from here.

1. ``authorize`` reads the parameters, or what the client pushed before, and proves client and redirect
   URI. Until both are proven, a refusal is a page, and nothing is sent anywhere (RFC 6749 §4.1.2.1).
2. ``checks.STEPS`` run, top to bottom; from here on a refusal goes to the client.
3. The journey opens (``gateway.login``): the citizen chooses, identifies and releases.
4. At release ``authorization_code.CodeIssuer`` makes code and claims, ``respond`` builds the way back.
5. The client redeems the code at ``token`` and reads ``userinfo``.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from connectors.contract import BrowserDispatch, RedirectDispatch
from gateway.audit import AuditUnavailable, RequestRefused
from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.oidc import checks, errors
from gateway.oidc.checks import STEPS
from gateway.oidc.draft import Draft
from gateway.oidc.parameters import Parameters, Unreadable, parse_parameters, read_form
from gateway.oidc.provider import Provider
from gateway.oidc.pushed import PREFIX, PushedRequest, read
from gateway.oidc.request import AuthorizationRequest
from gateway.oidc.request_object import unpack

_OCTETS = 65_536


async def authorize(provider: Provider, request: Request) -> Response:
    """GET and POST /authorize (Core §3.1.2.1)."""
    now = provider.clock()
    client: Client | None = None
    draft: Draft | None = None
    try:
        parameters = await _read(request)
        client = _proven_client(provider, parameters)
        pushed, parameters = await _pushed(provider, client, parameters)
        draft = _outside(provider, client, parameters, now)
        draft = await arrive(provider, client, parameters, pushed=pushed, now=now)
        for step in STEPS:
            step(draft)
        checked = within_reach(provider, client, draft.request(), now)
        return await provider.open_journey(client, checked, http=request, now=now)
    except AuditUnavailable:
        raise  # a refusal could not be written down either
    except GatewayError as error:
        if client is None or draft is None or not error.entry.to_client:
            return await _refuse_with_page(provider, client, error, request, now)
        await provider.audit.record(RequestRefused(client=client.client_id, code=error.entry.code), now=now)
        answer = provider.respond.error(draft.return_address, error, now=now)
        return _answer(provider, client, answer, draft.ui_locales)


async def arrive(
    provider: Provider,
    client: Client,
    parameters: Parameters,
    *,
    pushed: PushedRequest | None = None,
    pushing: bool = False,
    now: datetime,
) -> Draft:
    """What will be checked, with a proven redirect URI; raises GatewayError."""
    signed = parameters.get("request") is not None
    inside = await unpack(
        client,
        parameters,
        keys=provider.client_keys,
        issuer=provider.issuer,
        skew=provider.limits.clock_skew_seconds,
        now=now,
    )
    return Draft(
        parameters=inside,
        client=client,
        redirect_uri=_proven_redirect_uri(client, inside),
        issuer=provider.issuer,
        keys=provider.keys,
        now=now,
        pushed=pushed.secret if pushed else None,
        pushing=pushing,
        signed=signed or (pushed is not None and pushed.signed),
        dpop_jkt=pushed.dpop_jkt if pushed else None,
    )


def _outside(provider: Provider, client: Client, parameters: Parameters, now: datetime) -> Draft | None:
    """Who is told that a request object is unreadable: the redirect URI beside it, if it is a registered one."""
    redirect_uri = parameters.get("redirect_uri")
    if parameters.get("request") is None or redirect_uri not in client.redirect_uris:
        return None
    draft = Draft(
        parameters=parameters,
        client=client,
        redirect_uri=redirect_uri,
        issuer=provider.issuer,
        keys=provider.keys,
        now=now,
    )
    with suppress(GatewayError):
        checks.response_mode(draft)
    return draft


async def _pushed(
    provider: Provider, client: Client, parameters: Parameters
) -> tuple[PushedRequest | None, Parameters]:
    """A pushed request in place of the parameters, none of which then counts (RFC 9126 §4)."""
    request_uri = parameters.get("request_uri")
    if request_uri is None or not request_uri.startswith(PREFIX):
        return None, parameters
    pushed = await read(provider.store, request_uri, client)
    return pushed, pushed.parameters


async def _read(request: Request) -> Parameters:
    try:
        if request.method == "POST":
            return await read_form(request, limit=_OCTETS)
        return parse_parameters(request.scope["query_string"], limit=_OCTETS)
    except Unreadable as error:
        raise errors.REQUEST_UNREADABLE(cause=error) from error


def _proven_client(provider: Provider, parameters: Parameters) -> Client:
    client = provider.clients.get(parameters.get("client_id") or "")
    if client is None:
        raise errors.CLIENT_UNKNOWN()
    return client


def _proven_redirect_uri(client: Client, parameters: Parameters) -> str:
    """Exact match, octet by octet (Core §3.1.2.1, RFC 9700 §2.1)."""
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or redirect_uri not in client.redirect_uris:
        raise errors.REDIRECT_URI_MISMATCH()
    return redirect_uri


def within_reach(
    provider: Provider, client: Client, checked: AuthorizationRequest, now: datetime
) -> AuthorizationRequest:
    """Refuse an essential level that no means of the client has; lower a mere wish to what there is."""
    if not checked.acr.values:
        return checked
    highest = provider.reach(client, checked, now=now)
    if highest is None or highest >= checked.minimum:
        return checked
    if checked.acr.essential:
        raise errors.ACR_UNREACHABLE()
    return replace(checked, minimum=max(highest, client.level))


async def _refuse_with_page(
    provider: Provider, client: Client | None, error: GatewayError, request: Request, now: datetime
) -> Response:
    known = None if client is None else client.client_id
    await provider.audit.record(RequestRefused(client=known, code=error.entry.code), now=now)
    return provider.pages.error(request, error, client=client)


def _answer(
    provider: Provider, client: Client, dispatch: BrowserDispatch, languages: tuple[str, ...]
) -> Response:
    """The browser's way to the client: 303, never 307 (RFC 9700 §4.12), or a form."""
    if isinstance(dispatch, RedirectDispatch):
        return RedirectResponse(dispatch.url, status_code=303, headers={"Cache-Control": "no-store"})
    return provider.pages.form(dispatch, client=client, languages=languages)
