"""Remembers alerts and what was told of them: in the database for all nodes, or in memory while it is away.

Nobody holds a lock while sending. Who means to tell a channel something *claims* it: only the first claim of
what one has read succeeds, and it runs out by itself, so a process that dies while sending is no loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from gateway.watch.alerts import CLOCKS, UNSEEN, Alert, Delivery, Record, Told, pause

KEPT = timedelta(days=30)
"""How long what is over can still be looked at."""
CLAIM = timedelta(minutes=3)
_SEEN_AGAIN = timedelta(seconds=50)
"""Not every process need write every minute."""


class AlertBook(Protocol):
    """Blocking; raises whatever its database raises."""

    def observe(self, alerts: Iterable[Alert], now: datetime) -> None:
        """``alerts`` hold now, as far as this process sees."""
        ...

    def records(self) -> tuple[Record, ...]:
        """What is active, and what was until recently; oldest first."""
        ...

    def deliveries(self, channel: str) -> Mapping[str, Delivery]:
        """What ``channel`` was told, by key."""
        ...

    def claim(self, key: str, channel: str, known: Delivery | None, now: datetime) -> Delivery | None:
        """Begin to tell ``channel``; None: somebody else is at it."""
        ...

    def settle(self, key: str, channel: str, delivery: Delivery) -> None:
        """How the claim ended."""
        ...


def taken(delivery: Delivery, told: Told, level: int, now: datetime) -> Delivery:
    """``delivery`` after it succeeded."""
    return replace(delivery, told=told, level=level, sent=now, not_before=None, attempts=0)


def refused(delivery: Delivery, now: datetime) -> Delivery:
    """``delivery`` after it failed: again later."""
    return replace(delivery, not_before=now + pause(delivery.attempts))


def claimed_by(known: Delivery | None, now: datetime) -> Delivery:
    """``known`` while somebody is at it."""
    known = known or Delivery()
    return replace(known, not_before=now + CLAIM, attempts=known.attempts + 1)


def seen_again(known: Record | None, alert: Alert, now: datetime) -> Record | None:
    """The record after ``alert`` was seen; None: nothing worth writing."""
    if known is None or known.resolved is not None:
        return Record(alert=alert, since=now, seen=now)
    fresh = timedelta(0) <= now - known.seen < _SEEN_AGAIN
    # A clock that was ahead must not keep an alert alive, nor one that is behind end it.
    return None if fresh and known.alert == alert else replace(known, alert=alert, seen=now)


def over(record: Record, now: datetime) -> bool:
    """Nobody has seen it for a while."""
    return record.resolved is None and (now - record.seen > UNSEEN or record.seen > now + CLOCKS)


def forgotten(record: Record, now: datetime) -> bool:
    return record.resolved is not None and now - record.resolved > KEPT


class MemoryBook:
    """For one process, while the database is away."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._deliveries: dict[tuple[str, str], Delivery] = {}

    def observe(self, alerts: Iterable[Alert], now: datetime) -> None:
        for alert in alerts:
            self._records[alert.key] = (
                seen_again(self._records.get(alert.key), alert, now) or self._records[alert.key]
            )
        for key, record in list(self._records.items()):
            if over(record, now):
                self._records[key] = replace(record, resolved=now)
            elif forgotten(record, now):
                self.forget(key)

    def adopt(self, records: Iterable[Record], deliveries: Mapping[str, Mapping[str, Delivery]]) -> None:
        """Go on from what the database last said, ``deliveries`` by channel: nothing is told a second time."""
        self._records = {record.alert.key: record for record in records if record.resolved is None}
        self._deliveries = {
            (key, channel): delivery
            for channel, known in deliveries.items()
            for key, delivery in known.items()
            if key in self._records
        }

    def forget(self, key: str) -> None:
        """Somebody else remembers it now."""
        self._records.pop(key, None)
        for known in [known for known in self._deliveries if known[0] == key]:
            del self._deliveries[known]

    def records(self) -> tuple[Record, ...]:
        return tuple(sorted(self._records.values(), key=lambda record: (record.since, record.alert.key)))

    def deliveries(self, channel: str) -> Mapping[str, Delivery]:
        return {key: found for (key, name), found in self._deliveries.items() if name == channel}

    def claim(self, key: str, channel: str, known: Delivery | None, now: datetime) -> Delivery | None:
        if self._deliveries.get((key, channel)) != known:
            return None
        self._deliveries[key, channel] = claimed = claimed_by(known, now)
        return claimed

    def settle(self, key: str, channel: str, delivery: Delivery) -> None:
        self._deliveries[key, channel] = delivery
