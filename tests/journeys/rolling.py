"""Every own key of a running gateway is rolled on a calendar, while citizens log in without a pause."""

from __future__ import annotations

import json
import shutil
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Self

import httpx

from gateway.bundle.toml_text import toml_text
from gateway.commands.keys import draft, in_force, written
from sandbox.authority import KeyStore
from sandbox.browser import Browser
from sandbox.eid_service import material
from sandbox.launcher import Sandbox, http_client
from sandbox.login import Wanted, log_in
from sandbox.state import State
from tests.journeys.deciding import TwoPeople
from trust.log import AppendOnlyLog, open_database

NEXT = {
    "oidc-es256": "p256",
    "oidc-rs256": "rsa-3072",
    "saml-signing": "p256",
    "saml-decryption": "rsa-3072",
    "saml-metadata": "p256",
    "account-signing": "rsa-3072",
    "eid-signing": "p256",
    "eid-tls": "p256",
}
"""Of the gateway's keys, the kind of the one that follows; that of ``account-decryption`` is always there."""
WAYS = (
    {"country": "EL", "service": "personenstand", "level": "high"},
    {"eid": "bundid", "method": "Elster", "service": "feuerwehr"},
    {"country": "SE", "service": "feuerwehr", "level": "substantial"},
    {"eid": "npa-soap", "citizen": "year-only", "service": "personenstand"},
    {"eid": "npa-saml", "citizen": "year-only", "service": "personenstand"},
)
"""Between them every key is used."""
BROWSERS = 2
UNTIL_ACTIVE = timedelta(seconds=3)
"""So that the gateways have heard of it, as a rule."""
IN_CACHES = 2.5
"""Peers of this sandbox keep our metadata for a second, and a login takes less than another."""


def add_next_keys(state: State) -> None:
    """Make the successors and name them in ``gateway.toml``; their certificates are handed over with the others."""
    store = KeyStore(state.config / "keys", lambda _: None)
    authority = material.store(state.directory).load("authority")
    settings = state.config / "gateway.toml"
    text = settings.read_text("utf-8")
    sections = {section["id"]: section for section in tomllib.loads(text)["keys"]}
    coming = []
    for name, kind in NEXT.items():
        store.obtain(f"{name}-next", kind, f"Gateway {name}", authority if name == "eid-tls" else None)
        section = sections[name] | {
            "id": f"{name}-next",
            "private_key": f"file:keys/{name}-next.key",
            "state": "next",
        }
        if "certificate" in section:
            section["certificate"] = f"keys/{name}-next.crt"
        coming.append(section)
    settings.write_text(f"{text}\n{toml_text({'keys': coming})}", "utf-8")


@dataclass(slots=True)
class Load:
    """Logins one after the other in each of some browsers; as a context manager."""

    sandbox: Sandbox
    ended: list[tuple[float, float]] = field(default_factory=list)
    """When each of them began and ended."""
    lost: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._log_in, args=(n,)) for n in range(BROWSERS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _log_in(self, number: int) -> None:
        state, addresses = self.sandbox.state, self.sandbox.addresses
        ways = cycle(WAYS[number * 2 :] + WAYS[: number * 2])
        while not self._over.is_set():
            wanted, began = next(ways), time.time()
            try:
                with http_client(state, addresses) as http:
                    result = log_in(Browser(http), addresses, Wanted(**wanted), lambda _: None, state.drawer)
                if "error" in result or "id_token" not in result:
                    self.lost.append(
                        f"{began:.1f} {wanted}: {result.get('error')} {result.get('error_description')}"
                    )
            except Exception as error:  # whatever it was, this login is lost
                self.lost.append(f"{wanted}: {type(error).__name__} {error}")
            self.ended.append((began, time.time()))


def roll_every_key(sandbox: Sandbox, place: Path) -> None:
    """The whole story; ``place`` is an empty directory. No login may be lost."""
    people = TwoPeople.of(sandbox)
    configuration = in_force(sandbox.state.config)
    keys = {key.id: key for key in configuration.declared_keys}
    pairs = [(keys[name], keys[f"{name}-next"]) for name in (*NEXT, "account-decryption")]

    def decide(name: str, active: datetime, gone: datetime | None = None) -> None:
        bundle = place / name
        shutil.copytree(sandbox.state.config / "registry", bundle / "registry")
        for old, new in pairs:
            plans = draft(
                configuration, old, new, now=active, publish=active - timedelta(minutes=5), active=active,
                gone=gone, short_notice="a test does not wait for days",
            )  # fmt: skip
            for plan in plans:
                written(plan, bundle)
        people.put_into_force(bundle)

    before = _key_set(sandbox)
    assert len(before) == 4
    with Load(sandbox) as load:
        active = datetime.now(UTC) + UNTIL_ACTIVE
        decide("use the next ones", active)
        rolled = _when(lambda: _key_set(sandbox)[:2] == before[2:])
        time.sleep(IN_CACHES)
        decide("drop the old ones", active, gone=datetime.now(UTC))
        gone = _when(lambda: _key_set(sandbox) == before[2:])
        time.sleep(1.0)
    assert not load.lost, "\n".join(load.lost)
    assert [began for began, ended in load.ended if began < rolled < ended], "no login was in flight"
    assert [began for began, _ in load.ended if began > gone]
    _when(lambda: _steps(sandbox)[False, "gone"] == len(pairs))  # every process notes them at its own pace
    steps = _steps(sandbox)
    assert steps[False, "retired"] == steps[False, "gone"] == steps[True, "active"] == len(pairs), steps


def _when(condition: Callable[[], bool]) -> float:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the gateway does not roll"
        time.sleep(0.05)
    return time.time()


def _key_set(sandbox: Sandbox) -> list[str]:
    """Those in use come first."""
    answer = httpx.get(f"{sandbox.addresses.gateway}/jwks", trust_env=False)
    return [key["kid"] for key in answer.json()["keys"]]


def _steps(sandbox: Sandbox) -> Counter[tuple[bool, str]]:
    """How often a key, or one of those that follow, came to a state, by the audit log."""
    log = AppendOnlyLog(open_database(f"sqlite:///{sandbox.state.config / 'var/gateway.sqlite3'}"))
    found = [json.loads(entry.body) for entry in log.entries() if entry.event == "KeyStateChanged"]
    log.stop()
    return Counter((one["key"].endswith("-next"), one["after"]) for one in found)
