"""Dynamic client registration (RFC 7591) and its management (RFC 7592), for the sandbox and certification.

Only in development mode, and only where the operator enabled it. A client gets its secret once, with
the answer that makes it; kept are hashes. What a service must settle here with its operator (purpose,
attributes, means) is the same, and generous, for everybody who registers.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.audit import AuditUnavailable
from gateway.audit.operations import (
    ClientRegistered,
    ClientRegistrationChanged,
    ClientRegistrationEnded,
    RegistrationRefused,
)
from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.jose import base64url, parse_object
from gateway.oidc.client_keys import Get
from gateway.oidc.client_request import NO_STORE
from gateway.oidc.provider import Provider
from gateway.oidc.registered import PREFIX, RegisteredClients, Registration, digest
from gateway.oidc.registration_errors import REGISTRATION_TOKEN_INVALID, REGISTRATION_UNREADABLE
from gateway.oidc.registration_metadata import Asked, effective, invalid, read
from gateway.oidc.respond import description, error_uri
from gateway.settings import ConfigurationProblem
from trust.errors import MetadataError

PATH = "/register"
_OCTETS = 65_536
_OF_THE_SERVER = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)
"""Members that a client must not send back (RFC 7592 §2.2)."""

Check = Callable[[Client], list[ConfigurationProblem]]
"""What is wrong with a registration, by the rules for the operator's own files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """What registering needs beside the provider."""

    provider: Provider
    clients: RegisteredClients
    check: Check
    fixed: Mapping[str, Any]
    """Settings that are the same for every client that registers itself."""
    get: Get
    per_minute: int
    """Requests of one address; 0: no limit."""
    initial_access_token: str | None = None


async def register(registrar: Registrar, request: Request) -> Response:
    """POST /register (RFC 7591 §3)."""
    return await _serve(registrar, request, _register)


async def manage(registrar: Registrar, request: Request) -> Response:
    """GET, PUT and DELETE /register/{client_id} (RFC 7592 §2)."""
    steps = {"GET": _show, "HEAD": _show, "PUT": _change, "DELETE": _end}
    return await _serve(registrar, request, steps[request.method])


Step = Callable[[Registrar, Request, datetime], Awaitable[Response]]


async def _serve(registrar: Registrar, request: Request, step: Step) -> Response:
    provider = registrar.provider
    now = provider.clock()
    try:
        return await step(registrar, request, now)
    except AuditUnavailable:
        raise
    except GatewayError as error:
        named = request.path_params.get("client_id")
        known = named if named is not None and named in provider.clients else None
        await provider.audit.record(RegistrationRefused(client=known, code=error.entry.code), now=now)
        return _refusal(provider, error)


def _refusal(provider: Provider, error: GatewayError) -> Response:
    told = description(error)
    if "member" in error.parameters:
        told += f": {error.parameters['member']}"
    body = {
        "error": error.entry.oidc_error,
        "error_description": told,
        "error_uri": error_uri(provider.issuer, error),
    }
    headers = dict(NO_STORE)
    if error.entry.http_status == 401:
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return JSONResponse(body, status_code=error.entry.http_status, headers=headers)


async def _register(registrar: Registrar, request: Request, now: datetime) -> Response:
    expected = registrar.initial_access_token
    if expected is not None and not hmac.compare_digest(digest(_bearer(request)), digest(expected)):
        raise REGISTRATION_TOKEN_INVALID()
    asked = read(await _members(request))
    provider = registrar.provider
    secret = _random(provider) if asked.needs_secret else None
    access_token = _random(provider)
    client = await _client(registrar, asked, PREFIX + provider.random(12).hex(), secret and digest(secret))
    registration = Registration(
        client=client, issued_at=int(now.timestamp()), access_token_sha256=digest(access_token)
    )
    event = ClientRegistered(
        client=client.client_id,
        client_class=client.client_class.value,
        authentication=client.token_endpoint_auth_method,
    )
    await provider.audit.record(event, now=now)
    await asyncio.to_thread(registrar.clients.add, registration)
    body = _answer(provider, registration, access_token, secret)
    return JSONResponse(body, status_code=201, headers=NO_STORE)


async def _show(registrar: Registrar, request: Request, now: datetime) -> Response:
    del now
    registration, access_token = await _managed(registrar, request)
    return JSONResponse(_answer(registrar.provider, registration, access_token, None), headers=NO_STORE)


