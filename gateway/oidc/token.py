"""The token endpoint: a code becomes an ID token and an access token, once (Core §3.1.3)."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.audit import AuditUnavailable, TokenIssued, TokenRefused
from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.jose import base64url
from gateway.oidc import token_errors
from gateway.oidc.client import authenticate, claimed_client
from gateway.oidc.grant import CodeRefused, Grant, redeem, revoke
from gateway.oidc.id_token import id_token
from gateway.oidc.parameters import Parameters, Unreadable, read_form
from gateway.oidc.provider import Provider
from gateway.oidc.respond import description, error_uri
from trust.errors import KeyUnavailable

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

_OCTETS = 32_768
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


async def token(provider: Provider, request: Request) -> Response:
    """POST /token."""
    now = provider.clock()
    headers = request.headers.getlist("authorization")
    authorization = headers[0] if headers else None
    parameters: Parameters | None = None
    redemption = _Redemption()
    try:
        if len(headers) > 1:
            raise token_errors.CLIENT_AUTHENTICATION_AMBIGUOUS()
        parameters = await _read(request)
        client = await authenticate(provider, authorization, parameters, now=now)
        _grant_type(parameters)
        body = await redemption.run(provider, client, parameters, now)
    except AuditUnavailable:
        raise  # a refusal could not be written down either
    except GatewayError as error:
        known = None if parameters is None else claimed_client(authorization, parameters)
        await provider.audit.record(
            TokenRefused(
                journey=redemption.journey,
                client=known if known in provider.clients else None,
                code=error.entry.code,
                revoked=redemption.revoked,
            ),
            now=now,
        )
        return error_body(provider, error, basic=authorization is not None)
    return JSONResponse(body, headers=NO_STORE)


class _Redemption:
    """One code on its way to tokens; knows, if it fails, what the audit log must say."""

    def __init__(self) -> None:
        self.journey: str | None = None
        self.revoked = False

    async def run(
        self, provider: Provider, client: Client, parameters: Parameters, now: datetime
    ) -> dict[str, object]:
        """The token response (RFC 6749 §5.1); raises GatewayError."""
        code, redirect_uri = parameters.get("code"), parameters.get("redirect_uri")
        verifier = parameters.get("code_verifier") or ""
        if code is None or redirect_uri is None:
            raise token_errors.CODE_MISSING()
        if _VERIFIER.fullmatch(verifier) is None:
            raise token_errors.CODE_VERIFIER_MISSING()
        try:
            self.journey, grant = await redeem(provider.store, code, now=now)
        except CodeRefused as refusal:
            self.journey, self.revoked = refusal.journey, refusal.revoked
            raise token_errors.CODE_INVALID(cause=refusal) from refusal
        # The code is spent from here on: whatever is wrong now, nobody gets a second try.
        try:
            _belongs_to(grant, client, redirect_uri, verifier)
            signed = id_token(
                grant,
                provider.keys.active(client.id_token_signed_response_alg),
                lifetime=provider.limits.id_token_seconds,
                now=now,
            )
        except KeyUnavailable as error:
            await revoke(provider.store, grant)
            raise token_errors.TOKEN_UNSIGNED(cause=error) from error
        except GatewayError:
            await revoke(provider.store, grant)
            self.revoked = True
            raise
        issued = TokenIssued(
            journey=self.journey,
            client=client.client_id,
            level=grant.level,
            authentication=client.token_endpoint_auth_method,
        )
        await provider.audit.record(issued, now=now)
        return {
            "access_token": grant.access_token,
            "token_type": "Bearer",
            "expires_in": int((grant.access_until - now).total_seconds()),
            "id_token": signed,
            "scope": " ".join(grant.scope),
        }


def _grant_type(parameters: Parameters) -> None:
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise token_errors.GRANT_TYPE_MISSING()
    if grant_type != "authorization_code":
        raise token_errors.GRANT_TYPE_UNSUPPORTED()


def _belongs_to(grant: Grant, client: Client, redirect_uri: str, verifier: str) -> None:
    """The code is this client's, from this redirect URI, from this browser session (RFC 7636 §4.6)."""
    if grant.client_id != client.client_id or grant.redirect_uri != redirect_uri:
        raise token_errors.CODE_INVALID()
    challenge = base64url(hashlib.sha256(verifier.encode("ascii")).digest())
    if not hmac.compare_digest(challenge, grant.code_challenge):
        raise token_errors.CODE_VERIFIER_WRONG()


async def _read(request: Request) -> Parameters:
    try:
        parameters = await read_form(request, limit=_OCTETS)
    except Unreadable as error:
        raise token_errors.TOKEN_REQUEST_UNREADABLE(cause=error) from error
    if parameters.repeated:
        raise token_errors.TOKEN_REQUEST_UNREADABLE()
    return parameters


def error_body(provider: Provider, error: GatewayError, *, basic: bool) -> Response:
    """The JSON error of the token endpoint (RFC 6749 §5.2)."""
    headers = dict(NO_STORE)
    if basic and error.entry.http_status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="token", charset="UTF-8"'
    return JSONResponse(
        {
            "error": error.entry.oidc_error,
            "error_description": description(error),
            "error_uri": error_uri(provider.issuer, error),
        },
        status_code=error.entry.http_status,
        headers=headers,
    )
