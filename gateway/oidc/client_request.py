"""Requests that clients send themselves, not through a browser: read, authenticated, refused in one way.

The token, pushed authorization request, introspection and revocation endpoints share this; what each does
with an authenticated ``Call`` is its own module.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.audit import AuditUnavailable, Event
from gateway.client_certificate import presented
from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.oidc import token_errors
from gateway.oidc.client import authenticate, claimed_client
from gateway.oidc.dpop import HEADER, Expected, proof_key
from gateway.oidc.parameters import Parameters, Unreadable, read_form
from gateway.oidc.provider import Provider
from gateway.oidc.respond import description, error_uri

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_OCTETS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request whose client is known."""

    request: Request = field(repr=False)
    client: Client
    parameters: Parameters = field(repr=False)
    certificate: bytes | None = field(repr=False)
    """DER; what the client showed in the TLS handshake."""
    now: datetime

    async def proof_key(self, provider: Provider) -> str | None:
        """The key of the DPoP proof that came along, if one did; raises GatewayError."""
        proofs = self.request.headers.getlist(HEADER)
        expected = Expected(method=self.request.method, url=provider.address_of(self.request))
        return await proof_key(provider.store, proofs, expected, now=self.now)


Step = Callable[[Call], Awaitable[Response]]
Refused = Callable[[str | None, str], Event]
"""The audit event of a refusal: registered client or None, and the catalogue's code."""


async def serve(provider: Provider, request: Request, step: Step, refused: Refused) -> Response:
    """Let an authenticated client do ``step``; a refusal is in the audit log before it is answered."""
    now = provider.clock()
    headers = request.headers.getlist("authorization")
    authorization = headers[0] if headers else None
    certificate = presented(request.scope)
    parameters: Parameters | None = None
    client: Client | None = None
    try:
        if len(headers) > 1:
            raise token_errors.CLIENT_AUTHENTICATION_AMBIGUOUS()
        parameters = await _read(request)
        client = await authenticate(provider, authorization, parameters, certificate=certificate, now=now)
        call = Call(request=request, client=client, parameters=parameters, certificate=certificate, now=now)
        return await step(call)
    except AuditUnavailable:
        raise  # a refusal could not be written down either
    except GatewayError as error:
        named = client.client_id if client else None
        if client is None and parameters is not None:
            named = claimed_client(authorization, parameters, certificate)
        event = refused(named if named in provider.clients else None, error.entry.code)
        await provider.audit.record(event, now=now)
        return refusal(provider, error, basic=authorization is not None)


async def _read(request: Request) -> Parameters:
    try:
        parameters = await read_form(request, limit=_OCTETS)
    except Unreadable as error:
        raise token_errors.TOKEN_REQUEST_UNREADABLE(cause=error) from error
    if parameters.repeated:
        raise token_errors.TOKEN_REQUEST_UNREADABLE()
    return parameters


def refusal(provider: Provider, error: GatewayError, *, basic: bool) -> Response:
    """The JSON error (RFC 6749 §5.2)."""
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
