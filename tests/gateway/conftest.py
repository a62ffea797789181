"""Shared by the tests of configuration, HTTP border, audit log and command line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.settings import RateSection
from gateway.store import EmbeddedStore, StoreAddress
from tests.login.installation import Installation, install


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def address() -> Iterator[StoreAddress]:
    with EmbeddedStore() as running:
        yield running


@pytest.fixture
async def installation(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Installation]:
    running = install(tmp_path, address)
    yield running
    await running.application.stop()


@pytest.fixture
async def limited_installation(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Installation]:
    """Three requests a minute; its clock stands still, so the window does not end by itself."""
    running = install(tmp_path, address, rate=RateSection(authorize=3, callback=3, token=3))
    running.clock.now = running.clock.now.replace(second=30, microsecond=0)
    yield running
    await running.application.stop()
