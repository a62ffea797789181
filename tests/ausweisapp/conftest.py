"""AusweisApp, Chromium and one sandbox with TLS for all tests of this folder.

AusweisApp has one fixed port, so these tests never run side by side with themselves, nor with an
AusweisApp that somebody uses on the machine.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ausweisapp.application import AusweisApp
from tests.ausweisapp.screen import Screen
from tests.browser.conftest import browser_type_launch_args

__all__ = ["browser_type_launch_args"]


@pytest.fixture(scope="session")
def ausweisapp(tmp_path_factory):
    """The program, for all tests of the run."""
    with AusweisApp(tmp_path_factory.mktemp("ausweisapp")) as running:
        yield running


@pytest.fixture
def screen(ausweisapp):
    """What the citizen sees of it."""
    with Screen() as shown:
        yield shown


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.ausweisapp)
