"""From what the citizen released to the authorization code (RFC 6749 §4.1.2; Core §3.1.2.5).

``CodeIssuer.check`` says whether an identity can answer a request at all; ``issue`` settles the claims and writes
down the grant and the UserInfo that the code leads to (``gateway.oidc.grant``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from connectors.contract import TokenSource
from connectors.identity import Identity
from gateway.client_settings import Client
from gateway.oidc import claims, errors, offers
from gateway.oidc.acr import in_eidas_words, returned_acr
from gateway.oidc.assurance.element import verified_claims
from gateway.oidc.grant import Audience, Grant, UserInfo, write_down
from gateway.oidc.pushed import spend
from gateway.oidc.request import AuthorizationRequest
from gateway.oidc.subject import SubjectKey, pairwise, second_pairwise, transient
from gateway.settings import LimitsSection
from gateway.store import BearerSecret, Store
from gateway.withdrawn import Origin

_LOGIN_CLAIMS = ("acr", "amr", "auth_time")
"""Claims about the login, always in the ID token; in UserInfo where ``claims`` asks for them (Core §5.5)."""


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
            scope=tuple(scope for scope in request.scope if scope in offers.SCOPES),
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
        await write_down(self.store, code, grant, record)
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
