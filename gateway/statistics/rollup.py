"""Brings the counts up to date with the log: in steps, each one transaction, each entry once.

A step reads entries first and writes then, and its first statement moves the position from where it stood.
So of two processes that take the same step one moves it, and the other's step falls away as a whole; after a
crash position and counts are both old or both new.

Older counts are kept by the day (Europe/Berlin) instead of by the hour, and deleted in the end.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from gateway.statistics.outcomes import Counted, Dimension, OpenJourney, Outcome, Step, expire, tally
from gateway.statistics.tables import COUNTS, JOURNEYS, POSITION, hour_read, hour_text
from trust.errors import LogUnavailable
from trust.log import Entry, timestamp
from trust.trees import LOGIN

ZONE = ZoneInfo("Europe/Berlin")

Read = Callable[[int, int], Sequence[Entry]]
"""Entries of the log with a number greater than the first argument, in order; at most the second many."""

STEP = 1000
_ROWS = 100
"""Rows a statement: SQLite counts its parameters."""


class StatisticsUnavailable(Exception):
    """The database does not answer; the counts stay as they are."""


def log_reader(engine: sa.Engine) -> Read:
    """Reads the log of logins in the database; raises LogUnavailable."""

    def read(after: int, limit: int) -> Sequence[Entry]:
        try:
            with engine.connect() as connection:
                return [
                    Entry(seq=row.seq, time=row.time, event=row.kind, body=row.body, hash=row.hash)
                    for row in LOGIN.rows(connection, after=after, limit=limit)
                ]
        except SQLAlchemyError as error:
            raise LogUnavailable(type(error).__name__) from error

    return read


class RollUp:
    """Blocking; call it in a thread."""

    def __init__(
        self,
        engine: sa.Engine,
        read: Read,
        *,
        hours_kept: timedelta = timedelta(days=35),
        kept: timedelta = timedelta(days=1096),
    ) -> None:
        self._engine = engine
        self._read = read
        self._hours_kept = hours_kept
        self._kept = kept

    def run(self, *, now: datetime) -> int:
        """Take everything that is new, then thin what is old; gives the number of entries taken.

        Raises StatisticsUnavailable, and whatever the reader of the log raises.
        """
        total = 0
        while True:
            taken, full = self.step(now=now)
            total += taken
            if not full:
                break
        self.thin(now=now)
        return total

    def step(self, *, now: datetime, limit: int = STEP) -> tuple[int, bool]:
        """One step: how many entries it took, and whether there may be more."""
        try:
            position = self.position()
            entries = self._read(position, limit)
            with self._engine.begin() as connection:
                if not _move(connection, position, entries[-1].seq if entries else position):
                    return 0, True  # another process took these
                self._count(connection, entries, now)
        except SQLAlchemyError as error:
            raise StatisticsUnavailable(type(error).__name__) from error
        return len(entries), len(entries) == limit

    def position(self) -> int:
        """Number of the last entry that was taken; raises StatisticsUnavailable."""
        try:
            with self._engine.connect() as connection:
                return int(connection.execute(sa.select(POSITION.c.seq)).scalar_one())
        except SQLAlchemyError as error:
            raise StatisticsUnavailable(type(error).__name__) from error

    def thin(self, *, now: datetime) -> None:
        """Make days of old hours, and delete what is too old; raises StatisticsUnavailable."""
        boundary = _day(now - self._hours_kept)
        hours = sa.select(COUNTS.c.hour).where(COUNTS.c.hour < hour_text(boundary)).distinct()
        try:
            with self._engine.connect() as connection:
                old = [text for (text,) in connection.execute(hours) if hour_text(_day_of(text)) != text]
            if old:
                self._make_days(old)
            with self._engine.begin() as connection:
                connection.execute(sa.delete(COUNTS).where(COUNTS.c.hour < hour_text(now - self._kept)))
        except SQLAlchemyError as error:
            raise StatisticsUnavailable(type(error).__name__) from error

    def _make_days(self, hours: Sequence[str]) -> None:
        with self._engine.begin() as connection:
            # The position is everybody's turn: what another process has thinned meanwhile is gone below.
            connection.execute(sa.update(POSITION).values(seq=POSITION.c.seq))
            for start in range(0, len(hours), _ROWS):
                some = COUNTS.c.hour.in_(hours[start : start + _ROWS])
                days: Counter[Counted] = Counter()
                for hour, dimension, value, outcome, count in connection.execute(
                    sa.select(COUNTS).where(some)
                ):
                    cell = Counted(
                        hour=_day_of(hour),
                        dimension=Dimension(dimension),
                        value=value,
                        outcome=Outcome(outcome),
                    )
                    days[cell] += int(count)
                connection.execute(sa.delete(COUNTS).where(some))
                _add(connection, days)

    def _count(self, connection: sa.Connection, entries: Iterable[Entry], now: datetime) -> None:
        steps = [step for entry in entries if (step := _step(entry)) is not None]
        numbers = {number for step in steps if isinstance(number := step.body.get("journey"), str)}
        before = _open_journeys(connection, numbers, now)
        journeys = dict(before)
        counts = tally(steps, journeys)
        # Of the log's own time, too: a roll-up that is late must not take what follows for silence.
        counts += expire(journeys, now=min(now, max((step.at for step in steps), default=now)))
        _replace(connection, before, journeys)
        _add(connection, counts)


def _move(connection: sa.Connection, before: int, after: int) -> bool:
    """The first statement of a step: it takes the writers' turn on both databases."""
    moved = sa.update(POSITION).where(POSITION.c.seq == before).values(seq=after)
    return connection.execute(moved).rowcount == 1


