"""What the counts say: histories for charts, the last login of a country, what a change would touch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from gateway.statistics.outcomes import Dimension, Outcome
from gateway.statistics.rollup import ZONE, StatisticsUnavailable
from gateway.statistics.tables import COUNTS, hour_read, hour_text
from trust.registry import ObjectKey, ObjectKind, State

DAY = timedelta(days=1)


class Bucket(StrEnum):
    """How wide a column of a chart is."""

    HOUR = "hour"
    DAY = "day"
    """Of Germany."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Counts of one heading over time, without gaps."""

    dimension: Dimension
    bucket: Bucket
    starts: tuple[datetime, ...]
    """When each column begins; oldest first."""
    counts: Mapping[tuple[str, Outcome], tuple[int, ...]]
    """By value and outcome, a number a column."""

    def by_outcome(self) -> dict[str, tuple[int, ...]]:
        """Columns of each outcome, in their own order."""
        sums: dict[Outcome, list[int]] = {}
        for (_, outcome), columns in self.counts.items():
            total = sums.setdefault(outcome, [0] * len(columns))
            for index, count in enumerate(columns):
                total[index] += count
        return {outcome.value: tuple(sums[outcome]) for outcome in Outcome if outcome in sums}


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """How many journeys, and how many of them ended with data for the service."""

    all: int = 0
    done: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """What an object of a change had to do with."""

    key: ObjectKey
    dimension: Dimension
    values: tuple[str, ...]
    logins: Logins


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The last 24 hours and the same hours a week before."""

    now: Mapping[Outcome, int]
    before: Mapping[Outcome, int]


class Statistics:
    """Blocking; call it in a thread. Raises StatisticsUnavailable."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def history(self, dimension: Dimension, *, since: datetime, until: datetime, bucket: Bucket) -> History:
        """Counts under ``dimension`` from the column of ``since`` to that of ``until``."""
        starts = _starts(since, until, bucket)
        place = {start: index for index, start in enumerate(starts)}
        rows = self._rows(
            sa.select(COUNTS.c.hour, COUNTS.c.value, COUNTS.c.outcome, COUNTS.c.count).where(
                COUNTS.c.dimension == dimension.value,
                COUNTS.c.hour >= hour_text(starts[0]),
                COUNTS.c.hour <= hour_text(until),
            )
        )
        counts: dict[tuple[str, Outcome], list[int]] = {}
        for hour, value, outcome, count in rows:
            column = place.get(_start(hour_read(hour), bucket))
            if column is not None:
                counts.setdefault((value, Outcome(outcome)), [0] * len(starts))[column] += count
        return History(
            dimension=dimension,
            bucket=bucket,
            starts=starts,
            counts=MappingProxyType({key: tuple(counts[key]) for key in sorted(counts)}),
        )

    def affected(
        self, keys: Iterable[ObjectKey], state: State, *, now: datetime, days: int = 30
    ) -> tuple[Affected, ...]:
        """Logins of the last ``days`` that had to do with ``keys``, each object for itself.

        An anchor or a source had to do with its countries. Objects without anything to count are left out; one
        login may be in several lines, so lines must not be added up.
        """
        found = []
        for key in keys:
            dimension, values = _touched(key, state)
            if dimension is not None and values:
                logins = self._logins(dimension, values, since=now - days * DAY)
                found.append(Affected(key=key, dimension=dimension, values=values, logins=logins))
        return tuple(found)

    def last_login(self, dimension: Dimension, value: str) -> datetime | None:
        """Beginning of the hour (after some weeks: of the day) in which ``value`` last ended with data."""
        statement = sa.select(sa.func.max(COUNTS.c.hour)).where(
            COUNTS.c.dimension == dimension.value,
            COUNTS.c.value == value,
            COUNTS.c.outcome == Outcome.DONE.value,
        )
        text = self._rows(statement)[0][0]
        return None if text is None else hour_read(text)

    def last_logins(self, dimension: Dimension) -> dict[str, datetime]:
        """``last_login`` of every value, in one question."""
        statement = (
            sa.select(COUNTS.c.value, sa.func.max(COUNTS.c.hour))
            .where(COUNTS.c.dimension == dimension.value, COUNTS.c.outcome == Outcome.DONE.value)
            .group_by(COUNTS.c.value)
        )
        return {value: hour_read(text) for value, text in self._rows(statement)}

    def day_against_week(self, *, now: datetime) -> Comparison:
        """The last 24 hours (whole hours and the current one), and the same a week before."""
        week = timedelta(days=7)
        return Comparison(
            now=self._outcomes(now - DAY, now), before=self._outcomes(now - week - DAY, now - week)
        )

    def _outcomes(self, after: datetime, until: datetime) -> Mapping[Outcome, int]:
        statement = (
            sa.select(COUNTS.c.outcome, sa.func.sum(COUNTS.c.count))
            .where(
                # Every journey has a client, so under this heading all of them are.
                COUNTS.c.dimension == Dimension.CLIENT.value,
                COUNTS.c.hour > hour_text(after),
                COUNTS.c.hour <= hour_text(until),
            )
            .group_by(COUNTS.c.outcome)
        )
        found = {Outcome(outcome): int(count) for outcome, count in self._rows(statement)}
        return {outcome: found.get(outcome, 0) for outcome in Outcome}

    def _logins(self, dimension: Dimension, values: tuple[str, ...], *, since: datetime) -> Logins:
        statement = (
            sa.select(COUNTS.c.outcome, sa.func.sum(COUNTS.c.count))
            .where(
                COUNTS.c.dimension == dimension.value,
                COUNTS.c.value.in_(values),
                COUNTS.c.hour >= hour_text(since),
            )
            .group_by(COUNTS.c.outcome)
        )
        found: Counter[str] = Counter({outcome: int(count) for outcome, count in self._rows(statement)})
        return Logins(all=found.total(), done=found[Outcome.DONE.value])

    def _rows(self, statement: sa.Select[Any]) -> list[Any]:
        try:
            with self._engine.connect() as connection:
                return list(connection.execute(statement))
        except SQLAlchemyError as error:
            raise StatisticsUnavailable(type(error).__name__) from error


