"""Which probe is due, and running one: on the schedule, once in the whole installation, or because somebody asks.

A target is due ``every_seconds`` after its last probe and up to a tenth later; that bit follows from its
name and the last time, so it needs no memory and partners are not all asked at once. Those without any
result begin within a minute of the start. Probes run one after the other.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zlib import crc32

from gateway.audit import Audit
from gateway.audit.operations import ProbeAsked
from gateway.background import Task
from gateway.live import Live
from gateway.probes.history import ProbeHistory
from gateway.probes.result import ProbeResult, Surroundings
from gateway.probes.targets import Target, targets
from gateway.probes.walk import probe
from gateway.store import Store
from trust.log import LogUnavailable
from trust.registry.fold import CLOCKS

_log = logging.getLogger("gateway.probes")
_TURN_SECONDS = 30.0
_FIRST_SECONDS = 60
_APART_SECONDS = 3.0
"""Two that press the button at once start one probe."""
_FORGET_SECONDS = 3600.0
ALARM_AFTER = 2
"""So many failures in a row are worth an alert: one alone may be a restart at the partner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A target whose probes fail, for the watch."""

    target: Target
    times: int
    latest: ProbeResult


@dataclass(slots=True, kw_only=True)
class ProbeDesk:
    """Everything about probes in one process."""

    live: Live
    history: ProbeHistory
    store: Store
    audit: Audit
    surroundings: Surroundings
    keep: timedelta
    clock: Callable[[], datetime]
    run: Callable[[Target, Surroundings], ProbeResult] = probe
    started: datetime = field(init=False)
    running: set[str] = field(default_factory=set)
    """Targets that are being probed in this process."""
    _asked: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started = self.clock()

    @property
    def targets(self) -> dict[str, Target]:
        """By name, without what is suspended."""
        generation = self.live.current
        return targets(generation.configuration, generation.suspended)

    def tasks(self, *, scheduled: bool) -> list[Task]:
        """The work in the background; without a schedule only forgetting."""
        forget = Task(name="probe-results", seconds=_FORGET_SECONDS, run=self.forget)
        return [Task(name="probes", seconds=_TURN_SECONDS, run=self.turn), forget] if scheduled else [forget]

    async def turn(self) -> None:
        """Probe what is due. Raises StoreUnavailable and LogUnavailable: then nothing can be told anyway."""
        known = await asyncio.to_thread(self.history.all_latest, list(self.targets))
        for name, target in self.targets.items():
            if name in self.running or not self.is_due(target, known.get(name)):
                continue
            if await self.store.lease(f"probe:{name}", seconds=self.surroundings.limits.seconds):
                await self._probe(target)

    def is_due(self, target: Target, latest: ProbeResult | None) -> bool:
        """Whether it is time; see the module docstring."""
        every = target.settings.every_seconds
        since, wait, spread = latest.at if latest else self.started, every, every // 10
        if latest is None:
            wait, spread = 0, _FIRST_SECONDS
        jitter = crc32(f"{target.name} {since.timestamp()}".encode()) % spread
        now = self.clock()
        # A last time that is yet to come was told by a clock that was wrong.
        return since > now + CLOCKS or now >= since + timedelta(seconds=wait + jitter)

    async def ask(self, name: str, *, by: str) -> bool:
        """Begin a probe because ``by`` wants to know now; False if there is no such target or one has just begun.

        Raises StoreUnavailable and AuditUnavailable; then nothing has begun.
        """
        target = self.targets.get(name)
        if target is None or name in self.running:
            return False
        if not await self.store.lease(f"probe-now:{name}", seconds=_APART_SECONDS):
            return False
        await self.audit.record(ProbeAsked(target=name, by=by), now=self.clock())
        self.running.add(name)
        self._asked[name] = asyncio.create_task(self._asked_for(target), name=f"probe {name}")
        return True

    async def settled(self, name: str, seconds: float) -> None:
        """Wait until the probe of ``name`` that somebody asked for is over, at most so long."""
        asked = self._asked.get(name)
        if asked is not None:
            await asyncio.wait([asked], timeout=seconds)

    async def forget(self) -> None:
        """Remove results that are old enough."""
        await asyncio.to_thread(self.history.forget, self.clock() - self.keep)

    def failing(self) -> list[Failing]:
        """Targets with ``ALARM_AFTER`` failures in a row or more. Blocking; raises LogUnavailable."""
        found = []
        for name, latest in self.history.all_latest(self.targets).items():
            times = 0 if latest.ok else self.history.failing(name)
            target = self.targets.get(name)
            if times >= ALARM_AFTER and target is not None:
                found.append(Failing(target=target, times=times, latest=latest))
        return found

    async def _asked_for(self, target: Target) -> None:
        try:
            await self._probe(target)
        except LogUnavailable as error:
            _log.warning("result of a probe is lost", exc_info=error, extra={"peer": target.name})
        finally:
            self._asked.pop(target.name, None)

    async def _probe(self, target: Target) -> None:
        self.running.add(target.name)
        try:
            result = await _in_daemon(lambda: self.run(target, self.surroundings))
            await asyncio.to_thread(self.history.add, result)
        finally:
            self.running.discard(target.name)


async def _in_daemon(work: Callable[[], ProbeResult]) -> ProbeResult:
    """``work`` in a thread that nobody waits for when the process ends: a probe may take its minute."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[ProbeResult] = loop.create_future()

    def finish(result: ProbeResult) -> None:
        if not done.cancelled():
            done.set_result(result)

    def work_and_tell() -> None:
        result = work()
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish, result)

    threading.Thread(target=work_and_tell, name="probe", daemon=True).start()
    return await done
