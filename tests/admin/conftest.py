"""A console on a real Valkey and a real SQLite, with people who have passkeys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.store import EmbeddedStore, StoreAddress
from tests.admin.console import Console, open_console


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def address() -> Iterator[StoreAddress]:
    with EmbeddedStore() as running:
        yield running


@pytest.fixture
async def console(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Console]:
    opened = open_console(tmp_path, address)
    yield opened
    await opened.close()
