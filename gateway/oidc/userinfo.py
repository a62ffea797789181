"""The UserInfo endpoint (Core §5.3), a protected resource by RFC 6750."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.audit import UserInfoRefused
from gateway.errors import GatewayError
from gateway.oidc import token_errors
from gateway.oidc.grant import UserInfo, read_userinfo
from gateway.oidc.parameters import Unreadable, parse_parameters, read_form
from gateway.oidc.provider import Provider
from gateway.oidc.respond import description, error_uri
from gateway.oidc.token import NO_STORE
from trust.errors import KeyUnavailable

_OCTETS = 16_384


async def userinfo(provider: Provider, request: Request) -> Response:
    """GET and POST /userinfo."""
    now = provider.clock()
    try:
        access_token = await _access_token(request)
        found = await read_userinfo(provider.store, access_token, now=now)
        if found is None:
            raise token_errors.ACCESS_TOKEN_INVALID()
        return _answer(provider, found)
    except GatewayError as error:
        await provider.audit.record(UserInfoRefused(code=error.entry.code), now=now)
        return _refusal(provider, error)


async def _access_token(request: Request) -> str:
    """The one access token of a request: header, or form body of a POST, never the query."""
    found = []
    try:
        if "access_token" in parse_parameters(request.scope["query_string"], limit=_OCTETS).values:
            raise token_errors.ACCESS_TOKEN_MISPLACED()
        authorization = request.headers.getlist("authorization")
        if len(authorization) > 1:
            raise token_errors.ACCESS_TOKEN_MISPLACED()
        for header in authorization:
            scheme, _, text = header.partition(" ")
            if scheme.lower() == "bearer":
                found.append(text.strip())
        if request.method == "POST" and "content-type" in request.headers:
            form = await read_form(request, limit=_OCTETS)
            if "access_token" in form.repeated:
                raise token_errors.ACCESS_TOKEN_MISPLACED()
            found += [token for token in [form.get("access_token")] if token is not None]
    except Unreadable as error:
        raise token_errors.ACCESS_TOKEN_MISPLACED(cause=error) from error
    if len(found) > 1:
        raise token_errors.ACCESS_TOKEN_MISPLACED()
    if not found or not found[0]:
        raise token_errors.ACCESS_TOKEN_MISSING()
    return found[0]


def _answer(provider: Provider, found: UserInfo) -> Response:
    """JSON, or a signed JWT with ``iss`` and ``aud`` if the client registered for it (Core §5.3.2)."""
    client = provider.clients.get(found.client_id)
    if client is None:
        raise token_errors.ACCESS_TOKEN_INVALID()  # the client was removed after the login
    alg = client.userinfo_signed_response_alg
    if alg is None:
        return JSONResponse(found.claims, headers=NO_STORE)
    try:
        signed = provider.keys.active(alg).sign(
            {**found.claims, "iss": provider.issuer, "aud": found.client_id}
        )
    except KeyUnavailable as error:
        raise token_errors.TOKEN_UNSIGNED(cause=error) from error
    return Response(signed, media_type="application/jwt", headers=NO_STORE)


def _refusal(provider: Provider, error: GatewayError) -> Response:
    """RFC 6750 §3: the challenge says what was wrong, except to who sent no token at all."""
    entry = error.entry
    headers = dict(NO_STORE)
    if entry is token_errors.ACCESS_TOKEN_MISSING:
        headers["WWW-Authenticate"] = 'Bearer realm="userinfo"'
    elif entry.http_status in {400, 401}:
        headers["WWW-Authenticate"] = (
            f'Bearer realm="userinfo", error="{entry.oidc_error}", error_description="{description(error)}"'
        )
    return JSONResponse(
        {
            "error": entry.oidc_error,
            "error_description": description(error),
            "error_uri": error_uri(provider.issuer, error),
        },
        status_code=entry.http_status,
        headers=headers,
    )