def _step(entry: Entry) -> Step | None:
    """None for an entry that nobody of ours wrote: verifying the log is not the statistics' business."""
    try:
        body = json.loads(entry.body)
        at = datetime.fromisoformat(entry.time)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or at.tzinfo is None:
        return None
    return Step(event=entry.event, at=at.astimezone(UTC), body=body)


def _open_journeys(connection: sa.Connection, numbers: set[str], now: datetime) -> dict[str, OpenJourney]:
    """Those of this step, and those that may have expired."""
    found: dict[str, OpenJourney] = {}
    listed = sorted(numbers)
    conditions: list[sa.ColumnElement[bool]] = [
        JOURNEYS.c.journey.in_(listed[start : start + _ROWS]) for start in range(0, len(listed), _ROWS)
    ]
    conditions.append(JOURNEYS.c.seen < timestamp(now - timedelta(hours=2)))
    for condition in conditions:
        for row in connection.execute(sa.select(JOURNEYS).where(condition)):
            found[row.journey] = OpenJourney(
                seen=datetime.fromisoformat(row.seen),
                client=row.client,
                connector=row.connector,
                country=row.country,
                level=row.level,
            )
    return found


def _replace(
    connection: sa.Connection, before: Mapping[str, OpenJourney], after: Mapping[str, OpenJourney]
) -> None:
    gone = [name for name, journey in before.items() if after.get(name) != journey]
    for start in range(0, len(gone), _ROWS):
        connection.execute(sa.delete(JOURNEYS).where(JOURNEYS.c.journey.in_(gone[start : start + _ROWS])))
    rows = [
        {
            "journey": name,
            "seen": timestamp(journey.seen),
            "client": journey.client,
            "connector": journey.connector,
            "country": journey.country,
            "level": journey.level,
        }
        for name, journey in after.items()
        if before.get(name) != journey
    ]
    if rows:
        connection.execute(sa.insert(JOURNEYS), rows)


def _add(connection: sa.Connection, counts: Mapping[Counted, int]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "hour": hour_text(cell.hour),
            "dimension": cell.dimension.value,
            "value": cell.value,
            "outcome": cell.outcome.value,
            "count": count,
        }
        for cell, count in counts.items()
    ]
    key = [column.name for column in COUNTS.primary_key.columns]
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        if connection.dialect.name == "sqlite":
            lite = sqlite.insert(COUNTS).values(some)
            connection.execute(
                lite.on_conflict_do_update(
                    index_elements=key, set_={"count": COUNTS.c.count + lite.excluded.count}
                )
            )
        else:
            big = postgresql.insert(COUNTS).values(some)
            connection.execute(
                big.on_conflict_do_update(
                    index_elements=key, set_={"count": COUNTS.c.count + big.excluded.count}
                )
            )


def _day(moment: datetime) -> datetime:
    """Midnight of its day in Germany, as an hour of UTC."""
    local = moment.astimezone(ZONE)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def _day_of(hour: str) -> datetime:
    return _day(hour_read(hour))
