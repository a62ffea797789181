"""The UserInfo endpoint (Core §5.3), a protected resource by RFC 6750."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.audit import UserInfoRefused
from gateway.client_certificate import presented as certificate
from gateway.errors import GatewayError
from gateway.oidc import token_errors
from gateway.oidc.client_request import NO_STORE
from gateway.oidc.confirmation import thumbprint_of
from gateway.oidc.dpop import ALGORITHMS, HEADER, Expected, proof_key
from gateway.oidc.encryption import recipient
from gateway.oidc.grant import UserInfo, read_userinfo
from gateway.oidc.parameters import Unreadable, parse_parameters, read_form
from gateway.oidc.provider import Provider
from gateway.oidc.respond import description, error_uri
from trust.errors import KeyUnavailable

_OCTETS = 16_384
_OF_DPOP = (
    token_errors.ACCESS_TOKEN_BOUND,
    token_errors.DPOP_PROOF_INVALID,
    token_errors.DPOP_PROOF_REPLAYED,
)


async def userinfo(provider: Provider, request: Request) -> Response:
    """GET and POST /userinfo."""
    now = provider.clock()
    try:
        presented = await _presented(request)
        found = await read_userinfo(
            provider.store, presented.access_token, withdrawn=provider.withdrawn, now=now
        )
        if found is None:
            raise token_errors.ACCESS_TOKEN_INVALID()
        await _holder_is_the_one(provider, request, presented, found, now)
        return await _answer(provider, found, now)
    except GatewayError as error:
        await provider.audit.record(UserInfoRefused(code=error.entry.code), now=now)
        return _refusal(provider, error)


@dataclass(frozen=True, slots=True)
class _Presented:
    """An access token and how it came."""

    access_token: str = field(repr=False)
    scheme: str


async def _holder_is_the_one(
    provider: Provider, request: Request, presented: _Presented, found: UserInfo, now: datetime
) -> None:
    """A bound token is worthless without its key, also under the scheme Bearer (RFC 9449 §7.1, §7.2)."""
    if found.x5t is not None and found.x5t != thumbprint_of(certificate(request.scope)):
        raise token_errors.ACCESS_TOKEN_BOUND()
    if found.jkt is None:
        if presented.scheme == "dpop":
            raise token_errors.ACCESS_TOKEN_INVALID()
        return
    if presented.scheme != "dpop":
        raise token_errors.ACCESS_TOKEN_BOUND()
    expected = Expected(
        method=request.method, url=provider.address_of(request), access_token=presented.access_token
    )
    jkt = await proof_key(provider.store, request.headers.getlist(HEADER), expected, now=now)
    if jkt != found.jkt:
        raise token_errors.ACCESS_TOKEN_BOUND()


async def _presented(request: Request) -> _Presented:
    """The one access token of a request: header, or form body of a POST, never the query."""
    found: list[_Presented] = []
    try:
        if "access_token" in parse_parameters(request.scope["query_string"], limit=_OCTETS).values:
            raise token_errors.ACCESS_TOKEN_MISPLACED()
        authorization = request.headers.getlist("authorization")
        if len(authorization) > 1:
            raise token_errors.ACCESS_TOKEN_MISPLACED()
        for header in authorization:
            scheme, _, text = header.partition(" ")
            if scheme.lower() in {"bearer", "dpop"}:
                found.append(_Presented(text.strip(), scheme.lower()))
        if request.method == "POST" and "content-type" in request.headers:
            form = await read_form(request, limit=_OCTETS)
            if "access_token" in form.repeated:
                raise token_errors.ACCESS_TOKEN_MISPLACED()
            sent = form.get("access_token")
            if sent is not None:
                found.append(_Presented(sent, "bearer"))
    except Unreadable as error:
        raise token_errors.ACCESS_TOKEN_MISPLACED(cause=error) from error
    if len(found) > 1:
        raise token_errors.ACCESS_TOKEN_MISPLACED()
    if not found or not found[0].access_token:
        raise token_errors.ACCESS_TOKEN_MISSING()
    return found[0]


async def _answer(provider: Provider, found: UserInfo, now: datetime) -> Response:
    """JSON; or a JWT, signed with ``iss`` and ``aud``, encrypted, or both, as registered (Core §5.3.2)."""
    client = provider.clients.get(found.client_id)
    if client is None:
        raise token_errors.ACCESS_TOKEN_INVALID()  # the client was removed after the login
    addressee = await recipient(provider, client, "userinfo", now=now)
    alg = client.userinfo_signed_response_alg
    if alg is None and addressee is None:
        return JSONResponse(found.claims, headers=NO_STORE)
    claims: dict[str, JsonValue] = {**found.claims, "iss": provider.issuer, "aud": found.client_id}
    try:
        content = json.dumps(claims)
        if alg is not None:
            content = await provider.keys.while_signing(partial(provider.keys.active(alg).sign, claims))
    except KeyUnavailable as error:
        raise token_errors.TOKEN_UNSIGNED(cause=error) from error
    if addressee is not None:
        content = addressee.encrypt(content, nested=alg is not None)
    return Response(content, media_type="application/jwt", headers=NO_STORE)


def _refusal(provider: Provider, error: GatewayError) -> Response:
    """RFC 6750 §3: the challenge says what was wrong, except to who sent no token at all."""
    entry = error.entry
    headers = dict(NO_STORE)
    if entry is token_errors.ACCESS_TOKEN_MISSING:
        headers["WWW-Authenticate"] = 'Bearer realm="userinfo"'
    elif entry.http_status in {400, 401}:
        bound = entry in _OF_DPOP
        scheme, algorithms = ("DPoP", f', algs="{" ".join(ALGORITHMS)}"') if bound else ("Bearer", "")
        headers["WWW-Authenticate"] = (
            f'{scheme} realm="userinfo", error="{entry.oidc_error}", '
            f'error_description="{description(error)}"{algorithms}'
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
