"""The revocation endpoint (RFC 7009): a client gives back what it no longer needs."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from gateway.audit import RevocationRefused, TokenRevoked
from gateway.oidc import access_token, token_errors
from gateway.oidc.client_request import NO_STORE, Call, serve
from gateway.oidc.grant import end_access, read_userinfo
from gateway.oidc.provider import Provider


async def revoke(provider: Provider, request: Request) -> Response:
    """POST /revoke."""
    return await serve(provider, request, partial(_revoke, provider), _refused)


def _refused(client: str | None, code: str) -> RevocationRefused:
    return RevocationRefused(client=client, code=code)


async def _revoke(provider: Provider, call: Call) -> Response:
    """200 also for a token that is unknown, expired or somebody else's, which then stays (§2.1, §2.2)."""
    token = call.parameters.get("token")
    if token is None:
        raise token_errors.TOKEN_PARAMETER_MISSING()
    if call.parameters.get("token_type_hint") == "refresh_token":
        raise token_errors.TOKEN_TYPE_UNSUPPORTED()
    found = await read_userinfo(provider.store, token, now=call.now)
    if found is not None:
        if found.client_id == call.client.client_id:
            await _note(provider, call)
            await end_access(provider.store, token)
    elif claims := await access_token.given_to(call.client, provider, token, now=call.now):
        await _note(provider, call)
        await access_token.revoke(provider, claims)
    return Response(headers=NO_STORE)


async def _note(provider: Provider, call: Call) -> None:
    await provider.audit.record(TokenRevoked(client=call.client.client_id), now=call.now)
