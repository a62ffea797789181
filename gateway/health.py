"""The management listener: ``/health/live``, ``/health/ready``, ``/health/started``.

``{"status": "ok|degraded|down", "reasons": [...]}``; ``down`` is a 503. Degraded means that logins
work, but not for everybody (a peer is out), or not for long (the next key cannot be used). No citizen's
data, no client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.bundle.keys import probed_keys
from gateway.live import Live
from gateway.metadata_refresh import MetadataRefresh
from gateway.own_keys.calendar import troubles
from gateway.settings import KeyState
from gateway.store import Store, StoreUnavailable
from trust.errors import KeyUnavailable
from trust.keys import Probed
from trust.log import AppendOnlyLog, LogUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """See the module docstring."""

    store: Store
    log: AppendOnlyLog
    in_force: Live
    refresh: MetadataRefresh
    clock: Callable[[], datetime]

    def routes(self) -> list[Route]:
        return [
            Route("/health/live", self.live, methods=["GET"]),
            Route("/health/ready", self.ready, methods=["GET"]),
            Route("/health/started", self.started, methods=["GET"]),
        ]

    async def live(self, _: Request) -> Response:
        """The process answers; nothing else is asked, so that a restart is not tried against a sick store."""
        return _answer("ok", [])

    async def ready(self, _: Request) -> Response:
        """Store and audit log can be written, and keys in a hardware module used."""
        down = []
        try:
            await self.store.ping()
        except StoreUnavailable as error:
            down.append(error.entry.code)
        try:
            await asyncio.to_thread(self.log.check)
        except LogUnavailable:
            down.append("audit.unavailable")
        down += await self._lost_keys(KeyState.ACTIVE)
        if down:
            return _answer("down", down)
        now = self.clock()
        # Each once: one national connector is the peer of many countries.
        reasons = list(
            dict.fromkeys(
                f"peer.{status.state}: {status.peer}"
                for connector in self.in_force.current.connectors.values()
                for status in connector.peers(now=now)
                if status.state != "ok"
            )
        )
        reasons += await self._lost_keys(KeyState.NEXT)
        reasons += troubles(self.in_force.current.configuration, now)
        if self.in_force.problem is not None:
            reasons.append(self.in_force.problem.partition(":")[0])
        return _answer("degraded" if reasons else "ok", reasons)

    async def _lost_keys(self, state: KeyState) -> list[str]:
        """Those in ``state`` that cannot be used, with the reason: they can be away for a time."""
        keys = probed_keys(self.in_force.current.configuration.keys, state)
        return await asyncio.to_thread(_unusable, keys) if keys else []

    async def started(self, _: Request) -> Response:
        """The first round of metadata is through."""
        return _answer("ok", []) if self.refresh.started else _answer("down", ["metadata.first_round"])


def _unusable(keys: Mapping[str, Probed]) -> list[str]:
    lost = []
    for name, key in keys.items():
        try:
            key.check()
        except KeyUnavailable as error:
            lost.append(f"{error.reason}: {name}")
    return lost


def _answer(status: str, reasons: list[str]) -> Response:
    return JSONResponse(
        {"status": status, "reasons": reasons},
        status_code=503 if status == "down" else 200,
        headers={"Cache-Control": "no-store"},
    )
