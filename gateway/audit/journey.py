"""Audit events of a citizen's journey, from the authorization request to its end."""

from __future__ import annotations

from dataclasses import dataclass


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


JourneyEvent = (
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
)
