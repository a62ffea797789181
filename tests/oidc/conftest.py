"""One embedded Valkey for all tests of the OpenID Provider, one bench for each."""

import pytest

from gateway.store import EmbeddedStore
from tests.oidc.harness import Bench
from tests.oidc.persons import NATURAL


@pytest.fixture(scope="session")
def valkey():
    with EmbeddedStore() as address:
        yield address


@pytest.fixture
def bench(valkey):
    made = Bench(valkey)
    made.fresh(NATURAL)
    with made.http:
        yield made
        made.http.portal.call(made.store.close)
