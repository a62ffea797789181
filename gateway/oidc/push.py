"""The pushed authorization request endpoint (RFC 9126): everything is checked now, and told as JSON."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.audit import PushRefused, RequestPushed
from gateway.oidc import request_object_errors
from gateway.oidc.authorize import arrive, within_reach
from gateway.oidc.checks import STEPS
from gateway.oidc.client_request import Call, serve
from gateway.oidc.parameters import Parameters
from gateway.oidc.provider import Provider
from gateway.oidc.pushed import PushedRequest, keep

_OF_THE_CLIENT = frozenset({"client_secret", "client_assertion", "client_assertion_type", "request"})
"""Parameters that are no part of the authorization request."""


async def push(provider: Provider, request: Request) -> Response:
    """POST /par."""
    return await serve(provider, request, partial(_push, provider), _refused)


def _refused(client: str | None, code: str) -> PushRefused:
    return PushRefused(client=client, code=code)


async def _push(provider: Provider, call: Call) -> Response:
    if call.parameters.get("request_uri") is not None:
        raise request_object_errors.REQUEST_URI_PUSHED()
    jkt = await call.proof_key(provider)
    draft = await arrive(provider, call.client, _asked(call.parameters), pushing=True, now=call.now)
    draft.dpop_jkt = jkt
    for step in STEPS:
        step(draft)
    within_reach(provider, call.client, draft.request(), call.now)
    seconds = provider.limits.pushed_request_seconds
    pushed = PushedRequest(
        client_id=call.client.client_id,
        values=draft.parameters.values,
        resources=draft.parameters.resources,
        signed=draft.signed,
        dpop_jkt=draft.dpop_jkt,
    )
    until = call.now + timedelta(seconds=seconds)
    request_uri = await keep(provider.store, pushed, random=provider.random, until=until)
    event = RequestPushed(client=call.client.client_id, signed=draft.signed, bound=draft.dpop_jkt is not None)
    await provider.audit.record(event, now=call.now)
    return JSONResponse(
        {"request_uri": request_uri, "expires_in": seconds},
        status_code=201,
        headers={"Cache-Control": "no-cache, no-store"},
    )


def _asked(parameters: Parameters) -> Parameters:
    """The authorization request among the parameters; a request object stays, alone it counts then."""
    signed = parameters.get("request")
    values = {name: value for name, value in parameters.values.items() if name not in _OF_THE_CLIENT}
    return Parameters({**values, "request": signed} if signed else values, frozenset(), parameters.resources)
