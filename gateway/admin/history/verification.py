"""Verifying the logs in the background, while somebody looks on.

One run at a time in this process; what it found stays until the next one. Nothing of it is stored: whoever
wants to keep a result runs ``eid-gateway log verify``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from trust.checkpoint import CheckpointRefused
from trust.errors import LogBroken

_log = logging.getLogger("gateway.admin.verification")
_PROGRESS = 500

Progress = Callable[[int], None]
"""Told the number of each entry that was found right."""

Verify = Callable[[Progress], int]
"""Verifies one log; gives its size, raises LogBroken, CheckpointRefused, and what the database raises."""


class CheckState(StrEnum):
    """How it stands with one log."""

    NEVER = "never"
    RUNNING = "running"
    OK = "ok"
    BROKEN = "broken"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What is known of one log."""

    state: CheckState = CheckState.NEVER
    done: int = 0
    """Entries found right so far."""
    size: int = 0
    """Entries there were when it began."""
    seq: int | None = None
    """First entry that does not fit."""
    reason: str = ""
    at: datetime | None = None
    """When it ended."""


class LogChecks:
    """Thread-safe: a check is exchanged as a whole."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def of(self, tree: str) -> Check:
        return self._checks.get(tree, Check())

    def start(
        self,
        verify: Mapping[str, tuple[int, Verify]],
        *,
        clock: Callable[[], datetime],
        ended: Callable[[], None] = lambda: None,
    ) -> bool:
        """Begin, log by log; each with its size now. False: a run is under way. ``ended``: called after it."""
        with self._lock:
            if self.running:
                return False
            for tree, (size, _) in verify.items():
                self._checks[tree] = Check(state=CheckState.RUNNING, size=size)
            self._thread = threading.Thread(
                target=self._run, args=(dict(verify), clock, ended), name="log-verification", daemon=True
            )
            self._thread.start()
            return True

    def wait(self, seconds: float) -> None:
        """Until the run has ended, but no longer than ``seconds``."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(
        self,
        verify: Mapping[str, tuple[int, Verify]],
        clock: Callable[[], datetime],
        ended: Callable[[], None],
    ) -> None:
        for tree, (_, check) in verify.items():
            self._checks[tree] = replace(self._found(tree, check), at=clock())
        ended()

    def _found(self, tree: str, check: Verify) -> Check:
        begun = self._checks[tree]

        def progress(seq: int) -> None:
            if seq % _PROGRESS == 0:
                self._checks[tree] = replace(begun, done=seq)

        try:
            size = check(progress)
        except LogBroken as error:
            return replace(begun, state=CheckState.BROKEN, seq=error.seq, reason=str(error))
        except CheckpointRefused as error:
            return replace(begun, state=CheckState.FAILED, reason=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it was, whoever looks on must learn of it
            _log.error("verification failed", exc_info=error)
            return replace(begun, state=CheckState.FAILED, reason=type(error).__name__)
        return replace(begun, state=CheckState.OK, done=size, size=size)
