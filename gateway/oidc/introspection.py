"""The introspection endpoint (RFC 7662, RFC 9701): a resource server asks about a token it was sent.

Only registered resource servers may ask, and each only learns about its own tokens; whatever else a
token is, the answer is that it is not active.
"""

from __future__ import annotations

from functools import partial

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.audit import IntrospectionRefused
from gateway.oidc import access_token, token_errors
from gateway.oidc.client_request import NO_STORE, Call, serve
from gateway.oidc.provider import Provider
from trust.errors import KeyUnavailable

_SIGNED = "application/token-introspection+jwt"
_TOLD = ("iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti", "acr", "auth_time", "cnf")


async def introspect(provider: Provider, request: Request) -> Response:
    """POST /introspect."""
    return await serve(provider, request, partial(_introspect, provider), _refused)


def _refused(client: str | None, code: str) -> IntrospectionRefused:
    return IntrospectionRefused(client=client, code=code)


async def _introspect(provider: Provider, call: Call) -> Response:
    token = call.parameters.get("token")
    if call.client.resource is None:
        raise token_errors.INTROSPECTION_FORBIDDEN()
    if token is None:
        raise token_errors.TOKEN_PARAMETER_MISSING()
    claims = await access_token.read(provider, token, call.client.resource, now=call.now)
    answer: dict[str, JsonValue] = {"active": False}
    if claims is not None and await access_token.still_believed(provider, claims):
        answer = {name: claims[name] for name in _TOLD if name in claims}
        answer["active"] = True
        answer["token_type"] = "DPoP" if "jkt" in _confirmation(claims) else "Bearer"
    accepted = {part.partition(";")[0].strip() for part in call.request.headers.get("accept", "").split(",")}
    if _SIGNED in accepted:
        return await _signed(provider, call, answer)
    return JSONResponse(answer, headers=NO_STORE)


def _confirmation(claims: dict[str, JsonValue]) -> dict[str, JsonValue]:
    found = claims.get("cnf")
    return found if isinstance(found, dict) else {}


async def _signed(provider: Provider, call: Call, answer: dict[str, JsonValue]) -> Response:
    """RFC 9701 §5: evidence for the resource server, which no one can take for an access token."""
    claims: dict[str, JsonValue] = {
        "iss": provider.issuer,
        "aud": call.client.client_id,
        "iat": int(call.now.timestamp()),
        "token_introspection": answer,
    }
    try:
        key = provider.keys.active(call.client.introspection_signed_response_alg)
        text = await provider.keys.while_signing(partial(key.sign, claims, typ="token-introspection+jwt"))
    except KeyUnavailable as error:
        raise token_errors.TOKEN_UNSIGNED(cause=error) from error
    return Response(text, media_type=_SIGNED, headers=NO_STORE)
