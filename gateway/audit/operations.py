"""Audit events apart from logins: registrations of clients, the console, keys, the log itself.

Form and rules are those of ``gateway.audit.writing``, which knows them all as ``Event``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRegistered:
    """A client registered itself; it does not know its identifier yet. Development mode only."""

    client: str
    client_class: str
    authentication: str
    """How it authenticates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRegistrationChanged:
    """A client that registered itself replaced its registration."""

    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRegistrationEnded:
    """A client that registered itself removed its registration."""

    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRefused:
    """A registration, or a change to one, was refused."""

    client: str | None
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAsked:
    """Somebody wants a probe login now. Its journey follows, with the client ``eid-gateway.probe``."""

    target: str
    """``<connector>.<country>``."""
    by: str
    """Who asked, as enrolled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSignedIn:
    """Somebody who is enrolled has signed in to the console."""

    person: str
    """As enrolled in the registry."""
    key: str
    """Fingerprint of the passkey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSignInRefused:
    """A passkey signed nobody in."""

    reason: str
    """The registry's word; never what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSignedOut:
    """A session of the console was ended before its time."""

    person: str
    cause: str
    """``asked``; ``removed``: the person or the passkey is no longer enrolled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarAddressChanged:
    """The address under which somebody's calendar program fetches what ends was made anew, or removed."""

    person: str
    """As enrolled in the registry."""
    removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStateChanged:
    """One of our own keys has come into another state: by its plan, its successor's, or a suspension."""

    key: str
    """Its ``id`` in ``gateway.toml``."""
    purpose: str
    before: str | None
    """None: this installation has not said anything of it for thirty days."""
    after: str
    """``planned``, ``next``, ``active``, ``retired`` or ``gone``."""
    spki_sha256: str
    suspended: bool
    """Its plan is suspended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPruned:
    """Login events are about to be removed, because their time is over; what proves the others stays."""

    size: int
    """The first so many entries of the log are gone then."""
    root: str
    """Their root, as a checkpoint signs it, in hexadecimal."""
    older_than: str
    """All of them are older."""
    removed: int
    """How many of them were still there."""


OperationsEvent = (
    ClientRegistered
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
