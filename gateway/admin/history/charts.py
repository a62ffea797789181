"""Charts as shapes that a template draws: no script, no colour that carries meaning alone.

The drawing holds shapes only and may be stretched to any width; every number and word of it stands beside it
as text, in a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.statistics import Bucket, Dimension, History, Outcome

WIDTH = 1000
HEIGHT = 200
_GAP = 0.2
"""Of a column's width."""


class Span(StrEnum):
    """What time a page of charts shows; the value is what stands in its address."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    YEAR = "365d"

    @property
    def length(self) -> timedelta:
        return _LENGTHS[self]

    @property
    def bucket(self) -> Bucket:
        """Hours where hours are still kept and a column a hour is still wide enough to be seen."""
        return Bucket.HOUR if self in {Span.DAY, Span.WEEK} else Bucket.DAY

    @classmethod
    def parse(cls, text: str | None) -> Span:
        """The span ``text`` names; a week for anything else."""
        try:
            return cls(text or "")
        except ValueError:
            return cls.WEEK


_LENGTHS = {
    Span.DAY: timedelta(hours=23),  # with the current hour: 24 columns
    Span.WEEK: timedelta(days=7) - timedelta(hours=1),
    Span.MONTH: timedelta(days=29),
    Span.YEAR: timedelta(days=364),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One moment of the chart over time: ``done`` stands on the ground, ``other`` on top of it."""

    start: datetime
    done: int
    other: int
    x: float
    width: float
    done_y: float
    done_height: float
    other_y: float
    other_height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeChart:
    """Logins over time."""

    bucket: Bucket
    columns: tuple[Column, ...]
    top: int
    """What the full height stands for."""
    done: int
    other: int

    @property
    def peak(self) -> Column | None:
        """The highest column, the first of several; None if nothing was counted."""
        if not self.top:
            return None
        return max(self.columns, key=lambda column: (column.done + column.other, -column.x))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One value of a heading; ``width`` in hundredths of the longest."""

    value: str
    outcomes: Mapping[Outcome, int]
    total: int
    done_width: float
    width: float

    @property
    def done(self) -> int:
        return self.outcomes[Outcome.DONE]

    @property
    def share(self) -> int:
        """Of all that ended, how many of a hundred with data."""
        return round(100 * self.done / self.total)


def time_chart(history: History) -> TimeChart:
    """All values of ``history`` together; ``history`` is that of a heading under which every login is."""
    by_outcome = history.by_outcome()
    nothing = (0,) * len(history.starts)
    done = by_outcome.get(Outcome.DONE.value, nothing)
    others = [columns for outcome, columns in by_outcome.items() if outcome != Outcome.DONE.value]
    other = tuple(sum(numbers) for numbers in zip(*others, strict=True)) if others else nothing
    top = max((a + b for a, b in zip(done, other, strict=True)), default=0)
    step = WIDTH / max(1, len(history.starts))
    columns = []
    for place, (start, below, above) in enumerate(zip(history.starts, done, other, strict=True)):
        low = HEIGHT * below / top if top else 0.0
        high = HEIGHT * above / top if top else 0.0
        columns.append(
            Column(
                start=start,
                done=below,
                other=above,
                x=round(place * step + step * _GAP / 2, 2),
                width=round(step * (1 - _GAP), 2),
                done_y=round(HEIGHT - low, 2),
                done_height=round(low, 2),
                other_y=round(HEIGHT - low - high, 2),
                other_height=round(high, 2),
            )
        )
    return TimeChart(bucket=history.bucket, columns=tuple(columns), top=top, done=sum(done), other=sum(other))


def bars(history: History, *, order: Sequence[str] = ()) -> tuple[Bar, ...]:
    """A bar for each value of ``history``, the longest first, or in ``order``."""
    counts: dict[str, dict[Outcome, int]] = {}
    for (value, outcome), columns in history.counts.items():
        counts.setdefault(value, dict.fromkeys(Outcome, 0))[outcome] += sum(columns)
    longest = max((sum(found.values()) for found in counts.values()), default=0)
    found = [
        Bar(
            value=value,
            outcomes=outcomes,
            total=total,
            done_width=round(100 * outcomes[Outcome.DONE] / longest, 2),
            width=round(100 * total / longest, 2),
        )
        for value, outcomes in counts.items()
        if (total := sum(outcomes.values()))
    ]
    if order:
        return tuple(sorted(found, key=lambda bar: (_place(order, bar.value), bar.value)))
    return tuple(sorted(found, key=lambda bar: (-bar.total, bar.value)))


def _place(order: Sequence[str], value: str) -> int:
    return order.index(value) if value in order else len(order)


HEADINGS = (Dimension.COUNTRY, Dimension.LEVEL, Dimension.CONNECTOR, Dimension.CLIENT)
"""Tables of the page, in this order."""
