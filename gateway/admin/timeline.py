"""The time line of what ends, as shapes that a template draws: lanes of marks over zones of time.

A zone is a band (``gateway.expiry.Band``) and as wide as every other, so that tomorrow is not a hair's breadth
from next week. The drawing holds shapes only and may be stretched to any width; every date of it stands in the
table below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from gateway.expiry import Band, Expiry, ExpiryKind

ZONE = 100
"""Width of a zone."""
WIDTH = ZONE * len(Band)
MARK = 6
"""Width of a mark."""

LANES: Mapping[str, frozenset[ExpiryKind]] = MappingProxyType(
    {
        "decisions": frozenset({ExpiryKind.PROPOSAL, ExpiryKind.REVIEW}),
        "trust": frozenset({ExpiryKind.ANCHOR, ExpiryKind.ANCHOR_CERTIFICATE, ExpiryKind.SOURCE}),
        "metadata": frozenset({ExpiryKind.METADATA}),
        "peers": frozenset({ExpiryKind.PEER_CERTIFICATE}),
        "own": frozenset({ExpiryKind.OWN_CERTIFICATE, ExpiryKind.OWN_KEY, ExpiryKind.LISTENER_CERTIFICATE}),
        "clients": frozenset({ExpiryKind.CLIENT_CERTIFICATE}),
        "rules": frozenset({ExpiryKind.EXCEPTION, ExpiryKind.ALGORITHM}),
    }
)
"""By the word that stands in the page's address."""

_EDGES: Mapping[Band, tuple[int, int]] = {
    Band.EXPIRED: (-30, 0),
    Band.DAYS_1: (0, 1),
    Band.DAYS_7: (1, 7),
    Band.DAYS_14: (7, 14),
    Band.DAYS_30: (14, 30),
    Band.DAYS_90: (30, 90),
    Band.LATER: (90, 730),
}
"""Days from now that a zone stands for; what lies beyond the ends is drawn at the end."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that ends."""

    x: float
    band: Band
    pressing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Marks of one sort; the counts say the same without the drawing."""

    name: str
    marks: tuple[Mark, ...]
    counts: Mapping[Band, int]
    """Of what is pressing, by band; bands without any are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The whole drawing."""

    lanes: tuple[Lane, ...]
    """All of them, also empty ones."""
    bands: tuple[Band, ...] = tuple(Band)
    zone: int = ZONE
    width: int = WIDTH


def draw(ends: Sequence[Expiry], now: datetime) -> Line:
    """What ends, drawn."""
    lanes = (_lane(name, [one for one in ends if one.kind in kinds], now) for name, kinds in LANES.items())
    return Line(lanes=tuple(lanes))


def of_lane(ends: Iterable[Expiry], name: str | None) -> tuple[Expiry, ...]:
    """What stands in the lane ``name``; everything for a word that is none."""
    kinds = LANES.get(name or "")
    return tuple(one for one in ends if kinds is None or one.kind in kinds)


def _lane(name: str, ends: Sequence[Expiry], now: datetime) -> Lane:
    counts = Counter(one.band for one in ends if one.pressing)
    return Lane(
        name=name,
        marks=tuple(Mark(place(one.when - now, one.band), one.band, one.pressing) for one in ends),
        counts={band: counts[band] for band in Band if counts[band]},
    )


def place(left: timedelta, band: Band) -> float:
    """Where a mark begins, so that all of it lies in the zone of its band."""
    begin, end = _EDGES[band]
    part = (left / timedelta(days=1) - begin) / (end - begin)
    zone = list(Band).index(band) * ZONE
    return round(zone + min(1.0, max(0.0, part)) * (ZONE - MARK), 1)
