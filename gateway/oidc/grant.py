"""What the citizen released, waiting for the client: written down once, redeemed once.

``write_down`` leaves two sealed records and one mark, all with the journey's tag, in one batch:

* the *grant* under the authorization code: what the token endpoint compares and signs;
* the *UserInfo* under the access token, whose secret lies inside the grant. Until the code is redeemed
  nobody holds that secret, so nobody can read the record, and an unredeemed code leaves nothing behind;
* the mark says, under a hash of the code, where the UserInfo record is. So a second redemption can
  revoke the token even while the first is still under way (RFC 6749 §4.1.2).

Redeeming is one round trip and needs no write.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache

from pydantic import JsonValue, TypeAdapter

from gateway.jose import base64url
from gateway.oidc import token_errors
from gateway.store import BearerSecret, Store, key_name
from gateway.withdrawn import NOTHING, Origin, SourceSuspended, Withdrawn

CODE = "code"
ACCESS = "access"
"""Purposes of the two records."""
CODE_REUSED = "code-reused"
"""Mark of a journey whose code came twice: whatever was issued from it is void (RFC 6749 §4.1.2)."""
_LONGEST_ACCESS = timedelta(seconds=601)
"""A little more than any access token may live (``limits.access_token_seconds``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """What an access token for a resource server may say about the login it comes from."""

    client_id: str
    journey: str
    origin: Origin | None = None
    """None: of a process that did not know it yet."""
    scope: tuple[str, ...]
    acr: JsonValue
    auth_time: JsonValue
    subjects: dict[str, str] = field(repr=False)
    """What each resource server the client may ask for calls the citizen."""
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a code stands for."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    dpop_jkt: str | None = None
    """The key that alone may redeem the code (RFC 9449 §10)."""
    scope: tuple[str, ...]
    level: str
    """Level of assurance that was reached, for the audit log."""
    id_token: dict[str, JsonValue] = field(repr=False)
    """Claims of the ID token that are settled at release; times and hash are added when signing."""
    access_token: str = field(repr=False)
    access_until: datetime
    audience: Audience
    """What tokens for resource servers may say."""
    resources: tuple[str, ...] = ()
    """Resource servers that the authorization request named; empty: those of the registration."""
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """What an access token stands for."""

    client_id: str
    audience: Audience
    jkt: str | None = None
    """The DPoP key it is bound to, and ``x5t`` the TLS certificate; neither: a bearer token."""
    x5t: str | None = None
    claims: dict[str, JsonValue] = field(repr=False)
    until: datetime


@cache
def _grants() -> TypeAdapter[Grant]:
    return TypeAdapter(Grant)


@cache
def _userinfos() -> TypeAdapter[UserInfo]:
    return TypeAdapter(UserInfo)


async def write_down(store: Store, code: BearerSecret, grant: Grant, userinfo: UserInfo) -> None:
    """Make ``code`` stand for ``grant``, and its access token for ``userinfo``; raises StoreUnavailable."""
    access = BearerSecret.parse(grant.access_token)
    await (
        store.batch(code.journey)
        .put(code, CODE, _grants().dump_json(grant), until=grant.until)
        .put(access, ACCESS, _userinfos().dump_json(userinfo), until=userinfo.until)
        .mark(_mark(code), key_name(access, ACCESS).encode(), until=userinfo.until)
        .run()
    )


class CodeRefused(Exception):
    """No grant for this code; ``journey`` and ``revoked`` are for the audit log."""

    def __init__(self, journey: str | None, *, revoked: bool) -> None:
        super().__init__("code refused")
        self.journey = journey
        self.revoked = revoked


async def redeem(store: Store, text: str, *, now: datetime) -> tuple[str, Grant]:
    """Take the grant of a code, with its journey; raises CodeRefused, StoreUnavailable.

    Whoever comes second finds no grant but the mark, and thereby ends the access token of the first.
    """
    try:
        code = BearerSecret.parse(text)
    except ValueError:
        raise CodeRefused(None, revoked=False) from None
    record, place = await store.batch(code.journey).take(code, CODE).read_mark(_mark(code)).run()
    if record is None:
        if place is not None:
            void_until = now + _LONGEST_ACCESS
            await (
                store.batch(code.journey)
                .delete(place.decode())
                .mark(CODE_REUSED, b"1", until=void_until)
                .run()
            )
        raise CodeRefused(code.journey, revoked=place is not None)
    grant = _grants().validate_json(record)
    if now >= grant.until:
        raise CodeRefused(code.journey, revoked=False)
    return code.journey, grant


async def revoke(store: Store, grant: Grant) -> None:
    """End the access token of a grant that was taken but must not be honoured."""
    await end_access(store, grant.access_token)


async def end_access(store: Store, access_token: str) -> None:
    """End an access token."""
    access = BearerSecret.parse(access_token)
    await store.batch(access.journey).delete(key_name(access, ACCESS)).run()


async def bind(store: Store, grant: Grant, *, jkt: str | None, x5t: str | None) -> None:
    """Tie the access token of a redeemed grant to a key before it is handed out.

    Raises StoreUnavailable; GatewayError if the token was revoked meanwhile.
    """
    access = BearerSecret.parse(grant.access_token)
    record = await store.read(access, ACCESS)
    if record is not None:
        bound = replace(_userinfos().validate_json(record), jkt=jkt, x5t=x5t)
        octets = _userinfos().dump_json(bound)
        (kept,) = await store.batch(access.journey).replace(access, ACCESS, octets, until=bound.until).run()
        if kept is not None:
            return
    raise token_errors.CODE_INVALID()


def check_origin(audience: Audience, withdrawn: Withdrawn) -> None:
    """Whether the login that a token comes from is still believed; raises SourceSuspended."""
    if audience.origin is not None:
        withdrawn.check(audience.origin)


async def read_userinfo(
    store: Store, access_token: str, *, withdrawn: Withdrawn = NOTHING, now: datetime
) -> UserInfo | None:
    """What an access token opens; None if it is unknown, expired, revoked, or its source suspended."""
    try:
        access = BearerSecret.parse(access_token)
    except ValueError:
        return None
    record = await store.read(access, ACCESS)
    if record is None:
        return None
    found = _userinfos().validate_json(record)
    try:
        check_origin(found.audience, withdrawn)
    except SourceSuspended:
        return None
    return found if now < found.until else None


def _mark(code: BearerSecret) -> str:
    """The code's own mark: bound to its hash, so that a guessed code of the journey hits nothing."""
    return f"redeemed-{base64url(hashlib.sha256(b'mark ' + code.text.encode()).digest())}"
