"""AusweisApp, Chromium and one sandbox with TLS for all tests of this folder.

AusweisApp has one fixed port, so these tests never run side by side with themselves, nor with an
AusweisApp that somebody uses on the machine.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from sandbox.addresses import Addresses
from sandbox.eid_service.material import cards_directory
from sandbox.launcher import Sandbox
from sandbox.state import State
from tests.ausweisapp.application import AusweisApp
from tests.ausweisapp.cards import simulated
from tests.ausweisapp.screen import Screen
from tests.ausweisapp.visitor import Visitor
from tests.browser.conftest import browser_type_launch_args
from tests.support.ports import free_base
from tests.support.sandbox_keys import ready_directory

__all__ = ["browser_type_launch_args"]

PAGE_MILLISECONDS = 15_000
"""A page that takes longer is missing; whole workflows of AusweisApp have a limit of their own."""
expect.set_options(timeout=PAGE_MILLISECONDS)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.ausweisapp)


@pytest.fixture(scope="session")
def ausweisapp(tmp_path_factory):
    """The program, for all tests of the run."""
    with AusweisApp(tmp_path_factory.mktemp("ausweisapp")) as running:
        yield running


@pytest.fixture
def screen(ausweisapp):
    """What the citizen sees of it."""
    with Screen(may_lose_card=ausweisapp.old_simulator) as shown:
        yield shown


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    addresses = Addresses(port_base=free_base(), tls=True)
    with Sandbox(State(ready_directory(tmp_path_factory, "sandbox")), addresses, print) as running:
        yield running


@pytest.fixture
def card(sandbox, ausweisapp):
    """The card of a test citizen, by name."""
    directory = cards_directory(sandbox.state.directory)
    return lambda name: simulated(name, directory, fixed_keys=ausweisapp.old_simulator)


@pytest.fixture
def visit(browser, sandbox):
    """A browser of its own at a service; the browser does not know the sandbox's authority."""
    contexts = []

    def open_browser(service):
        context = browser.new_context(ignore_https_errors=True, locale="de-DE")
        context.set_default_timeout(PAGE_MILLISECONDS)
        contexts.append(context)
        return Visitor(context, sandbox.addresses, service)

    yield open_browser
    for context in contexts:
        context.close()
