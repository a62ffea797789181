"""A real Valkey for each test module, and whatever must be broken on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.store import EmbeddedStore, Store, StoreAddress, connect


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def address() -> Iterator[StoreAddress]:
    with EmbeddedStore() as running:
        yield running


@pytest.fixture
async def store(address: StoreAddress) -> AsyncIterator[Store]:
    opened = Store(connect(address))
    yield opened
    await opened.close()
