"""Fixtures of a whole gateway on a real Valkey and a real SQLite; a conftest takes them by import."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store import StoreAddress
from tests.login.installation import Installation, install
from tests.support.embedded_store import address, anyio_backend

__all__ = ["address", "anyio_backend", "installation"]


@pytest.fixture
async def installation(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Installation]:
    running = install(tmp_path, address)
    yield running
    await running.application.stop()
