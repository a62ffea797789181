"""Audit events of the OpenID Provider: requests, tokens, sessions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused:
    """An authorization request was refused before a journey began."""

    client: str | None
    """Registered identifier; None if the request named no registered client."""
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPushed:
    """An authorization request was pushed and accepted; no journey has begun."""

    client: str
    signed: bool
    """It was a signed request object."""
    bound: bool
    """Its code will be bound to a DPoP key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRefused:
    """A pushed authorization request was refused."""

    client: str | None
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued:
    """A code was redeemed; the tokens are not yet handed out."""

    journey: str
    client: str
    level: str
    authentication: str
    """How the client authenticated, e.g. ``private_key_jwt``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionUsed:
    """A session of the client answered an authorization request without the citizen's eID."""

    journey: str
    client: str
    sid: str
    """Identifier of the session, as the client's ID tokens carry it."""
    connector: str | None = None
    """Through which means the person had come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut:
    """The session of a client is about to end."""

    client: str
    sid: str
    by: str
    """``client`` (an ID token proved it) or ``citizen`` (who was asked)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutTold:
    """The client was told by the back channel that a session has ended, or could not be."""

    client: str
    sid: str
    attempts: int
    failure: str | None
    """None: told; else the reason of the last attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenExchanged:
    """A client got an access token for a resource server from its own; not yet handed out."""

    journey: str
    client: str
    resource: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked:
    """A client is about to give back an access token."""

    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationRefused:
    """A revocation request was refused."""

    client: str | None
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntrospectionRefused:
    """An introspection request was refused."""

    client: str | None
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRefused:
    """A token request was refused."""

    journey: str | None
    client: str | None
    code: str
    revoked: bool = False
    """The code had been redeemed before, and the token issued then was revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfoRefused:
    """A UserInfo request was refused."""

    code: str


ProviderEvent = (
    RequestRefused
    | RequestPushed
    | PushRefused
    | TokenIssued
    | SessionUsed
    | LoggedOut
    | LogoutTold
    | TokenExchanged
    | TokenRevoked
    | RevocationRefused
    | IntrospectionRefused
    | TokenRefused
    | UserInfoRefused
)
