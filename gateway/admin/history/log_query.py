"""Finding entries of a log: newest first, a page at a time, however long the log is.

Entries are read backwards in chunks; the time bounds are found by halving, because numbers grow with time.
A page ends when it is full, at the lower bound, or after ``SCAN`` entries: then it says where to go on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from trust.merkle import leaf_hash
from trust.trees import Row, Tree

SCAN = 20_000
"""Entries a page looks at, at most."""
_CHUNK = 1_000
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_CLOCKS = timedelta(minutes=5)
"""How far entries of several hosts may be out of order."""

_ACTORS = ("client", "proposer", "approver", "by", "person")
_KINDS_OF_PERSON = frozenset({"natural", "legal"})
"""``IdentityAccepted`` says so under ``person``; the console's events name somebody there."""
_OBJECTS = (
    "journey",
    "connector",
    "country",
    "peer",
    "anchor",
    "object",
    "resource",
    "code",
    "change",
    "key",
)


class LogSource(Protocol):
    """One log. Blocking; ``read`` gives what is there of the numbers, in order."""

    @property
    def tree(self) -> Tree:
        """How its entries are hashed."""

    def bounds(self) -> tuple[int, int]:
        """Number of the oldest and of the newest entry; ``(1, 0)`` where there is none."""

    def read(self, first: int, last: int) -> Sequence[Row]:
        """The entries from ``first`` to ``last``, both included."""

    def about(self, body: Mapping[str, object]) -> tuple[str, ...]:
        """What an entry is about beyond its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What somebody looks for; empty: everything."""

    since: datetime | None = None
    until: datetime | None = None
    """Entries before this moment."""
    event: str = ""
    actor: str = ""
    """A client or an approver, exactly."""
    object: str = ""
    """A journey, connector, country, peer, error code, or an object of the registry, exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One entry for people."""

    seq: int
    at: datetime | None
    """None: the time is in no form of ours."""
    time: str
    """As it is written."""
    event: str
    actors: tuple[str, ...]
    objects: tuple[str, ...]
    body: str
    data: bytes
    """What the leaf hash is taken over: canonical JSON, unless somebody changed the row."""

    @property
    def leaf(self) -> str:
        """The hash of its leaf, hexadecimal (RFC 9162 §2.1.1)."""
        return leaf_hash(self.data).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """What was found, newest first."""

    lines: tuple[LogLine, ...]
    next: int | None
    """Entries below this number were not looked at; None: there are no more."""


def search(source: LogSource, wanted: Filter, *, before: int | None = None, limit: int = 50) -> LogPage:
    """The newest ``limit`` entries below ``before`` that match."""
    low, high = _range(source, wanted)
    if before is not None:
        high = min(high, before - 1)
    found: list[LogLine] = []
    stop = max(low, high - SCAN + 1)
    while high >= stop:
        start = max(stop, high - _CHUNK + 1)
        for row in reversed(source.read(start, high)):
            line = log_line(row, source)
            if matches(line, wanted):
                found.append(line)
                if len(found) == limit:
                    return LogPage(lines=tuple(found), next=row.seq if row.seq > low else None)
        high = start - 1
    return LogPage(lines=tuple(found), next=high + 1 if high >= low else None)


def export(source: LogSource, wanted: Filter) -> Iterator[bytes]:
    """Every matching entry, oldest first: SHA-256 of a zero octet and the line is the hash of its leaf."""
    low, high = _range(source, wanted)
    for start in range(low, high + 1, _CHUNK):
        for row in source.read(start, min(high, start + _CHUNK - 1)):
            line = log_line(row, source)
            if matches(line, wanted):
                yield line.data + b"\n"


def matches(line: LogLine, wanted: Filter) -> bool:
    """Whether ``line`` is what somebody looks for; an entry without a readable time fits any time."""
    if line.at is not None:
        if wanted.since is not None and line.at < wanted.since:
            return False
        if wanted.until is not None and line.at >= wanted.until:
            return False
    return (
        wanted.event in {"", line.event}
        and (not wanted.actor or wanted.actor.casefold() in map(str.casefold, line.actors))
        and (not wanted.object or wanted.object.casefold() in map(str.casefold, line.objects))
    )


def log_line(row: Row, source: LogSource) -> LogLine:
    """``row`` with whom and what it is about."""
    try:
        at: datetime | None = datetime.strptime(row.time, _TIME).replace(tzinfo=UTC)
    except ValueError:
        at = None
    try:
        body = json.loads(row.body)
    except (ValueError, RecursionError):
        body = None
    body = body if isinstance(body, dict) else {}
    facts = dict(_facts(body))
    return LogLine(
        seq=row.seq,
        at=at,
        event=row.kind,
        actors=tuple(name for name in _values(facts, _ACTORS) if name not in _KINDS_OF_PERSON),
        objects=(*_values(facts, _OBJECTS), *source.about(body)),
        time=row.time,
        body=row.body,
        data=source.tree.data(row),
    )


def _facts(body: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Members of the body, and of what it wraps (``approval``, ``change`` of the trust log)."""
    for name, value in body.items():
        if isinstance(value, dict):
            yield from value.items()
        else:
            yield name, value


def _values(facts: Mapping[str, object], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for name in names if isinstance(value := facts.get(name), str) and value)


def _range(source: LogSource, wanted: Filter) -> tuple[int, int]:
    """Numbers between which every entry of the wanted time lies; a little wider, for clocks differ."""
    low, high = source.bounds()
    first = _first_at(source, low, high, wanted.since - _CLOCKS) if wanted.since else low
    last = _first_at(source, low, high, wanted.until + _CLOCKS) - 1 if wanted.until else high
    return first, last


def _first_at(source: LogSource, low: int, high: int, moment: datetime) -> int:
    """Number of the first entry that was not written before ``moment``."""
    text = moment.astimezone(UTC).strftime(_TIME)
    end = high + 1
    while low < end:
        middle = (low + end) // 2
        rows = source.read(middle, min(high, middle + 9))  # a missing entry must not end the search
        if rows and rows[0].time < text:
            low = middle + 1
        else:
            end = middle
    return low
