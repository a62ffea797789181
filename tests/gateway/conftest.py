"""Shared by the tests of configuration, HTTP border, audit log and command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.settings import RateSection
from gateway.store import StoreAddress
from tests.login.installation import Installation, install
from tests.support.running_gateway import address, anyio_backend, installation

__all__ = ["address", "anyio_backend", "installation", "limited_installation"]


@pytest.fixture
async def limited_installation(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Installation]:
    """Three requests a minute; its clock stands still, so the window does not end by itself."""
    running = install(tmp_path, address, rate=RateSection(authorize=3, callback=3, token=3))
    running.clock.now = running.clock.now.replace(second=30, microsecond=0)
    yield running
    await running.application.stop()
