"""The log looks after itself: checkpoints, their copies elsewhere, and the end of what is kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from gateway.audit import Audit
from gateway.audit.operations import LogPruned
from gateway.background import Task
from gateway.bundle import Configuration
from gateway.log_key import log_origin, own_key
from gateway.settings import resolve
from gateway.sources import fetch_policy
from trust.checkpoint import CheckpointRefused, NotBelieved, Public
from trust.checkpoint_export import (
    MADE,
    AddressTarget,
    DirectoryTarget,
    ExportState,
    Target,
    export,
    note_failure,
    note_success,
    states,
)
from trust.checkpoints import Checkpoints
from trust.errors import LogBroken, LogUnavailable, TrustError
from trust.log_pruning import Pruning, plan, remove
from trust.outgoing import Outgoing, exchange
from trust.trees import LOGIN, TREES

_log = logging.getLogger("gateway.log_keeping")
_ANSWER_BYTES = 65_536
_ACCEPTED = frozenset({200, 201, 202, 204})
_REMEDY = "give every host the same [log] checkpoint_key, or name the other one in retired_keys"
_RETENTION_TURN = 6 * 3600.0
"""Several times a day, so that a restart does not put it off."""
_MOST_AT_ONCE = timedelta(days=2)
"""Removed in one turn: a clock that is a year ahead for an hour must not cost the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeState:
    """How it stands with one tree, for health page, console and alarms."""

    tree: str
    entries: int
    size: int
    """Of the newest checkpoint; 0: there is none."""
    time: datetime | None
    """When it was made."""
    waiting_since: datetime | None
    """When the oldest entry without a checkpoint was written; None: none waits."""
    exports: tuple[ExportState, ...]
    """One for each target that was tried. ``target`` ``made`` tells of making checkpoints itself."""

    @property
    def problems(self) -> tuple[ExportState, ...]:
        """What failed last time, with its reason and since when."""
        return tuple(state for state in self.exports if state.problem is not None)


class LogKeeping:
    """What happens to the log of one installation; any node may do it."""

    def __init__(
        self,
        configuration: Configuration,
        engine: sa.Engine,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        section = configuration.settings.log
        self._engine = engine
        self._clock = clock
        self._seconds = section.checkpoint_seconds
        self._retention = timedelta(days=section.retention_days)
        self._targets = tuple(_target(reference, configuration) for reference in section.export)
        self._configuration = configuration
        self._origin = log_origin(configuration.settings)
        self._key = own_key(configuration.log_keys, configuration.subject_key, self._origin)

    def checkpoints(self, tree: str, *, also: Sequence[Public] = ()) -> Checkpoints:
        """Those of ``login`` or ``trust``. ``also``: other keys that are believed."""
        keys = self._configuration.log_keys
        return Checkpoints(
            self._engine, TREES[tree], origin=self._origin, keys=(self._key,), believed=(*keys.retired, *also)
        )

    def tasks(self, audit: Audit) -> Sequence[Task]:
        """What is to be done once in the installation."""

        async def prune() -> None:
            planned = await asyncio.to_thread(self.planned, self._retention, most=_MOST_AT_ONCE)
            if planned is not None:
                await audit.record(pruned(planned), now=self._clock())
                await asyncio.to_thread(self.remove, planned)

        tasks = [Task(name="log-checkpoints", seconds=self._seconds, run=self._turn)]
        if self._retention:
            tasks.append(Task(name="log-retention", seconds=_RETENTION_TURN, run=prune))
        return tasks

    def turn(self) -> bool:
        """A checkpoint of each tree that grew, and its copies; False: something failed, ``states`` tells what."""
        well = True
        for tree in TREES:
            own = self.checkpoints(tree)
            now = self._clock()
            try:
                made = own.make(now)
                newest = own.newest()
                if made is not None or newest is not None:
                    note_success(self._engine, MADE, own.tree.name, newest.size if newest else 0, now=now)
                for target in self._targets:
                    well = export(self._engine, own, target, now=now) and well
            except (LogBroken, CheckpointRefused, TrustError) as error:
                reason = f"{error}; {_REMEDY}" if isinstance(error, NotBelieved) else str(error)
                _log.error("no checkpoint", extra={"tree": own.tree.name, "reason": reason})
                note_failure(self._engine, MADE, own.tree.name, reason, now=now)
                well = False
        return well

    def states(self) -> tuple[TreeState, ...]:
        """How it stands; asks the database only. Raises LogUnavailable."""
        try:
            exports = states(self._engine)
            found = []
            for name in TREES:
                own = self.checkpoints(name)
                newest = own.newest()
                with self._engine.connect() as connection:
                    entries = own.tree.last(connection)
                    waiting = list(own.tree.rows(connection, after=newest.size if newest else 0, limit=1))
                found.append(
                    TreeState(
                        tree=name,
                        entries=entries,
                        size=newest.size if newest else 0,
                        time=newest.time if newest else None,
                        waiting_since=_written(waiting[0].time) if waiting else None,
                        exports=tuple(state for state in exports if state.tree == name),
                    )
                )
        except SQLAlchemyError as error:
            raise LogUnavailable(type(error).__name__) from error
        return tuple(found)

    def planned(self, age: timedelta, *, most: timedelta | None = None) -> Pruning | None:
        """What is older than ``age`` and can go, the first ``most`` of it; raises LogBroken, CheckpointRefused."""
        before = self._clock() - age
        return plan(self._engine, self.checkpoints(LOGIN.name), before=before, most=most)

    def remove(self, planned: Pruning) -> None:
        """Remove it; the log must tell of it already."""
        remove(self._engine, self.checkpoints(LOGIN.name), planned)

    async def _turn(self) -> None:
        await asyncio.to_thread(self.turn)


def pruned(planned: Pruning) -> LogPruned:
    """The entry that tells of a pruning."""
    return LogPruned(
        size=planned.size,
        root=planned.root.hex(),
        older_than=planned.before.strftime("%Y-%m-%dT%H:%M:%SZ"),
        removed=planned.removed,
    )


def _target(reference: str, configuration: Configuration) -> Target:
    if "://" not in reference:
        return DirectoryTarget(resolve(reference, configuration.directory))
    policy = replace(fetch_policy(configuration), content_types=frozenset())  # nobody reads the answer

    def post(url: str, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        outgoing = Outgoing(method="POST", headers=headers, body=body, accepted=_ACCEPTED)
        return exchange(url, outgoing, policy=policy, max_bytes=_ANSWER_BYTES)

    return AddressTarget(reference, post)


def _written(text: str) -> datetime | None:
    """The time of an entry; None if somebody has put something else there, which the next checkpoint finds."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else None
