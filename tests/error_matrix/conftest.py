"""The provider alone and the whole gateway, on one real Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from gateway.client_settings import Client
from gateway.store import StoreAddress
from tests.login.installation import Installation, install
from tests.oidc.harness import Bench
from tests.oidc.persons import NATURAL
from tests.support.running_gateway import address, anyio_backend

__all__ = ["address", "anyio_backend"]


@pytest.fixture
def bench(address: StoreAddress) -> Iterator[Bench]:
    made = Bench(address)
    made.fresh(NATURAL)
    with made.http:
        yield made
        made.http.portal.call(made.store.close)


@pytest.fixture
async def installing(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Callable[..., Installation]]:
    running: list[Installation] = []

    def make(*clients: Client, **options: object) -> Installation:
        made = install(tmp_path, address, *clients, **options)  # type: ignore[arg-type]  # install checks them
        running.append(made)
        return made

    yield make
    for made in running:
        await made.application.stop()
