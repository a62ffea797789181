"""Looks: gathers an ``Observation`` from what a process is made of. Raises nothing; what cannot be asked is said."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from connectors.contract import PeerStatus
from connectors.peer_facts import TellsPeers
from gateway.background import Background
from gateway.bundle.keys import probed_keys
from gateway.expiry import Expiry, expiries
from gateway.live import Generation, Live
from gateway.own_keys.calendar import key_states
from gateway.settings import KeyState
from gateway.store import Store, StoreUnavailable
from gateway.watch.observation import (
    Failing,
    LogStanding,
    Observation,
    ProbeStanding,
    RegistryStanding,
    TaskStanding,
)
from trust.errors import KeyUnavailable
from trust.log import AppendOnlyLog, LogUnavailable
from trust.metadata_source import SourceStatus

T = TypeVar("T")

_log = logging.getLogger("gateway.watch")
_LISTED_AGAIN = timedelta(minutes=10)
"""Certificates do not change by the minute, and reading them costs more than the rest."""
_NOT_RUN_TURNS = 3
_RECENT_TURNS = 2
_HEALED = {"StoreUnavailable", "LogUnavailable", "AuditUnavailable", "OperationalError"}
"""What a task raises while store or database are away, which is told as such and heals with them."""


def machine() -> str:
    """What this machine is called, without its domain."""
    return socket.gethostname().partition(".")[0] or "localhost"


@dataclass(kw_only=True)
class Observing:
    """See the module docstring. ``look`` is what ``Watch`` asks each round."""

    live: Live
    store: Store
    log: AppendOnlyLog
    clock: Callable[[], datetime]
    background: Background | None = None
    """Given later: the watch is itself one of its tasks."""
    log_standing: Callable[[datetime], Sequence[LogStanding]] = lambda _: ()
    """Blocking."""
    probes: Callable[[], Sequence[ProbeStanding]] = tuple
    """Blocking."""
    node: str = field(default_factory=machine)
    monotonic: Callable[[], float] = time.monotonic
    _started: datetime | None = None
    _last: tuple[datetime, float] | None = None
    _listed: tuple[datetime, datetime, tuple[Expiry, ...]] | None = None
    """The generation's beginning (nobody keeps it itself), when it was listed, and the list."""
    _broken_since: dict[str, Failing] = field(default_factory=dict)

    async def look(self, channels: Mapping[str, Failing]) -> Observation:
        now = self.clock()
        self._started = self._started or now
        generation = self.live.current
        store = None
        try:
            await self.store.ping()
        except StoreUnavailable as error:
            store = error.entry.code
        return await asyncio.to_thread(self._gather, generation, now, store, channels)

    def _gather(
        self, generation: Generation, now: datetime, store: str | None, channels: Mapping[str, Failing]
    ) -> Observation:
        database = self._database()
        away = store is not None or database is not None
        return Observation(
            node=self.node,
            now=now,
            expiries=self.expiries(now),
            peers=peer_statuses(generation, now),
            sources=source_statuses(generation, now),
            registry=self._registry(generation),
            store=store,
            database=database,
            keys=_lost_keys(generation),
            staying={
                standing.key.id: standing.key.purpose.value
                for standing in key_states(generation.configuration, now)
                if standing.stays
            },
            log=tuple(asked(lambda: self.log_standing(now), ())),
            probes=tuple(asked(self.probes, ())),
            tasks=() if away else tuple(self._tasks(now)),
            channels=channels,
            jump=self._jump(now),
        )

    def expiries(self, now: datetime) -> tuple[Expiry, ...]:
        """Everything that ends; blocking."""
        generation = self.live.current
        if self._listed is not None:
            known, at, listed = self._listed
            if known == generation.since and timedelta(0) <= now - at < _LISTED_AGAIN:
                return listed
        listed = asked(lambda: expiries(generation, generation.fold, now), ())
        self._listed = (generation.since, now, listed)
        return listed

    def _registry(self, generation: Generation) -> RegistryStanding | None:
        if generation.fold is None:
            return None
        return RegistryStanding(
            fold=generation.fold,
            problem=self.live.problem,
            checked_at=self.live.checked_at,
            dated_back=self.live.dated_back,
            pinned=generation.configuration.settings.registry.bootstrap is not None,
        )

    def _database(self) -> str | None:
        try:
            self.log.check()
        except LogUnavailable as error:
            return str(error) or "unavailable"
        return None

    def _tasks(self, now: datetime) -> list[TaskStanding]:
        background = self.background
        if background is None:
            return []
        runs, found = background.runs, []
        for task in background.tasks:
            run = runs.get(task.name)
            failing = None
            # Of what runs once in the installation, an old failure here says nothing: others run it since.
            recent = run is not None and now - run.at <= timedelta(seconds=task.seconds * _RECENT_TURNS + 60)
            if run is not None and run.error and run.error not in _HEALED and recent:
                before = self._broken_since.get(task.name)
                failing = before or Failing(since=run.at, reason=run.error)
            elif task.everywhere:
                since = (self._started or now) if run is None else run.at
                if now - since > timedelta(seconds=task.seconds * _NOT_RUN_TURNS + 60):
                    failing = Failing(since=since, reason="not-run")
            if failing is None:
                self._broken_since.pop(task.name, None)
                continue
            self._broken_since[task.name] = failing
            found.append(TaskStanding(name=task.name, seconds=task.seconds, failing=failing))
        return found

    def _jump(self, now: datetime) -> timedelta:
        passed = self.monotonic()
        last, self._last = self._last, (now, passed)
        if last is None:
            return timedelta(0)
        return (now - last[0]) - timedelta(seconds=passed - last[1])


def asked(ask: Callable[[], T], otherwise: T) -> T:
    """What ``ask`` gives, or ``otherwise`` when it raises."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - one part that cannot be looked at must not hide the others
        _log.error("could not look", exc_info=error)
        return otherwise


def _lost_keys(generation: Generation) -> dict[str, str]:
    lost = {}
    for state in (KeyState.ACTIVE, KeyState.NEXT):
        for name, key in probed_keys(generation.configuration.keys, state).items():
            try:
                key.check()
            except KeyUnavailable as error:
                lost[name] = error.reason
    return lost


def peer_statuses(generation: Generation, now: datetime) -> dict[str, tuple[PeerStatus, ...]]:
    return {name: tuple(connector.peers(now=now)) for name, connector in generation.connectors.items()}


def source_statuses(generation: Generation, now: datetime) -> tuple[SourceStatus, ...]:
    """Each anchor once: several connectors may believe the same."""
    found: dict[str, SourceStatus] = {}
    for connector in generation.connectors.values():
        if isinstance(connector, TellsPeers):
            for status in connector.sources(now=now):
                found.setdefault(status.anchor, status)
    return tuple(found.values())
