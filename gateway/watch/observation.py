"""What one process sees at one moment: all that alerts are made of, without network or database behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from connectors.contract import PeerStatus
from gateway.expiry import Expiry
from trust.metadata_source import SourceStatus
from trust.registry import Fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """Something that does not work, and since when."""

    since: datetime
    reason: str
    """A stable word."""
    times: int = 1
    """In a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStanding:
    """Something about one tree of the log that is not as it should be."""

    tree: str
    """``login`` or ``trust``."""
    broken: str | None = None
    """Why no checkpoint can be made: an entry that does not fit, a key that does not sign."""
    late_since: datetime | None = None
    """Entries wait for a checkpoint that nobody makes."""
    unexported: Mapping[str, Failing] = field(default_factory=lambda: MappingProxyType({}))
    """Places where checkpoints do not arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeStanding:
    """The last probes of one way, failing."""

    connector: str
    country: str | None
    failing: Failing


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStanding:
    """Scheduled work of this process that did not end well, or not at all."""

    name: str
    seconds: float
    """Between two turns."""
    failing: Failing


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryStanding:
    """How this process stands towards the registry."""

    fold: Fold
    problem: str | None
    """Why the newest state is not in force here."""
    checked_at: datetime | None
    """When the database was last asked with success."""
    dated_back: int | None = None
    """The last entry that was written later than it says."""
    pinned: bool = True
    """Whether this process was told with which ceremony the log begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """See the module docstring."""

    node: str
    """Name of the machine."""
    now: datetime
    expiries: tuple[Expiry, ...] = ()
    peers: Mapping[str, tuple[PeerStatus, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By connector; without what is suspended."""
    sources: tuple[SourceStatus, ...] = ()
    registry: RegistryStanding | None = None
    """None: there is none, the files rule."""
    store: str | None = None
    """Why the store does not answer."""
    database: str | None = None
    """Why the database cannot be written."""
    keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Own keys that cannot be used: why."""
    staying: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Own keys that should not be in use any more, but there is no other: their purposes."""
    log: tuple[LogStanding, ...] = ()
    probes: tuple[ProbeStanding, ...] = ()
    tasks: tuple[TaskStanding, ...] = ()
    channels: Mapping[str, Failing] = field(default_factory=lambda: MappingProxyType({}))
    """Those that take nothing."""
    jump: timedelta = timedelta(0)
    """By how much the clock has moved against the passing of time since the last look."""
