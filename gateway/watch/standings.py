"""What the parts of the gateway say of themselves, in the words of an observation and of the metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from types import MappingProxyType

from gateway.log_keeping import LogKeeping, TreeState
from gateway.metrics_table import Sample
from gateway.probes.schedule import ProbeDesk
from gateway.watch.observation import Failing, LogStanding, ProbeStanding
from trust.checkpoint_export import MADE

_LATE_TURNS = 5


def log_standings(states: Iterable[TreeState], now: datetime, seconds: float) -> Iterator[LogStanding]:
    """What is not as it should be; ``seconds``: between two checkpoints."""
    for state in states:
        problems = {found.target: found for found in state.problems}
        made = problems.pop(MADE, None)
        # Not the age of the checkpoint: a log in which nothing happens for days gets none.
        waits = state.waiting_since
        late = waits is not None and now - waits > timedelta(seconds=seconds * _LATE_TURNS)
        yield LogStanding(
            tree=state.tree,
            broken=None if made is None else made.problem,
            late_since=state.time if late and made is None else None,
            unexported=MappingProxyType(
                {
                    name: Failing(since=found.failing_since or now, reason=found.problem or "")
                    for name, found in problems.items()
                }
            ),
        )


def log_samples(keeping: LogKeeping) -> Iterator[Sample]:
    """For metrics; blocking."""
    for state in keeping.states():
        yield "eidgateway_log_checkpoint_size", (state.tree,), float(state.size)
        if state.time is not None:
            yield "eidgateway_log_checkpoint_timestamp_seconds", (state.tree,), state.time.timestamp()
        if state.waiting_since is not None:
            yield "eidgateway_log_waiting_timestamp_seconds", (state.tree,), state.waiting_since.timestamp()


def probe_standings(probes: ProbeDesk) -> Iterator[ProbeStanding]:
    """Those that fail; blocking."""
    for found in probes.failing():
        reason = "" if found.latest.reason is None else found.latest.reason.value
        yield ProbeStanding(
            connector=found.target.connector,
            country=found.target.country,
            failing=Failing(since=found.latest.at, reason=reason, times=found.times),
        )


def probe_samples(probes: ProbeDesk) -> Iterator[Sample]:
    """For metrics; blocking."""
    for name, latest in probes.history.all_latest(probes.targets).items():
        yield "eidgateway_probe_success", (name,), float(latest.ok)
        yield "eidgateway_probe_timestamp_seconds", (name,), latest.at.timestamp()
