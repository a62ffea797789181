"""Work on a schedule: once in the installation, and no defect of one task stops another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from gateway.background import Background, Task
from gateway.store import Store, StoreAddress, connect
from tests.support.running_gateway import address, anyio_backend

__all__ = ["address", "anyio_backend"]
pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(address: StoreAddress) -> AsyncIterator[Store]:
    opened = Store(connect(address))
    yield opened
    await opened.close()


def background(store: Store, *tasks: Task) -> Background:
    return Background(store, tasks, clock=lambda: datetime.now(UTC))


async def test_of_two_processes_one_does_a_task_that_is_done_once(store: Store) -> None:
    done = []
    started = asyncio.Event()

    async def run() -> None:
        done.append(1)
        started.set()

    task = Task(name="test-once", seconds=0.05, run=run)
    lease = Task(name="test-once-long", seconds=600, run=run)
    first, second = background(store, task), background(store, task)
    first.start()
    second.start()
    await asyncio.wait_for(started.wait(), 5)
    await first.stop()
    await second.stop()
    assert await store.lease(lease.name, seconds=60)
    assert not await store.lease(lease.name, seconds=60)
    assert done


async def test_a_task_that_fails_is_named_and_stops_no_other(store: Store) -> None:
    went_well = asyncio.Event()

    async def fail() -> None:
        raise LookupError("secret")

    async def work() -> None:
        if "test-fails" in running.runs:
            went_well.set()

    running = background(
        store,
        Task(name="test-fails", seconds=0.01, run=fail, everywhere=True),
        Task(name="test-works", seconds=0.01, run=work, everywhere=True),
    )
    running.start()
    await asyncio.wait_for(went_well.wait(), 5)
    await running.stop()
    assert running.runs["test-fails"].error == "LookupError"
    assert running.runs["test-works"].error is None


async def test_a_lease_ends_by_itself(store: Store) -> None:
    assert await store.lease("test-short", seconds=0.01)
    await asyncio.sleep(0.05)
    assert await store.lease("test-short", seconds=1)
