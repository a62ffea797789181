"""One running sandbox for all stories of this folder, and a login in it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.addresses import Addresses
from sandbox.browser import Browser
from sandbox.launcher import Sandbox, http_client
from sandbox.login import Wanted, log_in
from sandbox.state import State

OFFSETS = (0, 1, 10, 20)


def free_base() -> int:
    """A first port such that the sandbox's four are free."""
    for base in range(41000 + os.getpid() % 5000, 60000, 50):
        try:
            for offset in OFFSETS:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise RuntimeError("no free ports")


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
            return log_in(Browser(http), sandbox.addresses, Wanted(**wanted), print)

    return run
