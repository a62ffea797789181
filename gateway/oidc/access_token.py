"""Access tokens for resource servers: signed JWTs for one audience, without identity (RFC 9068, RFC 8707).

The UserInfo endpoint takes none of them, and no resource server takes another's. What they call the
citizen is a word of their own: made anew in every login, or pairwise for that resource server.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue, TypeAdapter

from connectors.contract import TokenSource
from gateway.client_settings import Client
from gateway.jose import InvalidToken, TokenPolicy, base64url, parse
from gateway.oidc import token_errors
from gateway.oidc.confirmation import Confirmation
from gateway.oidc.grant import CODE_REUSED, Audience
from gateway.oidc.provider import Provider
from gateway.store import Store
from gateway.withdrawn import Origin, SourceSuspended

TYPE = "at+jwt"
_DEFAULT_ALG = "ES256"
_ORIGIN = "origin"
_ORIGINS = TypeAdapter(Origin)


def resource_server(clients: Mapping[str, Client], resource: str) -> Client | None:
    """The registered resource server behind a resource indicator."""
    return next((client for client in clients.values() if client.resource == resource), None)


def chosen(resources: tuple[str, ...], allowed: tuple[str, ...]) -> str | None:
    """The one resource a token request names; raises GatewayError ``token.target_invalid`` (RFC 8707 §2.2)."""
    if not resources:
        return None
    if len(resources) > 1 or resources[0] not in allowed:
        raise token_errors.TARGET_INVALID()
    return resources[0]


def sign(
    provider: Provider, about: Audience, resource: str, confirmation: Confirmation, *, now: datetime
) -> str:
    """The token for ``resource``; raises KeyUnavailable, and GatewayError ``token.target_invalid``."""
    if resource not in about.subjects:  # registered between the login and now
        raise token_errors.TARGET_INVALID()
    server = resource_server(provider.clients, resource)
    algorithm = server.id_token_signed_response_alg if server else _DEFAULT_ALG
    claims: dict[str, JsonValue] = {
        "iss": provider.issuer,
        "aud": resource,
        "sub": about.subjects[resource],
        "client_id": about.client_id,
        "scope": " ".join(about.scope),
        "iat": int(now.timestamp()),
        "exp": int(about.until.timestamp()),
        "jti": f"{about.journey}.{_random(provider.random)}",
        "acr": about.acr,
        "auth_time": about.auth_time,
    }
    if confirmation.bound:
        claims["cnf"] = confirmation.claim
    return provider.keys.active(algorithm).sign(claims, typ=TYPE)


async def read(
    provider: Provider, token: str, resource: str, *, now: datetime
) -> dict[str, JsonValue] | None:
    """The claims of a valid token of ours for ``resource``; None for everything else, also if revoked."""
    policy = TokenPolicy(
        algorithms=frozenset(provider.keys.algorithms),
        types=frozenset({TYPE}),
        issuer=provider.issuer,
        audience=resource,
        required=frozenset({"exp", "iat", "jti", "sub", "client_id"}),
        skew=0,
    )
    try:
        claims = parse(token).verify(provider.keys.public, policy, now=now)
    except InvalidToken:
        return None
    return None if await _is_revoked(provider.store, str(claims["jti"])) else claims


async def note_origin(store: Store, about: Audience) -> None:
    """Where the login came from, for whoever introspects the token later; it says nothing about the person."""
    if about.origin is not None:
        record = _ORIGINS.dump_json(about.origin)
        await store.batch(about.journey).mark(_ORIGIN, record, until=about.until + timedelta(seconds=1)).run()


async def still_believed(provider: Provider, claims: Mapping[str, JsonValue]) -> bool:
    """Whether neither the client of the token nor the source that its login came from is suspended."""
    (record,) = await provider.store.batch(_journey(str(claims["jti"]))).read_mark(_ORIGIN).run()
    try:
        if record is not None:
            provider.withdrawn.check(_ORIGINS.validate_json(record))
    except SourceSuspended:
        return False
    return claims["client_id"] in provider.clients


async def given_to(
    client: Client, provider: Provider, token: str, *, now: datetime
) -> dict[str, JsonValue] | None:
    """The claims of ``token``, if it is a valid one that ``client`` was given."""
    for resource in client.resources:
        claims = await read(provider, token, resource, now=now)
        if claims is not None and claims["client_id"] == client.client_id:
            return claims
    return None


async def revoke(provider: Provider, claims: dict[str, JsonValue]) -> None:
    """End the token with these claims (RFC 7009 §2.1)."""
    jti, until = str(claims["jti"]), claims["exp"]
    if isinstance(until, int):
        ends = datetime.fromtimestamp(until + 1, UTC)
        await provider.store.batch(_journey(jti)).mark(_mark(jti), b"1", until=ends).run()


async def _is_revoked(store: Store, jti: str) -> bool:
    one, all_of_them = await store.batch(_journey(jti)).read_mark(_mark(jti)).read_mark(CODE_REUSED).run()
    return one is not None or all_of_them is not None


def _journey(jti: str) -> str:
    return jti.partition(".")[0]


def _mark(jti: str) -> str:
    return f"revoked-{base64url(hashlib.sha256(jti.encode()).digest())}"


def _random(random: TokenSource) -> str:
    return base64url(random(16))
