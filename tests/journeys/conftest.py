"""One running sandbox for all stories of this folder, and a login in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.addresses import Addresses
from sandbox.browser import Browser
from sandbox.launcher import Sandbox, http_client
from sandbox.login import Wanted, log_in
from sandbox.state import State
from tests.support.ports import free_base


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    addresses = Addresses(port_base=free_base())
    with Sandbox(State(tmp_path_factory.mktemp("sandbox")), addresses, print) as running:
        yield running


Login = Callable[..., dict[str, Any]]


@pytest.fixture
def login(sandbox: Sandbox) -> Login:
    """A whole login in a fresh browser; the result as ``make login`` prints it."""

    def run(**wanted: str) -> dict[str, Any]:
        with http_client(sandbox.state, sandbox.addresses) as http:
            state = sandbox.state
            return log_in(Browser(http), sandbox.addresses, Wanted(**wanted), print, state.drawer)

    return run
