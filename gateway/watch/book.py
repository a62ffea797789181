"""Remembers alerts and what was told of them: in the database for all nodes, or in memory while it is away.

Nobody holds a lock while sending. Who means to tell a channel something *claims* it: only the first claim of
what one has read succeeds, and it runs out by itself, so a process that dies while sending is no loss.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gateway.settings_watch import Severity
from gateway.watch.alerts import CLOCKS, UNSEEN, Alert, Delivery, Record, Told, pause
from trust.log import timestamp

KEPT = timedelta(days=30)
"""How long what is over can still be looked at."""
CLAIM = timedelta(minutes=3)
_SEEN_AGAIN = timedelta(seconds=50)
"""Not every process need write every minute."""

_METADATA = sa.MetaData()
ALERTS = sa.Table(
    "alerts",
    _METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("alert", sa.Text, nullable=False),
    sa.Column("since", sa.Text, nullable=False),
    sa.Column("seen", sa.Text, nullable=False),
    sa.Column("resolved", sa.Text),
)
DELIVERIES = sa.Table(
    "alert_deliveries",
    _METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("told", sa.Text),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("sent", sa.Text),
    sa.Column("not_before", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
)


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


def _claimed(known: Delivery | None, now: datetime) -> Delivery:
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
        self._deliveries[key, channel] = claimed = _claimed(known, now)
        return claimed

    def settle(self, key: str, channel: str, delivery: Delivery) -> None:
        self._deliveries[key, channel] = delivery


@dataclass(frozen=True, slots=True)
class DatabaseBook:
    """For the whole installation."""

    engine: sa.Engine

    def observe(self, alerts: Iterable[Alert], now: datetime) -> None:
        self.require_file()
        listed = list(alerts)
        known = {record.alert.key: record for record in self.records()}
        for alert in listed:
            record = seen_again(known.get(alert.key), alert, now)
            if record is not None:
                known[alert.key] = record
                self._write(record)
        for record in known.values():
            if over(record, now):
                self._end(record, now)
            elif forgotten(record, now):
                self._forget(record)

    def records(self) -> tuple[Record, ...]:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(ALERTS).order_by(ALERTS.c.since, ALERTS.c.key)).all()
        return tuple(_record(row) for row in rows)

    def deliveries(self, channel: str) -> Mapping[str, Delivery]:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(DELIVERIES).where(DELIVERIES.c.channel == channel)).all()
        return {row.key: _delivery(row) for row in rows}

    def claim(self, key: str, channel: str, known: Delivery | None, now: datetime) -> Delivery | None:
        claimed = _claimed(known, now)
        if known is None:
            try:
                with self.engine.begin() as connection:
                    row = {"key": key, "channel": channel, **_columns(claimed)}
                    connection.execute(sa.insert(DELIVERIES).values(row))
            except IntegrityError:
                return None
            return claimed
        same = [DELIVERIES.c[name].is_not_distinct_from(value) for name, value in _columns(known).items()]
        with self.engine.begin() as connection:
            changed = connection.execute(
                sa.update(DELIVERIES)
                .where(DELIVERIES.c.key == key, DELIVERIES.c.channel == channel, *same)
                .values(**_columns(claimed))
            ).rowcount
        return claimed if changed == 1 else None

    def settle(self, key: str, channel: str, delivery: Delivery) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                sa.update(DELIVERIES)
                .where(DELIVERIES.c.key == key, DELIVERIES.c.channel == channel)
                .values(**_columns(delivery))
            )

    def require_file(self) -> None:
        """A database that was removed must not come back empty because somebody looked."""
        name = self.engine.url.database
        if self.engine.name == "sqlite" and name and name != ":memory:":
            Path(name).stat()

    def _write(self, record: Record) -> None:
        values = {
            "alert": _as_json(record.alert),
            "since": timestamp(record.since),
            "seen": timestamp(record.seen),
            "resolved": None,
        }
        key = record.alert.key
        with self.engine.begin() as connection:
            # Changed first: SQLite gives a writer that has read before no second chance.
            if connection.execute(sa.update(ALERTS).where(ALERTS.c.key == key).values(**values)).rowcount:
                return
        try:
            with self.engine.begin() as connection:
                connection.execute(sa.insert(ALERTS).values(key=key, **values))
        except IntegrityError:
            return  # another process has seen it in the same instant

    def _end(self, record: Record, now: datetime) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                sa.update(ALERTS)
                # Unless somebody has seen it since.
                .where(ALERTS.c.key == record.alert.key, ALERTS.c.seen == timestamp(record.seen))
                .values(resolved=timestamp(now))
            )

    def _forget(self, record: Record) -> None:
        key = record.alert.key
        with self.engine.begin() as connection:
            connection.execute(
                sa.delete(ALERTS).where(ALERTS.c.key == key, ALERTS.c.seen == timestamp(record.seen))
            )
            connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.key == key))


def _as_json(alert: Alert) -> str:
    return json.dumps(
        {
            "kind": alert.kind,
            "severity": alert.severity.value,
            "level": alert.level,
            "values": dict(alert.values),
            "link": alert.link,
            "repeated": alert.repeated,
            "people": list(alert.people),
        },
        sort_keys=True,
    )


def _record(row: sa.Row[Any]) -> Record:
    found = json.loads(row.alert)
    alert = Alert(
        key=row.key,
        kind=found["kind"],
        severity=Severity(found["severity"]),
        level=found["level"],
        values=found["values"],
        link=found["link"],
        repeated=found["repeated"],
        people=tuple(found["people"]),
    )
    return Record(
        alert=alert,
        since=datetime.fromisoformat(row.since),
        seen=datetime.fromisoformat(row.seen),
        resolved=_moment(row.resolved),
    )


def _columns(delivery: Delivery) -> dict[str, str | int | None]:
    return {
        "told": delivery.told,
        "level": delivery.level,
        "sent": None if delivery.sent is None else timestamp(delivery.sent),
        "not_before": None if delivery.not_before is None else timestamp(delivery.not_before),
        "attempts": delivery.attempts,
    }


def _delivery(row: sa.Row[Any]) -> Delivery:
    return Delivery(
        told=None if row.told is None else Told(row.told),
        level=row.level,
        sent=_moment(row.sent),
        not_before=_moment(row.not_before),
        attempts=row.attempts,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
