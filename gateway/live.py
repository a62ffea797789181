"""What is in force now in this process, in one piece that is exchanged as a whole.

Whoever serves a request or makes a round takes ``Live.current`` once and works with it to the end; the next
one may get another generation. So nobody ever sees half of a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.contract import Connector
from gateway.bundle import Configuration
from gateway.oidc.backchannel_logout import BackChannel
from trust.registry import Fold, ObjectKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Everything that follows from one state of the registry (or, without one, from the files)."""

    configuration: Configuration
    """As in force. What is suspended is in it and marked by ``suspended``; its anchors are not active."""
    connectors: Mapping[str, Connector]
    fold: Fold | None
    """None: there is no registry in the database, the files rule."""
    suspended: frozenset[ObjectKey] = frozenset()
    since: datetime
    public: ASGIApp = field(repr=False)
    mtls: ASGIApp | None = field(repr=False)
    """For clients that show a TLS certificate."""
    back_channel: BackChannel = field(repr=False)


class Live:
    """The generation in force; ``swap`` is called by ``gateway.following`` alone."""

    def __init__(self, generation: Generation) -> None:
        self._current = generation
        self.problem: str | None = None
        """Why the newest state of the registry is not, or not fully, in force here: a stable word and detail."""
        self.checked_at: datetime | None = None
        """When the registry was last asked with success."""
        self.dated_back: int | None = None
        """The last entry of the registry that says it was there before this process saw it was not."""

    @property
    def current(self) -> Generation:
        return self._current

    def swap(self, generation: Generation) -> None:
        """From the next request on."""
        self._current = generation


class PublicListener:
    """ASGI: what everybody reaches. A class, since the server takes a bound method for an older protocol."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._live.current.public(scope, receive, send)


class CertificateListener:
    """ASGI: for clients that show a TLS certificate; only where there is one."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        application = self._live.current.mtls
        if application is None:
            raise RuntimeError("no such listener is configured")
        await application(scope, receive, send)
