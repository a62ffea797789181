"""A real Valkey for each test module, and whatever must be broken on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.store import EmbeddedStore, Store, StoreAddress, connect
from tests.support.embedded_store import anyio_backend

__all__ = ["address", "anyio_backend", "store"]


@pytest.fixture(scope="module")
def address() -> Iterator[StoreAddress]:
    with EmbeddedStore() as running:
        yield running


@pytest.fixture
async def store(address: StoreAddress) -> AsyncIterator[Store]:
    opened = Store(connect(address))
    yield opened
    await opened.close()
