"""What the citizen released, waiting for the client: issued once, redeemed once.

``CodeIssuer.issue`` writes two sealed records and one mark, all with the journey's tag, in one batch:

* the *grant* under the authorization code: what the token endpoint compares and signs;
* the *UserInfo* under the access token, whose secret lies inside the grant. Until the code is redeemed
  nobody holds that secret, so nobody can read the record, and an unredeemed code leaves nothing behind;
* the mark says, under a hash of the code, where the UserInfo record is. So a second redemption can
  revoke the token even while the first is still under way (RFC 6749 §4.1.2).

Redeeming is one round trip and needs no write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache

from pydantic import JsonValue, TypeAdapter

from connectors.contract import TokenSource
from connectors.identity import Identity
from gateway.client_settings import Client
from gateway.jose import base64url
from gateway.oidc import claims, errors, offers, token_errors
from gateway.oidc.acr import in_eidas_words, returned_acr
from gateway.oidc.assurance.element import verified_claims
from gateway.oidc.pushed import spend
from gateway.oidc.request import AuthorizationRequest
from gateway.oidc.subject import SubjectKey, pairwise, second_pairwise, transient
from gateway.settings import LimitsSection
from gateway.store import BearerSecret, Store, key_name
from gateway.withdrawn import NOTHING, Origin, SourceSuspended, Withdrawn

CODE = "code"
ACCESS = "access"
"""Purposes of the two records."""
CODE_REUSED = "code-reused"
"""Mark of a journey whose code came twice: whatever was issued from it is void (RFC 6749 §4.1.2)."""
_LOGIN_CLAIMS = ("acr", "amr", "auth_time")
"""Claims about the login, always in the ID token; in UserInfo where ``claims`` asks for them (Core §5.5)."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeIssuer:
    """Turns a release into an authorization code; ``gateway.login`` holds one."""

    issuer: str
    store: Store
    subject_key: SubjectKey
    clients: Mapping[str, Client]
    limits: LimitsSection
    random: TokenSource

    def subject(self, client: Client, identity: Identity, journey: str) -> str:
        """The ``sub`` of ``identity`` for ``client``."""
        return pairwise(self.subject_key, client, identity, journey)

    def check(
        self, client: Client, request: AuthorizationRequest, identity: Identity, *, journey: str
    ) -> None:
        """Whether this identity can answer this request at all; call before showing a release page.

        Raises GatewayError: ``authorize.acr_unmet``, ``authorize.subject_mismatch``,
        ``authorize.authentication_too_old``; all may go to the client.
        """
        returned_acr(request.acr, identity.assurance)
        mine = pairwise(self.subject_key, client, identity, journey)
        known_as = {mine, second_pairwise(self.subject_key, client, identity)}
        if request.subjects and not known_as & set(request.subjects):
            raise errors.SUBJECT_MISMATCH()
        if request.max_age is not None:
            tolerated = timedelta(seconds=request.max_age + self.limits.clock_skew_seconds)
            if identity.source.authenticated_at < request.issued_at - tolerated:
                raise errors.AUTHENTICATION_TOO_OLD()

    async def issue(
        self,
        client: Client,
        request: AuthorizationRequest,
        identity: Identity,
        *,
        released: frozenset[str],
        journey: str,
        sid: str | None = None,
        now: datetime,
    ) -> str:
        """A code for what the citizen released (keys as in ``offers.offers``).

        ``sid``: the session that remembers this login (Front-Channel Logout §3). Raises what ``check``
        raises, and StoreUnavailable. The caller has made the release durable in
        the audit log; the code is worthless to anybody until it is handed out.
        """
        self.check(client, request, identity, journey=journey)
        if request.pushed is not None:
            longest = self.limits.journey_seconds + self.limits.pushed_request_seconds
            await spend(self.store, request.pushed, until=now + timedelta(seconds=longest))
        may_leave = offers.permitted(client, request, identity, released)
        sub = pairwise(self.subject_key, client, identity, journey)
        code = BearerSecret.new(journey, self.random)
        access = BearerSecret.new(journey, self.random)
        access_until = now + timedelta(seconds=self.limits.access_token_seconds)
        until = min(now + timedelta(seconds=self.limits.code_seconds), access_until)

        second = second_pairwise(self.subject_key, client, identity)
        subject = {"sub": sub} if second is None else {"sub": sub, "sub_second": second}
        userinfo = {**subject, **claims.userinfo_claims(client, request, identity, may_leave)}
        id_token = self._id_token(client, request, identity, may_leave, subject)
        userinfo |= {name: id_token[name] for name in _LOGIN_CLAIMS if name in request.claims.userinfo}
        if sid is not None:
            id_token["sid"] = sid
        for target, elements in (
            (userinfo, request.claims.verified_userinfo),
            (id_token, request.claims.verified_id_token),
        ):
            verified = verified_claims(
                identity, may_leave, elements, issuer=self.issuer, journey=journey, now=now
            )
            if verified is not None:
                target["verified_claims"] = verified

        audience = Audience(
            client_id=client.client_id,
            journey=journey,
            origin=Origin.of(identity),
            scope=tuple(scope for scope in request.scope if scope in SCOPES),
            acr=in_eidas_words(str(id_token["acr"]), client.acr_vocabulary),
            auth_time=id_token["auth_time"],
            subjects={
                resource: self._subject_at(resource, client, identity, journey)
                for resource in request.resources or client.resources
            },
            until=access_until,
        )
        grant = Grant(
            client_id=client.client_id,
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge,
            dpop_jkt=request.dpop_jkt,
            scope=audience.scope,
            level=identity.assurance.level.word,
            id_token=id_token,
            access_token=access.text,
            access_until=access_until,
            audience=audience,
            resources=request.resources,
            until=until,
        )
        record = UserInfo(
            client_id=client.client_id,
            audience=audience,
            jkt=request.dpop_jkt,
            claims=userinfo,
            until=access_until,
        )
        await (
            self.store.batch(journey)
            .put(code, CODE, _grants().dump_json(grant), until=until)
            .put(access, ACCESS, _userinfos().dump_json(record), until=access_until)
            .mark(_mark(code), key_name(access, ACCESS).encode(), until=access_until)
            .run()
        )
        return code.text

    def _subject_at(self, resource: str, client: Client, identity: Identity, journey: str) -> str:
        """What a resource server's tokens call the citizen."""
        server = next((c for c in self.clients.values() if c.resource == resource), None)
        if server is not None and server.resource_subject == "pairwise":
            return pairwise(self.subject_key, server, identity, journey)
        return transient(self.subject_key, client, resource, journey)

    def _id_token(
        self,
        client: Client,
        request: AuthorizationRequest,
        identity: Identity,
        may_leave: frozenset[str],
        subject: dict[str, str],
    ) -> dict[str, JsonValue]:
        token: dict[str, JsonValue] = claims.id_token_claims(client, request, identity, may_leave)
        token |= {
            "iss": self.issuer,
            "aud": client.client_id,
            **subject,
            "acr": returned_acr(request.acr, identity.assurance),
            "amr": [identity.source.scheme],
            "auth_time": int(identity.source.authenticated_at.timestamp()),
        }
        if request.nonce is not None:
            token["nonce"] = request.nonce
        return token


SCOPES: tuple[str, ...] = ("openid", *offers.SCOPE_ATTRIBUTES)
"""Scopes that mean something here, for discovery and for the token response."""


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
