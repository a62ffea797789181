"""What the log of a console's installation may have to show: three journeys, counted."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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
from gateway.statistics import RollUp, log_reader
from tests.admin.console import Console

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


def happened(console: Console) -> None:
    """Both, for callers whose thread runs an event loop of somebody else's."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(journeys(console))).result()
    count(console)
