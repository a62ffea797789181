"""One running sandbox for all stories of this folder, and a login in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.store import EmbeddedStore, StoreAddress
from sandbox.addresses import Addresses
from sandbox.browser import Browser
from sandbox.launcher import Sandbox, http_client
from sandbox.login import Wanted, log_in
from sandbox.state import State
from tests.journeys.rolling import add_next_keys
from tests.support.ports import free_base
from tests.support.sandbox_keys import ready_directory


@dataclass(frozen=True, slots=True)
class StateWithStore(State):
    """The gateway's store is one that another gateway can use, too, and each of its keys has a successor."""

    store: StoreAddress

    def prepare(self, addresses: Addresses, say: object) -> None:
        State.prepare(self, addresses, say)  # type: ignore[arg-type]  # handed through
        add_next_keys(self)
        password = self.config / "keys" / "store-password"
        password.write_text(self.store.password or "", "utf-8")
        password.chmod(0o600)
        settings = self.config / "gateway.toml"
        text = settings.read_text("utf-8")
        assert "[store]" not in text
        settings.write_text(
            f'{text}\n[store]\nurl = "{self.store.url}"\npassword = "file:keys/store-password"\n', "utf-8"
        )


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    addresses = Addresses(port_base=free_base(), metadata_seconds=1)
    with EmbeddedStore() as store:
        state = StateWithStore(ready_directory(tmp_path_factory, "sandbox"), store=store)
        with Sandbox(state, addresses, print) as running:
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
