"""The book of alerts in the database, for the whole installation; SQLite and PostgreSQL."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gateway.settings.watch import Severity
from gateway.watch.alerts import Alert, Delivery, Record, Told
from gateway.watch.book import claimed_by, forgotten, over, seen_again
from trust.log import timestamp

_log = logging.getLogger("gateway.watch")
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)

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
        found = []
        for row in rows:
            try:
                found.append(_record(row))
            except _DAMAGE:
                self._remove(ALERTS, ALERTS.c.key == row.key)
        return tuple(found)

    def deliveries(self, channel: str) -> Mapping[str, Delivery]:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(DELIVERIES).where(DELIVERIES.c.channel == channel)).all()
        found = {}
        for row in rows:
            try:
                found[row.key] = _delivery(row)
            except _DAMAGE:
                self._remove(DELIVERIES, DELIVERIES.c.key == row.key, DELIVERIES.c.channel == channel)
        return found

    def claim(self, key: str, channel: str, known: Delivery | None, now: datetime) -> Delivery | None:
        claimed = claimed_by(known, now)
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

    def _remove(self, table: sa.Table, *of: sa.ColumnElement[bool]) -> None:
        """What none of us has written would keep every process from telling anything; so it is told anew."""
        _log.error("a row of the alerts is damaged, and removed", extra={"task": table.name})
        with self.engine.begin() as connection:
            connection.execute(sa.delete(table).where(*of))

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
    if not all(isinstance(value, str) for value in found["values"].values()):
        raise TypeError("values are texts")
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
        since=_time(row.since),
        seen=_time(row.seen),
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
    return None if text is None else _time(text)


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no time of ours")
    return moment
