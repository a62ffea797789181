"""An eID service of the sandbox and our SOAP way to it, in this process but over real TLS."""

from collections.abc import Iterator

import pytest

from tests.support.eid_service_peer import EIDServicePeer


@pytest.fixture
def peer(tmp_path) -> Iterator[EIDServicePeer]:
    made = EIDServicePeer(tmp_path)
    yield made
    made.close()
