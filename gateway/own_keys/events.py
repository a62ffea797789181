"""Notes in the audit log what happens to our own keys, once in the whole installation.

Every process sees the same calendar; who gets the lease for a step writes it down. After a start, a state
is written once in thirty days, so that the log names the keys in use also where nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from gateway.audit import Audit
from gateway.audit.operations import KeyStateChanged
from gateway.background import Task
from gateway.bundle.key_plans import spki_sha256
from gateway.live import Live
from gateway.own_keys.calendar import KeyStanding, key_states
from gateway.own_keys.plan import KeyPhase
from gateway.store import Store

_SECONDS = 2.0
_STEP = timedelta(minutes=1)
"""Within it every process has seen a step."""
_KNOWN = timedelta(days=30)


class KeyEvents:
    """One per process; see the module docstring."""

    def __init__(self, live: Live, store: Store, audit: Audit, *, clock: Callable[[], datetime]) -> None:
        self._live = live
        self._store = store
        self._audit = audit
        self._clock = clock
        self._seen: dict[str, KeyPhase] = {}
        self._owed: list[KeyStateChanged] = []
        """Leased and not yet written: the log was away."""

    @property
    def task(self) -> Task:
        return Task(name="key-events", seconds=_SECONDS, run=self.run, everywhere=True)

    async def run(self) -> None:
        """Write what is new; raises StoreUnavailable and AuditUnavailable, and tries again next time."""
        generation = self._live.current
        for standing in key_states(generation.configuration, generation.since):
            name, before = standing.key.id, self._seen.get(standing.key.id)
            if standing.phase is before:
                continue
            if await self._is_ours(standing, before):
                self._owed.append(_event(standing, before))
            self._seen[name] = standing.phase
        if self._owed:
            await self._audit.record(*self._owed, now=self._clock())
            self._owed.clear()

    async def _is_ours(self, standing: KeyStanding, before: KeyPhase | None) -> bool:
        name = f"key-state:{standing.key.id}:{spki_sha256(standing.key)[:16]}"
        known = await self._store.lease(f"{name}:{standing.phase}", seconds=_KNOWN.total_seconds())
        if before is None:
            return known
        return await self._store.lease(f"{name}:{before}:{standing.phase}", seconds=_STEP.total_seconds())


def _event(standing: KeyStanding, before: KeyPhase | None) -> KeyStateChanged:
    return KeyStateChanged(
        key=standing.key.id,
        purpose=standing.key.purpose.value,
        before=None if before is None else before.value,
        after=standing.phase.value,
        spki_sha256=spki_sha256(standing.key),
        suspended=standing.suspended,
    )
