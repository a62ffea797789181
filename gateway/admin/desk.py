"""What every page of the console has: the desk, and who is visiting it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

import sqlalchemy as sa

from gateway.admin.history.verification import LogChecks
from gateway.admin.refusals import Refusal, Refusals
from gateway.admin.render import AdminRenderer
from gateway.admin.session import Session, Sessions
from gateway.audit import Audit
from gateway.background import Background
from gateway.live import Generation, Live
from gateway.probes.schedule import ProbeDesk
from gateway.settings import GatewaySection, Settings
from gateway.settings.operations import ConsoleSection
from gateway.store import Store
from gateway.web.translations import Translations
from trust.checkpoints import Checkpoints
from trust.registry import Fold, ObjectKey, ObjectKind, Registry, RegistryUnavailable, Role
from trust.registry.approvers import Approver, read_approver

P = ParamSpec("P")
T = TypeVar("T")
_READERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminDesk:
    """One per process."""

    live: Live
    registry: Registry
    store: Store
    audit: Audit
    settings: Settings
    section: ConsoleSection
    directory: Path
    """The configuration directory."""
    engine: sa.Engine
    """The database, for what has tables of its own."""
    render: AdminRenderer
    sessions: Sessions
    refusals: Refusals
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    background: Background | None
    """The tasks of this process."""
    checkpoints: Callable[[str], Checkpoints]
    """Of one of the log's two trees, by its name; raises OSError, KeyUnavailable."""
    checks: LogChecks
    probes: ProbeDesk | None = None
    readers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_READERS), repr=False)

    async def read_much(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """``function`` in a thread, but few at a time: logins need the process's threads, too."""
        async with self.readers:
            return await asyncio.to_thread(function, *args, **kwargs)

    @property
    def site(self) -> GatewaySection:
        return self.settings.gateway

    def fold(self) -> Fold:
        """What the registry says at this moment; what is known where the database is away. Blocking.

        Raises RegistryBroken and RegistryRolledBack: nobody works on a log that does not add up.
        """
        try:
            if self.registry.head() != self.registry.known.head:
                return self.registry.follow()
        except RegistryUnavailable:
            pass
        return self.registry.known


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of somebody who is signed in."""

    session: Session
    person: str
    """As enrolled."""
    name: str
    role: Role
    words: Translations
    path: str | None
    """The page's own path and query; None where it answers a form."""
    now: datetime
    fold: Fold
    generation: Generation
    refused: Refusal | None = None
    """Why the form of this page, sent before, was not taken."""

    @property
    def language(self) -> str:
        return self.words.language


def people(fold: Fold) -> dict[str, Approver]:
    """Everybody who is enrolled, by identifier."""
    keys = fold.state.keys(ObjectKind.APPROVER)
    return {key.id: read_approver(fold.state.objects[key].document) for key in keys}


def person(fold: Fold, name: str) -> Approver | None:
    """The enrolled person of that identifier."""
    found = fold.state.objects.get(ObjectKey(ObjectKind.APPROVER, name))
    return None if found is None else read_approver(found.document)
