"""What the durable log costs a login: the same gateway, the log in turns as in life and doing nothing.

Turns are short and alternate, so what else the machine does falls on both. The checkpoints, which are made once a
minute of whatever was written, are measured by themselves on the entries of the run.
"""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519

from bench.login import free_port_base, progress, say, silent
from bench.process import command, cpu_milliseconds, descendants
from sandbox.addresses import Addresses, Profile
from sandbox.browser import Browser
from sandbox.launcher import Sandbox, http_client
from sandbox.login import Wanted, log_in
from sandbox.state import State
from trust.checkpoints import Checkpoints
from trust.log import open_database
from trust.trees import LOGIN

_TURN = 16
"""Logins between two switches."""
_CHECKPOINTS = 5
"""Measured so many times: a gateway makes them again and again, the first one here compiles its statements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCost:
    """CPU milliseconds of the gateway for a login."""

    at_once: int
    with_log: float
    without: float
    checkpoint: float

    @property
    def share(self) -> float:
        """Of the whole login with its log."""
        return (self.with_log - self.without + self.checkpoint) / self.with_log


def table(costs: Sequence[LogCost]) -> str:
    """For the screen."""
    return "\n".join(
        [
            f"\n{'the durable log, logins at once':<34}{'with ms':>9}{'without':>9}{'checkpoint':>12}{'share':>8}",
            *(
                f"{c.at_once:<34}{c.with_log:>9.2f}{c.without:>9.2f}{c.checkpoint:>12.3f}{c.share:>8.1%}"
                for c in costs
            ),
        ]
    )


class SwitchedSandbox(Sandbox):
    """Its gateway is ``bench.switched_log``."""

    def _launch(self, name: str, command: list[str]) -> None:
        if name == "gateway":
            command = ["bench.switched_log" if word == "gateway" else word for word in command]
        super()._launch(name, command)


def measure(profile: Profile, *, logins: int, at_once: int) -> LogCost:
    """Start a sandbox with this profile and log in ``logins`` times with the log, and as often without."""
    country = "EE" if profile == "ec" else "EL"
    with tempfile.TemporaryDirectory() as directory:
        state = State(Path(directory))
        addresses = Addresses(port_base=free_port_base(), profile=profile)
        with SwitchedSandbox(state, addresses, say), ThreadPoolExecutor(at_once) as pool:
            pid = _gateway()
            local = threading.local()

            def one(_: int) -> None:
                if not hasattr(local, "http"):
                    local.http = http_client(state, addresses)
                wanted = Wanted(service="bussgeld", country=country)
                outcome = log_in(Browser(local.http), addresses, wanted, silent)
                if "error" in outcome:
                    raise RuntimeError(f"a login failed: {outcome}")

            list(pool.map(one, range(2 * _TURN)))
            spent = {True: 0.0, False: 0.0}
            turns = max(2, logins // _TURN)
            for number in range(turns * 2):
                # on off off on: so that a drift falls on both alike
                on = number % 4 in (0, 3)
                os.kill(pid, signal.SIGUSR2 if on else signal.SIGUSR1)
                time.sleep(0.05)
                before = cpu_milliseconds(pid)
                list(pool.map(one, range(_TURN)))
                spent[on] += cpu_milliseconds(pid) - before
                progress(f"{country}: turn {number + 1} of {turns * 2}")
            os.kill(pid, signal.SIGUSR2)
            progress("")
            done = turns * _TURN
            return LogCost(
                at_once=at_once,
                with_log=spent[True] / done,
                without=spent[False] / done,
                checkpoint=_checkpoint(state.config / "var/gateway.sqlite3"),
            )


def _checkpoint(database: Path) -> float:
    """CPU milliseconds of checkpoint and journeys for the entries of one login."""
    engine = open_database(f"sqlite:///{database}")
    key = ed25519.Ed25519PrivateKey.generate()
    own = Checkpoints(engine, LOGIN, origin="bench.example", keys=[key])
    logins, spent = 0, []
    for _ in range(_CHECKPOINTS):
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM log_checkpoint")
            connection.exec_driver_sql("DELETE FROM log_journey")
            found = connection.exec_driver_sql(
                "SELECT count(*) FROM log WHERE event = 'TokenIssued'"
            ).scalar()
            logins = max(1, int(found or 0))
        before = time.thread_time()
        own.make(datetime.now(UTC))
        spent.append((time.thread_time() - before) * 1000)
    engine.dispose()
    return statistics.median(spent) / logins


def _gateway() -> int:
    for pid in descendants(os.getpid()):
        words = command(pid).split(" ")
        if "bench.switched_log" in words and "sandbox.bound" not in words:
            return pid
    raise RuntimeError("no gateway process found")
