"""The management listener: ``/health/live``, ``/health/ready``, ``/health/started``.

``{"status": "ok|degraded|down", "reasons": [...]}``; ``down`` is a 503. Degraded means that logins
work, but not for everybody: a peer is out. No citizen's data, no client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.live import Live
from gateway.metadata_refresh import MetadataRefresh
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
    keys: Mapping[str, Probed]
    """Keys that can be away for a time, by their id."""
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
        if self.keys:
            down += await asyncio.to_thread(self._lost_keys)
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
        if self.in_force.problem is not None:
            reasons.append(self.in_force.problem.partition(":")[0])
        return _answer("degraded" if reasons else "ok", reasons)

    def _lost_keys(self) -> list[str]:
        lost = []
        for name, key in self.keys.items():
            try:
                key.check()
            except KeyUnavailable as error:
                lost.append(f"{error.reason}: {name}")
        return lost

    async def started(self, _: Request) -> Response:
        """The first round of metadata is through."""
        return _answer("ok", []) if self.refresh.started else _answer("down", ["metadata.first_round"])


def _answer(status: str, reasons: list[str]) -> Response:
    return JSONResponse(
        {"status": status, "reasons": reasons},
        status_code=503 if status == "down" else 200,
        headers={"Cache-Control": "no-store"},
    )
