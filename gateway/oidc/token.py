"""The token endpoint: a code becomes an ID token and an access token, once (Core §3.1.3)."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.audit import TokenIssued, TokenRefused
from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.jose import base64url
from gateway.oidc import access_token, token_errors
from gateway.oidc.client_request import NO_STORE, Call, serve
from gateway.oidc.confirmation import Confirmation, proven
from gateway.oidc.encryption import recipient
from gateway.oidc.exchange import GRANT_TYPE, exchange
from gateway.oidc.grant import CodeRefused, Grant, bind, check_origin, redeem, revoke
from gateway.oidc.id_token import id_token
from gateway.oidc.provider import Provider
from gateway.withdrawn import SourceSuspended
from trust.errors import KeyUnavailable

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


async def token(provider: Provider, request: Request) -> Response:
    """POST /token."""
    redemption = _Redemption()

    async def step(call: Call) -> Response:
        grant_type = call.parameters.get("grant_type")
        if grant_type is None:
            raise token_errors.GRANT_TYPE_MISSING()
        if grant_type == GRANT_TYPE:
            return JSONResponse(await exchange(provider, call), headers=NO_STORE)
        if grant_type != "authorization_code":
            raise token_errors.GRANT_TYPE_UNSUPPORTED()
        return JSONResponse(await redemption.run(provider, call), headers=NO_STORE)

    def refused(client: str | None, code: str) -> TokenRefused:
        return TokenRefused(journey=redemption.journey, client=client, code=code, revoked=redemption.revoked)

    return await serve(provider, request, step, refused)


class _Redemption:
    """One code on its way to tokens; knows, if it fails, what the audit log must say."""

    def __init__(self) -> None:
        self.journey: str | None = None
        self.revoked = False

    async def run(self, provider: Provider, call: Call) -> dict[str, object]:
        """The token response (RFC 6749 §5.1); raises GatewayError."""
        client, parameters, now = call.client, call.parameters, call.now
        code, redirect_uri = parameters.get("code"), parameters.get("redirect_uri")
        verifier = parameters.get("code_verifier")
        if code is None or redirect_uri is None:
            raise token_errors.CODE_MISSING()
        if verifier is None and client.require_pkce:
            raise token_errors.CODE_VERIFIER_MISSING()
        if verifier is not None and _VERIFIER.fullmatch(verifier) is None:
            raise token_errors.CODE_VERIFIER_MISSING()
        confirmation = await proven(provider, call)
        addressee = await recipient(provider, client, "id_token", now=now)
        try:
            self.journey, grant = await redeem(provider.store, code, now=now)
        except CodeRefused as refusal:
            self.journey, self.revoked = refusal.journey, refusal.revoked
            raise token_errors.CODE_INVALID(cause=refusal) from refusal
        # The code is spent from here on: whatever is wrong now, nobody gets a second try.
        try:
            _belongs_to(grant, client, redirect_uri, verifier, confirmation)
            check_origin(grant.audience, provider.withdrawn)
            resource = access_token.chosen(parameters.resources, grant.resources or client.resources)
            for_resource, signed = await provider.keys.while_signing(
                partial(_tokens, provider, client, grant, resource, confirmation, now=now)
            )
        except KeyUnavailable as error:
            await revoke(provider.store, grant)
            raise token_errors.TOKEN_UNSIGNED(cause=error) from error
        except SourceSuspended as error:
            await revoke(provider.store, grant)
            self.revoked = True
            raise token_errors.CODE_INVALID(cause=error) from error
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
        if for_resource:
            await access_token.note_origin(provider.store, grant.audience)
            await revoke(provider.store, grant)  # nobody gets the token that opens UserInfo
        elif confirmation.x5t or confirmation.jkt != grant.dpop_jkt:  # not yet bound with the code
            await bind(provider.store, grant, jkt=confirmation.jkt, x5t=confirmation.x5t)
        return {
            "access_token": for_resource or grant.access_token,
            "token_type": confirmation.token_type,
            "expires_in": int((grant.access_until - now).total_seconds()),
            "id_token": addressee.encrypt(signed, nested=True) if addressee else signed,
            "scope": " ".join(grant.scope),
        }


def _tokens(
    provider: Provider,
    client: Client,
    grant: Grant,
    resource: str | None,
    confirmation: Confirmation,
    *,
    now: datetime,
) -> tuple[str | None, str]:
    """Access token for ``resource``, if there is one, and the ID token. Raises KeyUnavailable."""
    for_resource = resource and access_token.sign(provider, grant.audience, resource, confirmation, now=now)
    signed = id_token(
        grant,
        for_resource or grant.access_token,
        provider.keys.active(client.id_token_signed_response_alg),
        lifetime=provider.limits.id_token_seconds,
        now=now,
    )
    return for_resource, signed


def _belongs_to(
    grant: Grant, client: Client, redirect_uri: str, verifier: str | None, confirmation: Confirmation
) -> None:
    """The code is this client's, from this redirect URI, browser (RFC 7636 §4.6) and key (RFC 9449 §10)."""
    if grant.client_id != client.client_id or grant.redirect_uri != redirect_uri:
        raise token_errors.CODE_INVALID()
    # A verifier without a challenge tells of one that was cut off on the way (RFC 9700 §2.1.1, §4.8.2).
    challenge = "" if verifier is None else base64url(hashlib.sha256(verifier.encode("ascii")).digest())
    if not hmac.compare_digest(challenge, grant.code_challenge):
        raise token_errors.CODE_VERIFIER_WRONG()
    if grant.dpop_jkt is not None and grant.dpop_jkt != confirmation.jkt:
        raise token_errors.PROOF_OF_POSSESSION_WRONG()