def _touched(key: ObjectKey, state: State) -> tuple[Dimension | None, tuple[str, ...]]:
    """Under which heading, and which of its values, ``key`` has to do with."""
    held = state.objects.get(key)
    settings = held.document.get("settings", {}) if held else {}
    match key.kind:
        case ObjectKind.CLIENT:
            return Dimension.CLIENT, (key.id,)
        case ObjectKind.CONNECTOR:
            return Dimension.CONNECTOR, (key.id,)
        case ObjectKind.COUNTRY:
            named = settings.get("country") or key.id.rpartition(".")[2]
            return Dimension.COUNTRY, (str(named).upper(),)
        case ObjectKind.ANCHOR | ObjectKind.SOURCE:
            countries = settings.get("countries")
            listed = countries if isinstance(countries, list) else []
            return Dimension.COUNTRY, tuple(str(country).upper() for country in listed)
        case _:
            return None, ()


def _starts(since: datetime, until: datetime, bucket: Bucket) -> tuple[datetime, ...]:
    start, starts = _start(since, bucket), []
    while start <= until:
        starts.append(start)
        if bucket is Bucket.HOUR:
            start += timedelta(hours=1)
        else:  # the next midnight is 23 to 25 hours away
            start = _start(start + timedelta(hours=30), bucket)
    return tuple(starts)


def _start(moment: datetime, bucket: Bucket) -> datetime:
    local = moment.astimezone(ZONE if bucket is Bucket.DAY else UTC)
    hour = 0 if bucket is Bucket.DAY else local.hour
    return local.replace(hour=hour, minute=0, second=0, microsecond=0).astimezone(UTC)
