"""Typed audit events, written durably before what they describe takes effect.

One frozen dataclass per event; its class name is the event's name in the log, its fields are the
body. They hold what (EU) 2015/1501 Article 9(3) asks for (node, message identification, date and
time) and what support and auditors need, and no personal data: no name, no identifier of a person,
no address, no secret.

Events are in ``journey``, ``provider`` and, apart from logins, ``operations``.

Usage: ``await audit.record(ExchangeStarted(...), now=now)``; only then the effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import Protocol

from gateway.audit.journey import JourneyEvent
from gateway.audit.operations import OperationsEvent
from gateway.audit.provider import ProviderEvent
from gateway.errors import AUDIT_UNAVAILABLE, GatewayError
from trust.log import AppendOnlyLog, LogUnavailable

Event = JourneyEvent | ProviderEvent | OperationsEvent


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
