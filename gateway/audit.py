"""Typed audit events, written durably before what they describe takes effect.

One frozen dataclass per event; its class name is the event's name in the log, its fields are the
body. They hold what (EU) 2015/1501 Article 9(3) asks for (node, message identification, date and
time) and what support and auditors need, and no personal data: no name, no identifier of a person,
no address, no secret.

What people and the gateway itself do apart from logins is in ``gateway.audit_operations``.

Usage: ``await audit.record(ExchangeStarted(...), now=now)``; only then the effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Protocol

from gateway.audit_operations import (
    CalendarAddressChanged,
    ClientRegistered,
    ClientRegistrationChanged,
    ClientRegistrationEnded,
    ConsoleSignedIn,
    ConsoleSignedOut,
    ConsoleSignInRefused,
    KeyStateChanged,
    LogPruned,
    ProbeAsked,
    RegistrationRefused,
)
from gateway.errors import AUDIT_UNAVAILABLE, GatewayError
from trust.log import AppendOnlyLog, LogUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyOpened:
    """An authorization request was accepted. Nothing leaves yet; whatever comes of it is written after this."""

    journey: str
    client: str
    minimum: str
    """Lowest level of assurance that satisfies the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeStarted:
    """A request is about to leave towards a peer."""

    journey: str
    client: str
    connector: str
    peer: str
    """Node identification: entityID of the peer."""
    country: str | None
    message_id: str
    """ID of the outgoing message."""
    minimum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityAccepted:
    """An answer was verified completely and claimed against replay."""

    journey: str
    client: str
    connector: str
    peer: str
    country: str | None
    request_id: str
    """ID of our message."""
    message_id: str
    """ID of the verified statement."""
    level: str
    notified: bool
    person: str
    """``natural`` or ``legal``."""
    represented: bool
    proved_by: str | None = None
    """User accounts: how the person proved the identity there, in the account's word."""
    guest: bool | None = None
    """User accounts: whether it was a temporary login."""
    eid_type: str | None = None
    """Online-Ausweis: the carrier, where the eID service states it, e.g. ``CardCertified``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFailed:
    """An exchange ended without an identity."""

    journey: str
    client: str
    connector: str
    peer: str
    country: str | None
    request_id: str
    code: str
    """Entry of the error catalogue."""
    reason: str
    """The connector's own word, e.g. ``signature.algorithm``; never shown outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRefused:
    """An answer came that belongs to no exchange of this browser; nothing was consumed."""

    connector: str
    journey: str | None
    """The journey the answer claims to belong to, unproven; None if it names none."""
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTicketRedeemed:
    """An eID-Client asked for the TC token of an exchange, which happens once; it is not yet handed out."""

    journey: str
    client: str
    connector: str
    second_device: bool
    """On a phone that scanned a QR code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRefused:
    """A TC token was asked for with a ticket that is unknown, used or too old."""

    connector: str
    journey: str | None
    """The journey the ticket claims to belong to, unproven; None if it names none."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondDeviceLinked:
    """A phone took over the identification by the link of a QR code, which works once."""

    journey: str
    client: str
    connector: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondDeviceCodeUsed:
    """The code that the phone showed was typed where the login began; only now it goes on there."""

    journey: str
    client: str
    connector: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondDeviceRefused:
    """A link or a code of a second device was refused."""

    journey: str
    client: str | None
    reason: str
    """``link.gone``, ``code.none`` (none is awaited, or it is too old), ``code.wrong``, ``code.tries``
    (the last try was wrong), ``code.other-choice`` (the citizen chose something else meanwhile)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReleased:
    """The citizen released data and a code was issued, not yet handed out."""

    journey: str
    client: str
    level: str
    attributes: tuple[str, ...]
    """Names of the attributes, no values."""
    connector: str | None = None
    """Through which means the person came."""
    seconds: int | None = None
    """Since the authorization request; None: a session answered at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyEnded:
    """The journey ended with an error for the client."""

    journey: str
    client: str
    code: str
    connector: str | None = None
    """The means chosen last; None: none was."""


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


Event = (
    JourneyOpened
    | ExchangeStarted
    | IdentityAccepted
    | ExchangeFailed
    | AnswerRefused
    | ClientTicketRedeemed
    | ClientRefused
    | SecondDeviceLinked
    | SecondDeviceCodeUsed
    | SecondDeviceRefused
    | DataReleased
    | JourneyEnded
    | RequestRefused
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
    | ClientRegistered
    | ClientRegistrationChanged
    | ClientRegistrationEnded
    | RegistrationRefused
    | KeyStateChanged
    | LogPruned
    | ProbeAsked
    | ConsoleSignedIn
    | ConsoleSignInRefused
    | ConsoleSignedOut
    | CalendarAddressChanged
)


class AuditUnavailable(GatewayError):
    """The event is not durable; what it describes must not take effect."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(AUDIT_UNAVAILABLE, cause=cause)


class Counts(Protocol):
    """Counts what happens, for metrics; never waits, raises nothing."""

    def event(self, event: Event) -> None:
        """Something that is in the log now."""
        ...

    def answered(self, error: GatewayError) -> None:
        """An error that was answered and of which no event may tell."""
        ...


class Audit:
    """Writes events to the log, and has them counted."""

    def __init__(self, log: AppendOnlyLog, counts: Counts | None = None) -> None:
        self._log = log
        self.counts = counts

    async def record(self, *events: Event, now: datetime) -> None:
        """Return when all events are durable; raises AuditUnavailable."""
        try:
            await self._log.write([(type(event).__name__, _body(event)) for event in events], now=now)
        except LogUnavailable as error:
            raise AuditUnavailable(error) from error
        self._count(events)

    async def note(self, *events: Event, now: datetime) -> None:
        """For what has no effect outside yet: durable before whatever is recorded next, or within a second.

        Raises AuditUnavailable once it is known that nothing can be written.
        """
        try:
            await self._log.note([(type(event).__name__, _body(event)) for event in events], now=now)
        except LogUnavailable as error:
            raise AuditUnavailable(error) from error
        self._count(events)

    def _count(self, events: Iterable[Event]) -> None:
        if self.counts is not None:
            for event in events:
                self.counts.event(event)


def _body(event: Event) -> dict[str, object]:
    body: dict[str, object] = {}
    for field in fields(event):
        value = getattr(event, field.name)
        body[field.name] = value.value if isinstance(value, Enum) else value
    return body
