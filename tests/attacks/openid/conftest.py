"""The victim of these attacks: a whole gateway, and for some two nodes of it on one store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.assurance import LevelOfAssurance
from gateway.app import build
from gateway.store import StoreAddress
from tests.certification.conftest import LISTEN, judge, peer, registered
from tests.certification.judge import Judge
from tests.certification.profiles import DPoP, MutualTLS
from tests.login.fake_source import FakeSource
from tests.login.installation import Clock, Installation, configuration, renderer_of
from tests.support.migrated import migrate
from tests.support.running_gateway import address, anyio_backend
from trust.log import open_database

__all__ = ["address", "anyio_backend", "judge", "peer"]


@pytest.fixture
def dpop(judge: Judge) -> DPoP:
    return DPoP(judge, "client", "client2")


@pytest.fixture
def mtls(judge: Judge) -> MutualTLS:
    return MutualTLS(judge, "mtls-client", "mtls-client2")


@pytest.fixture
async def twins(tmp_path: Path, address: StoreAddress) -> AsyncIterator[tuple[Judge, Judge]]:
    """Two nodes with one configuration, one store and one clock."""
    configured = configuration(tmp_path, *registered(), listen=LISTEN)
    engine = open_database(configured.database_url.render_as_string(hide_password=False))
    migrate(engine)
    engine.dispose()
    clock, source = Clock(), FakeSource()
    source.identity_changes = {"level": LevelOfAssurance.SUBSTANTIAL}
    nodes = [
        build(
            configured, address, clock=clock, connectors={"eidas": source}, renderer=renderer_of(configured)
        )
        for _ in range(2)
    ]
    for node in nodes:
        node.log.start()
    first, second = (Judge(Installation(node, source, clock, tmp_path / "audit.sqlite3")) for node in nodes)
    yield first, second
    for node in nodes:
        await node.stop()
