"""A country is suspended by one person while citizens are on their way, with two gateways behind one address.

security.md D.7: everywhere within ten seconds, running flows end.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from sandbox.browser import Browser
from sandbox.launcher import Sandbox
from sandbox.login import Steps, Wanted, _choose, _handover, _identify, log_in
from tests.journeys.deciding import PEOPLE, TwoPeople
from tests.support.ports import free_base

EVERYWHERE_SECONDS = 10.0


class Balancer(httpx.BaseTransport):
    """Sends what is for the gateway to ``port``; name and origin stay those of the gateway."""

    def __init__(self, public: int) -> None:
        self._public = public
        self.port = public
        self._network = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.port == self._public:
            request.url = request.url.copy_with(port=self.port)
        return self._network.handle_request(request)

    def close(self) -> None:
        self._network.close()


@dataclass(slots=True)
class TwoGateways:
    sandbox: Sandbox
    second: int
    people: TwoPeople
    open: ExitStack

    def browser(self) -> tuple[Browser, Balancer]:
        balancer = Balancer(self.sandbox.addresses.gateway_port)
        client = self.open.enter_context(httpx.Client(transport=balancer, trust_env=False, timeout=10))
        return Browser(client), balancer

    def greece_is_offered(self) -> list[bool]:
        ports = (self.sandbox.addresses.gateway_port, self.second)
        host = {"Host": self.sandbox.addresses.gateway.partition("://")[2]}
        found = []
        for port in ports:
            listed = httpx.get(f"http://127.0.0.1:{port}/countries", headers=host, trust_env=False).json()
            found += [
                c["available"] for c in listed["countries"] if c["code"] == "GR" and c["connector"] == "eidas"
            ]
        return found


@pytest.fixture
def gateways(sandbox: Sandbox, tmp_path: Path) -> Iterator[TwoGateways]:
    addresses, state = sandbox.addresses, sandbox.state
    ports = free_base(), free_base() + 1
    config = tmp_path / "second"
    config.mkdir()
    for part in state.config.iterdir():
        if part.name not in {"gateway.toml", "registry"}:
            (config / part.name).symlink_to(part.resolve())
    shutil.copytree(state.config / "registry", config / "registry")
    text = (state.config / "gateway.toml").read_text("utf-8")
    for old, new in zip((addresses.gateway_port, addresses.management_port), ports, strict=True):
        text = text.replace(f"port = {old}", f"port = {new}")
    (config / "gateway.toml").write_text(text, "utf-8")
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
    with (tmp_path / "second.log").open("wb") as log, ExitStack() as opened:
        second = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=log, stderr=log)
        try:
            _await_ready(second, ports[1])
            yield TwoGateways(sandbox, ports[0], TwoPeople.of(sandbox), opened)
        finally:
            second.terminate()
            second.wait(20)


def _await_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/started", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the second gateway does not start")


def test_suspending_a_country_ends_its_journeys_on_both_gateways(gateways: TwoGateways) -> None:
    """One person, one command; no restart, no second signature, nobody logged in afterwards."""
    people = gateways.people
    wanted = Wanted(country="EL", service="personenstand", level="high")
    addresses = gateways.sandbox.addresses
    at_the_node, _ = _on_the_way(gateways, wanted)
    at_release, balancer = _on_the_way(gateways, wanted)
    _identify(at_release, wanted, Steps(print))
    assert at_release.page.url.endswith("/release")
    assert gateways.greece_is_offered() == [True, True]

    people.command("suspend", "country/eidas.gr", *people.signed(PEOPLE[0]), "--reason", "key stolen")
    deadline = time.monotonic() + EVERYWHERE_SECONDS
    while any(gateways.greece_is_offered()):
        assert time.monotonic() < deadline, "not suspended everywhere within ten seconds"
        time.sleep(0.1)

    balancer.port = gateways.second  # the balancer sends the same browser to the other gateway
    form = at_release.page.forms[0]
    at_release.submit(form, {"decision": "release", "optional": form.choices.get("optional", [])})
    result = at_release.fetch(f"{addresses.services}/personenstand/result.json").json()
    assert result["error"] == "temporarily_unavailable"
    assert "id_token" not in result

    _identify(at_the_node, wanted, Steps(print))
    assert at_the_node.page.url.endswith("/failed")
    assert at_the_node.page.status == 503

    others, _ = gateways.browser()
    swedish = Wanted(country="SE", service="feuerwehr", level="substantial")
    assert "id_token" in log_in(others, addresses, swedish, print)

    people.command("reactivate", "country/eidas.gr", *people.signed(PEOPLE[0]),
                     "--reason", "false alarm", "--evidence", "telephone call")  # fmt: skip
    people.approve_what_is_open()
    deadline = time.monotonic() + EVERYWHERE_SECONDS
    while not all(gateways.greece_is_offered()):
        assert time.monotonic() < deadline, "not back everywhere within ten seconds"
        time.sleep(0.1)


def _on_the_way(gateways: TwoGateways, wanted: Wanted) -> tuple[Browser, Balancer]:
    """A browser that has chosen Greece and stands before its node's page."""
    browser, balancer = gateways.browser()
    browser.get(f"{gateways.sandbox.addresses.services}/{wanted.service}/")
    browser.submit(browser.page.form("/login"), {"level": wanted.level})
    _choose(browser, wanted)
    if _handover(browser.page):
        browser.submit(browser.page.forms[0], {})
    assert browser.page.url.startswith(gateways.sandbox.addresses.nodes)
    return browser, balancer
