"""A console whose logs have something to show."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.admin.history.verification import LogChecks
from gateway.admin.listener import build_console
from gateway.audit import (
    Audit,
    DataReleased,
    ExchangeFailed,
    ExchangeStarted,
    IdentityAccepted,
    JourneyEnded,
    JourneyOpened,
    TokenIssued,
)
from gateway.background import Background, Task
from gateway.settings_operations import ConsoleSection
from gateway.statistics import RollUp, log_reader
from tests.admin.console import Console
from tests.trust.registry.passkey import ORIGIN
from trust.checkpoints import Checkpoints
from trust.trees import TREES

DONE, FAILED, OPEN = "7K2QX9MFBT", "0123456789", "ZZZZZZZZZZ"

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""Signs checkpoints."""


async def journeys(console: Console) -> None:
    """One login from Greece that went well, one that failed, one that has only begun."""
    audit, now = Audit(console.log), console.clock()
    for number in (DONE, FAILED, OPEN):
        await audit.record(JourneyOpened(journey=number, client="amt24", minimum="low"), now=now)
    for number in (DONE, FAILED):
        await audit.record(
            ExchangeStarted(
                journey=number, client="amt24", connector="eidas", peer="https://gr.example/", country="GR",
                message_id="_1", minimum="low",
            ),
            now=now + timedelta(seconds=3),
        )  # fmt: skip
    await audit.record(
        IdentityAccepted(
            journey=DONE, client="amt24", connector="eidas", peer="https://gr.example/", country="GR",
            request_id="_1", message_id="_2", level="substantial", notified=True, person="natural",
            represented=False,
        ),
        DataReleased(journey=DONE, client="amt24", level="substantial", attributes=("given_name",)),
        TokenIssued(journey=DONE, client="amt24", level="substantial", authentication="private_key_jwt"),
        ExchangeFailed(
            journey=FAILED, client="amt24", connector="eidas", peer="https://gr.example/", country="GR",
            request_id="_1", code="eidas.invalid_answer", reason="signature.algorithm",
        ),
        JourneyEnded(journey=FAILED, client="amt24", code="eidas.invalid_answer"),
        now=now + timedelta(seconds=40),
    )  # fmt: skip


def count(console: Console) -> None:
    """What the background task does."""
    RollUp(console.engine, log_reader(console.engine)).run(now=console.clock())


@pytest.fixture
async def busy(console: Console) -> Console:
    await journeys(console)
    count(console)
    return console


async def _nothing() -> None:
    pass


@pytest.fixture
def checks() -> LogChecks:
    return LogChecks()


@pytest.fixture
async def signing(console: Console, tmp_path: Path, checks: LogChecks) -> Console:
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
