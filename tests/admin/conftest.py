"""A console on a real Valkey and a real SQLite, with people who have passkeys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store import StoreAddress
from tests.admin.console import Console, open_console
from tests.support.embedded_store import address, anyio_backend

__all__ = ["address", "anyio_backend", "console"]


@pytest.fixture
async def console(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Console]:
    opened = open_console(tmp_path, address)
    yield opened
    await opened.close()
