"""Fixtures of a real Valkey, and of asyncio to speak to it; a conftest takes them by import."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.store import EmbeddedStore, StoreAddress


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def address() -> Iterator[StoreAddress]:
    with EmbeddedStore() as running:
        yield running
