"""What an alert is, and when whom must be told of it.

An alert is *active* as long as some process of the installation sees its condition, and over when nobody has
for five minutes; so it does not matter which of many processes looks. Each channel is told once when it begins,
again when it gets worse, daily while it lasts, and once when it is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from gateway.settings.watch import Severity

UNSEEN = timedelta(minutes=5)
"""After this time without anybody seeing it an alert is over."""
CLOCKS = timedelta(minutes=5)
"""What lies further ahead was written by a clock that was wrong."""
LONGEST_PAUSE = timedelta(hours=1)
"""Between two attempts at a channel that fails."""
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_VALUE = 200
_ORDER = tuple(Severity)


def at_least(severity: Severity, minimum: Severity) -> bool:
    return _ORDER.index(severity) >= _ORDER.index(minimum)


def clean(text: str) -> str:
    """``text`` on one line, without control and direction characters, cut; never the name of one of our texts.

    It may come from a peer.
    """
    shown = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
    shown = f" {shown}" if shown.startswith("@") else shown
    return shown if len(shown) <= _LONGEST_VALUE else shown[: _LONGEST_VALUE - 1] + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A condition that holds now."""

    key: str
    """The same as long as it is the same thing."""
    kind: str
    """Names its texts: ``<kind>.title``, ``<kind>.text``."""
    severity: Severity
    level: int = 0
    """Rises when it gets worse, which is told at once."""
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """For the texts. A value that begins with ``@`` is itself the name of a text. Never personal data."""
    link: str = ""
    """Path of a page in the console."""
    repeated: bool = True
    """Whether it is told daily; not where nothing that people do can end it."""
    people: tuple[str, ...] = ()
    """Approvers whose signature is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An alert as it is remembered."""

    alert: Alert
    since: datetime
    seen: datetime
    resolved: datetime | None = None


class Told(StrEnum):
    RAISED = "raised"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one channel knows of one alert."""

    told: Told | None = None
    level: int = 0
    sent: datetime | None = None
    not_before: datetime | None = None
    """Somebody is at it, or it failed."""
    attempts: int = 0
    """Since the last success."""


class News(StrEnum):
    """What a message says of an alert."""

    RAISED = "raised"
    LASTING = "lasting"
    RESOLVED = "resolved"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One alert in a message."""

    news: News
    record: Record


def due(record: Record, delivery: Delivery | None, *, now: datetime, repeat: timedelta) -> News | None:
    """What a channel must be told of ``record`` now; None: nothing."""
    known = delivery or Delivery()
    if known.not_before is not None and now < known.not_before <= now + LONGEST_PAUSE + CLOCKS:
        return None
    if record.resolved is not None:
        return News.RESOLVED if known.told is Told.RAISED else None
    if known.told is not Told.RAISED or record.alert.level > known.level:
        return News.RAISED
    if not record.alert.repeated or record.alert.severity is Severity.INFORMATION or known.sent is None:
        return None
    # Sent in the future: the clock was wrong then, and a message too many is better than a silent year.
    return News.LASTING if now - known.sent >= repeat or known.sent > now + CLOCKS else None


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failures in a row."""
    doubled: int = 2 ** min(max(attempts - 1, 0), 10)
    return min(_FIRST_PAUSE * doubled, LONGEST_PAUSE)
