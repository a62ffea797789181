"""The complete services of docs/integrator.md log a citizen in, unchanged, with discovery only."""

from __future__ import annotations

import html
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.browser import Browser
from sandbox.launcher import Sandbox

ROOT = Path(__file__).parents[2]
SECRET = "a secret for the guide's portal, never used elsewhere"
SUBSTANTIAL = "http://eidas.europa.eu/LoA/substantial"


@contextmanager
def service(command: list[str], sandbox: Sandbox, port: int) -> Iterator[str]:
    """The example as a process of its own; yields its address."""
    environment = os.environ | {
        "ISSUER": sandbox.addresses.gateway,
        "CLIENT_ID": "my-portal",
        "CLIENT_SECRET": SECRET,
        "PORT": str(port),
    }
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("localhost", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://localhost:{port}/"
    finally:
        process.terminate()
        process.wait(10)


def log_in(browser: Browser, start: str, country: str, *, decision: str = "answer") -> str:
    """Walk from the service's first page through all others back to the service; its last page."""
    browser.get(start)
    countries = [form for form in browser.page.forms if "country" in form.choices]
    assert countries, f"no choice of countries at {browser.page.url}: {browser.page.text}"
    browser.submit(countries[0], {"country": country})
    for _ in range(6):
        if browser.page.url.startswith(start):
            return browser.page.text
        for form in browser.page.forms:
            if "decision" in form.choices and form.action.endswith("/answer"):
                browser.submit(form, {"decision": decision})
                break
            if "decision" in form.choices:
                browser.submit(form, {"decision": "release"})
                break
        else:
            browser.submit(browser.page.forms[0], {})
    raise AssertionError(f"the journey ends at {browser.page.url}")


@pytest.fixture
def browser() -> Iterator[Browser]:
    with httpx.Client(trust_env=False, timeout=10) as http:
        yield Browser(http)


FAPI2 = ["fapi2_relying_party.py", "fapi2_relying_party.mjs"]


@pytest.fixture(params=["relying_party.py", "relying_party.mjs", *FAPI2])
def command(request: pytest.FixtureRequest, node_command: list[str]) -> list[str]:
    return running(request.param, node_command)


def running(example: str, node_command: list[str]) -> list[str]:
    """The command that the example's first lines tell."""
    python = example.endswith(".py")
    return [*([sys.executable] if python else node_command), f"docs/examples/{example}"]


def shown(page: str) -> dict[str, Any]:
    """The JSON that an example shows, with or without its page."""
    found: dict[str, Any] = json.loads(html.unescape(re.sub(r"<[^>]*>", "", page)))
    return found


def test_example_receives_the_verified_person(
    command: list[str], sandbox: Sandbox, browser: Browser, example_port: int
) -> None:
    """docs/integrator.md; OpenID Connect Core §3.1, §5.3; RFC 7636; RFC 9207."""
    with service(command, sandbox, example_port) as start:
        result = shown(log_in(browser, start, "GR"))
    assert result["id_token"]["acr"] == SUBSTANTIAL
    assert result["id_token"]["sub"] == result["userinfo"]["sub"]
    assert result["userinfo"]["family_name"] == "Onasis"
    assert result["userinfo"]["family_name#el-Grek"] == "Ωνάσης"


def test_example_refuses_an_answer_used_twice(
    command: list[str], sandbox: Sandbox, browser: Browser, example_port: int
) -> None:
    """docs/integrator.md rule 2: a state counts once."""
    with service(command, sandbox, example_port) as start:
        shown(log_in(browser, start, "GR"))
        assert "code=" in browser.page.url
        again = browser.get(browser.page.url)
    assert again.status == 400
    assert "no login" in again.text


@pytest.mark.parametrize("example", FAPI2)
def test_example_of_fapi2_registers_itself_and_logs_out(
    example: str, node_command: list[str], sandbox: Sandbox, browser: Browser, example_port: int
) -> None:
    """RFC 7591; FAPI 2.0 SP §5.3.2; RP-Initiated Logout §2: back at the registered address, nothing asked."""
    with service(running(example, node_command), sandbox, example_port) as start:
        result = shown(log_in(browser, start, "GR"))
        assert result["id_token"]["aud"].startswith("registered-")
        browser.get(f"{start}logout")
    assert browser.page.url == f"{start}bye"
    assert "logged out" in browser.page.text
