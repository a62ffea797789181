"""What is remembered around an eID-Client: a second user agent that has none of our cookies.

| record | sealed under | holds |
|---|---|---|
| ``ClientStart`` | secret of the journey cookie (``STARTED``), or part of a ``PhoneVisit`` | what the start pages show |
| ``Ticket`` | *T*, in the tcTokenURL alone | what the connector wants back, and where the client shall return to |
| ``ClientSession`` | *S*, in ticket and exchange alone | what ``open_client`` left for ``finish`` |
| ``PhoneLink`` | *Q*, in the QR code alone | the login that a phone may carry out |
| ``PhoneVisit`` | secret of the phone's cookie | what the phone's pages show |
| ``Outcome`` | *W*, in ``ClientStart`` and the phone's exchange | the identity, and the code that proves who started |

The handle that comes back as RelayState goes to the eID-Client alone. No page shows it, so whoever
sends the tcTokenURL to somebody else never learns where the answer would be awaited (npa.md §3.5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self, cast

from pydantic import TypeAdapter

from connectors.identity import Identity
from gateway.login.journey import Failure, LoginJourney

STARTED = "eid-start"
TICKET = "eid-ticket"
SESSION = "eid-session"
LINK = "eid-link"
VISIT = "eid-visit"
OUTCOME = "eid-outcome"
"""Purposes of the sealed records."""

TICKET_LIFE = timedelta(minutes=5)
"""How long an eID-Client may fetch its TC token (npa.md §3.2: quickly expiring)."""
TICKET_FRESH = timedelta(minutes=2)
"""A page that is opened anew shows no ticket that is about to end."""
LINK_LIFE = timedelta(minutes=5)
CODE_LIFE = timedelta(minutes=3)
CODE_TRIES = 3


_adapters: dict[type, TypeAdapter[object]] = {}


def _adapter(kind: type) -> TypeAdapter[object]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


class _Record:
    __slots__ = ()

    def to_record(self) -> bytes:
        """UTF-8 JSON for the sealed store."""
        return _adapter(type(self)).dump_json(self)

    @classmethod
    def from_record(cls, record: bytes) -> Self:
        """Inverse of ``to_record``; raises pydantic.ValidationError on anything else."""
        return cast("Self", _adapter(cls).validate_json(record))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket(_Record):
    """See the module docstring; redeemed once."""

    connector: str
    client_id: str
    state: dict[str, object]
    """``connectors.contract.ClientDispatch.ticket``."""
    handle: str = field(repr=False)
    """RelayState of the exchange."""
    session: str = field(repr=False)
    second_device: bool
    valid_until: datetime
    exchange_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStart(_Record):
    """See the module docstring."""

    token: str = field(repr=False)
    """*T* as it was last shown."""
    ticket: Ticket
    link: str | None = field(default=None, repr=False)
    """*Q* as it was last shown."""
    link_until: datetime | None = None
    waiting: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSession(_Record):
    """See the module docstring: a session, or why there is none."""

    session: dict[str, object] | None = None
    failure: Failure | None = None
    reason: str = ""
    """With ``failure``: the connector's word for the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneLink(_Record):
    """See the module docstring; taken once."""

    journey: LoginJourney
    waiting: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneVisit(_Record):
    """See the module docstring. At most one of ``code`` and ``failure`` is set."""

    journey: LoginJourney
    """As it was when the QR code was shown; the phone continues nothing of it."""
    start: ClientStart
    code: str | None = field(default=None, repr=False)
    code_until: datetime | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(_Record):
    """See the module docstring."""

    connector: str
    identity: Identity = field(repr=False)
    code: str = field(repr=False)
    tries: int = CODE_TRIES
    until: datetime
