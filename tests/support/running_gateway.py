"""Fixtures of a whole gateway on a real Valkey and a real SQLite; a conftest takes them by import."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

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
