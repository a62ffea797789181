"""Work on a schedule: in every process, or once in the whole installation.

What is to happen once is done by whoever gets the task's lease in the store; it is never given back, it
runs out. So a node that dies is replaced at the next turn, and two that race do not both work. A task
that raises is logged by its name and tried again at its next turn; it never stops another.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.store import Store, StoreUnavailable

_log = logging.getLogger("gateway.background")
_SHORTEST_TURN = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """``run`` must return soon after it is cancelled; blocking work goes through ``asyncio.to_thread``."""

    name: str
    seconds: float
    """Between two beginnings."""
    run: Callable[[], Awaitable[None]] = field(repr=False)
    everywhere: bool = False
    """In each process, rather than once in the installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """How it stands with a task in this process."""

    at: datetime
    error: str | None
    """Name of the exception, None: it went well."""


class Background:
    """All tasks of one process; ``start`` inside the event loop."""

    def __init__(self, store: Store, tasks: Sequence[Task], *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._tasks = tuple(tasks)
        self._clock = clock
        self._running: list[asyncio.Task[None]] = []
        self._runs: dict[str, LastRun] = {}

    @property
    def tasks(self) -> tuple[Task, ...]:
        return self._tasks

    @property
    def runs(self) -> dict[str, LastRun]:
        """By task; missing: not run in this process, perhaps in another one."""
        return dict(self._runs)

    def start(self) -> None:
        self._running = [asyncio.create_task(self._repeat(task), name=task.name) for task in self._tasks]

    async def stop(self) -> None:
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _repeat(self, task: Task) -> None:
        # Not all at once after a start, and not in step with other processes.
        await asyncio.sleep(random.uniform(0, min(task.seconds, 5.0)))  # noqa: S311 - no secret
        while True:
            await self._turn(task)
            jitter = random.uniform(0.9, 1.0)  # noqa: S311 - no secret
            await asyncio.sleep(max(_SHORTEST_TURN, task.seconds * jitter))

    async def _turn(self, task: Task) -> None:
        try:
            # A little shorter than the interval: whoever comes next must not find the last turn's lease.
            if not task.everywhere and not await self._store.lease(task.name, seconds=task.seconds * 0.8):
                return
            await task.run()
        except StoreUnavailable:
            _log.warning("task waits for the store", extra={"task": task.name})
            self._note(task, StoreUnavailable.__name__)
        except Exception as error:  # noqa: BLE001 - one task's defect must not stop the others
            _log.error("task failed", exc_info=error, extra={"task": task.name})
            self._note(task, type(error).__name__)
        else:
            self._note(task, None)

    def _note(self, task: Task, error: str | None) -> None:
        self._runs[task.name] = LastRun(at=self._clock(), error=error)
