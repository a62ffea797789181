"""A console whose logs have something to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.admin.history.turns import VERIFICATION, export_of, give_back
from gateway.admin.history.verification import LogChecks
from gateway.admin.listener import build_console
from gateway.audit import Audit
from gateway.background import Background, Task
from gateway.settings.operations import ConsoleSection
from tests.admin.console import VERA, Console
from tests.admin.logins import KEY, count, journeys
from tests.trust.registry.passkey import ORIGIN
from trust.checkpoints import Checkpoints
from trust.trees import TREES


@pytest.fixture
async def turns(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is that of every test: nobody waits for another test's turn, and no pause is waited for."""
    monkeypatch.setattr("gateway.admin.history.turns.PAUSE", 0)
    for turn in (VERIFICATION, export_of(VERA)):
        await give_back(console.store, turn)


@pytest.fixture
async def busy(console: Console, turns: None) -> Console:
    await journeys(console)
    count(console)
    return console


async def _nothing() -> None:
    pass


@pytest.fixture
def checks() -> LogChecks:
    return LogChecks()


@pytest.fixture
async def signing(console: Console, turns: None, tmp_path: Path, checks: LogChecks) -> Console:
    """As ``busy``, with signed checkpoints and a background task."""
    made = {
        tree.name: Checkpoints(console.engine, tree, origin="id.example", keys=[KEY])
        for tree in TREES.values()
    }
    section = ConsoleSection(url=ORIGIN, per_minute=0)
    application = build_console(
        live=console.live,
        registry=console.registry,
        store=console.store,
        audit=Audit(console.log),
        settings=console.live.current.configuration.settings.model_copy(update={"console": section}),
        directory=tmp_path,
        engine=console.engine,
        clock=console.clock,
        background=Background(
            console.store, [Task(name="example-task", seconds=60, run=_nothing)], clock=console.clock
        ),
        checkpoints=made.__getitem__,
        checks=checks,
    )
    assert application is not None
    console.application = application
    await journeys(console)
    for own in made.values():
        own.make(console.clock())
    count(console)
    return console