async def _change(registrar: Registrar, request: Request, now: datetime) -> Response:
    """RFC 7592 §2.2: the whole registration is replaced; what is left out has its default again."""
    registration, access_token = await _managed(registrar, request)
    provider, known = registrar.provider, registration.client
    members = await _members(request)
    for name in _OF_THE_SERVER:
        if name in members:
            raise invalid(name)
    if members.get("client_id") != known.client_id:
        raise invalid("client_id")
    shown = members.get("client_secret")
    if shown is not None and (
        not isinstance(shown, str)
        or not hmac.compare_digest(digest(shown), known.client_secret_sha256 or digest(""))
    ):
        raise invalid("client_secret")  # a client must not choose its own secret
    asked = read(members)
    secret = _random(provider) if asked.needs_secret and known.client_secret_sha256 is None else None
    kept = digest(secret) if secret else known.client_secret_sha256
    client = await _client(registrar, asked, known.client_id, kept if asked.needs_secret else None)
    await provider.audit.record(ClientRegistrationChanged(client=client.client_id), now=now)
    await asyncio.to_thread(registrar.clients.replace, client)
    body = _answer(provider, replace(registration, client=client), access_token, secret)
    return JSONResponse(body, headers=NO_STORE)


async def _end(registrar: Registrar, request: Request, now: datetime) -> Response:
    registration, _ = await _managed(registrar, request)
    client_id = registration.client.client_id
    await registrar.provider.audit.record(ClientRegistrationEnded(client=client_id), now=now)
    await asyncio.to_thread(registrar.clients.remove, client_id)
    return Response(status_code=204, headers=NO_STORE)


async def _managed(registrar: Registrar, request: Request) -> tuple[Registration, str]:
    """The client whose token was sent, and the token; the same refusal whether it exists or not."""
    access_token = _bearer(request)
    client_id: str = request.path_params["client_id"]
    found = await asyncio.to_thread(registrar.clients.registration, client_id)
    if found is None or not found.managed_by(access_token):
        raise REGISTRATION_TOKEN_INVALID()
    return found, access_token


async def _client(registrar: Registrar, asked: Asked, client_id: str, secret: str | None) -> Client:
    sector = await _sector(registrar, asked)
    fixed = {**registrar.fixed, "client_secret_sha256": secret, "sector_identifier": sector or client_id}
    client = asked.client(client_id, fixed, algorithms=registrar.provider.keys.algorithms)
    problems = registrar.check(client)
    if problems:
        raise invalid(f"{problems[0].path} {problems[0].problem}")
    return client


async def _sector(registrar: Registrar, asked: Asked) -> str | None:
    """Core §8.1: the host of ``sector_identifier_uri``, whose document lists all redirect URIs.

    Without one a client is a sector of its own, not its host: whoever registers must not become able to
    recognise the citizens of another service on that host (design.md §3 invariant 5).
    """
    uri = asked.metadata.sector_identifier_uri
    if uri is None:
        return None
    try:
        listed = json.loads(await asyncio.to_thread(registrar.get, uri))
    except (MetadataError, ValueError, RecursionError) as error:
        raise invalid("sector_identifier_uri") from error
    if not isinstance(listed, list) or not set(asked.metadata.redirect_uris) <= {
        entry for entry in listed if isinstance(entry, str)
    }:
        raise invalid("sector_identifier_uri")
    return urlsplit(uri).hostname


def _answer(
    provider: Provider, registration: Registration, access_token: str, secret: str | None
) -> dict[str, JsonValue]:
    """The client information response (RFC 7591 §3.2.1, RFC 7592 §3)."""
    client_id = registration.client.client_id
    shown: dict[str, JsonValue] = {"client_secret": secret} if secret else {}
    if registration.client.client_secret_sha256:
        shown["client_secret_expires_at"] = 0
    return {
        "client_id": client_id,
        "client_id_issued_at": registration.issued_at,
        **shown,
        "registration_access_token": access_token,
        "registration_client_uri": f"{provider.issuer}{PATH}/{client_id}",
        **effective(registration.client),
    }


def _bearer(request: Request) -> str:
    """The bearer token; raises GatewayError ``registration.token_invalid``."""
    headers = request.headers.getlist("authorization")
    scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise REGISTRATION_TOKEN_INVALID()
    return token.strip()


async def _members(request: Request) -> dict[str, JsonValue]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise REGISTRATION_UNREADABLE()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _OCTETS:
            raise REGISTRATION_UNREADABLE()
    try:
        return parse_object(bytes(body))
    except ValueError as error:
        raise REGISTRATION_UNREADABLE(cause=error) from error


def _random(provider: Provider) -> str:
    return base64url(provider.random(32))
