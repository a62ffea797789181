"""Whole brokered logins against a running sandbox, and what they cost the gateway.

The counterparts (browser, node, service) are other processes, so the gateway's CPU is read from
the operating system. Logins run one after another: what the gateway spends between two readings
belongs to the exchange between them.
"""

from __future__ import annotations

import os
import socket
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bench.process import command, cpu_milliseconds, descendants
from sandbox.addresses import Addresses, Profile
from sandbox.browser import Browser
from sandbox.launcher import Sandbox, http_client
from sandbox.login import Wanted, log_in
from sandbox.state import State

_STEPS = (
    ("/authorize", "authorization request"),
    ("/start", "start: AuthnRequest signed"),
    ("/go", "hop page"),
    ("/acs", "callback: Response verified, decrypted"),
    ("/release", "release"),
    ("/callback", "code, token, UserInfo (asked by the service)"),
    ("/cancel", "cancel"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the logins of one profile cost."""

    cpu_ms: float
    wall_ms: list[float]
    steps: dict[str, float]

    @property
    def p50(self) -> float:
        return statistics.median(self.wall_ms)

    @property
    def p99(self) -> float:
        return sorted(self.wall_ms)[min(len(self.wall_ms) - 1, int(len(self.wall_ms) * 0.99))]


def measure(profile: Profile, *, logins: int, warm_up: int = 20) -> Measured:
    """Start a sandbox of its own with the key profile and log in ``logins`` times."""
    country = "EE" if profile == "ec" else "EL"
    with tempfile.TemporaryDirectory() as directory:
        state = State(Path(directory))
        addresses = Addresses(port_base=free_port_base(), profile=profile)
        with Sandbox(state, addresses, say), http_client(state, addresses) as http:
            gateway = _Gateway()
            wanted = Wanted(service="bussgeld", country=country)
            for _ in range(warm_up):
                _one(http, addresses, wanted)
            return _measured(http, addresses, wanted, gateway, logins)


def _measured(
    http: httpx.Client, addresses: Addresses, wanted: Wanted, gateway: _Gateway, logins: int
) -> Measured:
    walls: list[float] = []
    begin = gateway.cpu()
    for number in range(logins):
        started = time.perf_counter()
        _one(http, addresses, wanted)
        walls.append((time.perf_counter() - started) * 1000)
        progress(f"{wanted.country}: login {number + 1} of {logins}")
    cpu = (gateway.cpu() - begin) / logins
    steps = _by_step(http, addresses, wanted, gateway, max(20, logins // 4))
    progress("")
    return Measured(cpu, walls, steps)


def _by_step(
    http: httpx.Client, addresses: Addresses, wanted: Wanted, gateway: _Gateway, logins: int
) -> dict[str, float]:
    """The same logins once more, with a reading around every exchange that concerns the gateway."""
    spent: defaultdict[str, float] = defaultdict(float)
    before = 0.0

    def on_request(_request: httpx.Request) -> None:
        nonlocal before
        before = gateway.cpu()

    def on_response(response: httpx.Response) -> None:
        response.read()
        name = _step(response.request, addresses)
        if name:
            spent[name] += gateway.cpu() - before

    http.event_hooks = {"request": [on_request], "response": [on_response]}
    try:
        for number in range(logins):
            _one(http, addresses, wanted)
            progress(f"{wanted.country}: steps {number + 1} of {logins}")
    finally:
        http.event_hooks = {"request": [], "response": []}
    return {name: total / logins for name, total in spent.items()}


def _step(request: httpx.Request, addresses: Addresses) -> str | None:
    """The step an exchange belongs to; None for those that do not reach the gateway."""
    parts = urlsplit(str(request.url))
    origin = f"{parts.scheme}://{parts.netloc}"
    for ending, name in _STEPS:
        if parts.path.endswith(ending):
            verb = "page" if name == "release" and request.method == "GET" else ""
            return f"{name} {verb}".strip()
    if origin == addresses.gateway:
        return "choice of means and country"
    return None


class _Gateway:
    """The gateway's processes among our descendants; the store is not one of them."""

    def __init__(self) -> None:
        self._pids = [pid for pid in descendants(os.getpid()) if " gateway " in f"{command(pid)} "]
        if not self._pids:
            raise RuntimeError("no gateway process found")

    def cpu(self) -> float:
        return sum(cpu_milliseconds(pid) for pid in self._pids)


def _one(http: httpx.Client, addresses: Addresses, wanted: Wanted) -> None:
    outcome = log_in(Browser(http), addresses, wanted, silent)
    if "error" in outcome:
        raise RuntimeError(f"a login failed: {outcome}")


def silent(_text: str) -> None:
    return


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def free_port_base() -> int:
    """A base whose four ports are free at the moment."""
    for base in _candidates():
        try:
            for offset in (0, 1, 10, 20):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise RuntimeError("no free ports between 18400 and 28400")


def _candidates() -> Iterator[int]:
    yield from range(18_400, 28_400, 100)
