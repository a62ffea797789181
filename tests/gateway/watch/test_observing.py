"""A look at a real process: its store, its database, its tasks, its clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType

import httpx
import pytest

from gateway.background import Background, LastRun, Task
from gateway.log_keeping import TreeState
from gateway.store import Store, StoreUnavailable
from gateway.watch.conditions import alerts
from gateway.watch.observing import Observing, asked, machine
from gateway.watch.standings import log_standings
from tests.login.fake_source import PEER
from tests.login.installation import Installation
from tests.support.running_gateway import address, anyio_backend, installation
from trust.checkpoint_export import MADE, ExportState

__all__ = ["address", "anyio_backend", "installation"]
pytestmark = pytest.mark.anyio
MINUTE = timedelta(minutes=1)


@dataclass
class Steady:
    """The passing of time, which no clock change touches."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


class Runs(Background):
    """Tasks that were, or were not, run."""

    known: Mapping[str, LastRun] = MappingProxyType({})

    @property
    def runs(self) -> dict[str, LastRun]:
        return dict(self.known)


def looking(installation: Installation) -> Observing:
    application = installation.application
    return Observing(
        live=application.live,
        store=application.store,
        log=application.log,
        clock=installation.clock,
        node="n",
        monotonic=Steady(),
    )


async def test_a_process_at_work_sees_its_peers_and_no_trouble(installation: Installation) -> None:
    seen = await looking(installation).look({})
    assert [status.peer for status in seen.peers["eidas"]] == [PEER]
    assert (seen.store, seen.database, seen.keys) == (None, None, {})
    assert [alert for alert in alerts(seen) if not alert.key.startswith(("expiry/", "peer/"))] == []


async def test_what_is_away_is_said(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: Store) -> None:
        raise StoreUnavailable(OSError())

    monkeypatch.setattr(Store, "ping", away)
    installation.database.rename(installation.database.with_suffix(".away"))
    seen = await looking(installation).look({})
    assert (seen.store, seen.database) == ("store.unavailable", "FileNotFoundError")


async def test_a_clock_that_jumps_is_seen_against_the_passing_of_time(installation: Installation) -> None:
    observing = looking(installation)
    steady = observing.monotonic
    assert isinstance(steady, Steady)
    jumps = []
    for moved, passed in ((0, 0), (60, 60), (3600, 60), (-7200, 60), (60, 60)):
        installation.clock.forward(seconds=moved)
        steady.seconds += passed
        seen = await observing.look({})
        jumps.append((seen.jump.total_seconds(), "clock-jump@n" in {alert.key for alert in alerts(seen)}))
    assert jumps == [(0, False), (0, False), (3540, True), (-7260, True), (0, False)]


async def test_tasks_that_fail_or_do_not_run_are_told_after_three_turns(installation: Installation) -> None:
    async def nothing() -> None:
        return

    tasks = [
        Task(name="everywhere", seconds=60, run=nothing, everywhere=True),
        Task(name="once", seconds=60, run=nothing),
        Task(name="fails", seconds=60, run=nothing),
        Task(name="waits", seconds=60, run=nothing),
    ]
    runs = Runs(installation.application.store, tasks, clock=installation.clock)
    observing = looking(installation)
    observing.background = runs

    async def told() -> set[str]:
        now = installation.clock()
        runs.known = {
            "fails": LastRun(at=now, error="ValueError"),
            "waits": LastRun(at=now, error="StoreUnavailable"),  # told as the store's own trouble
        }
        return {alert.key for alert in alerts(await observing.look({})) if alert.kind == "task"}

    assert await told() == set()
    installation.clock.forward(minutes=3)
    assert await told() == {"task/fails@n"}
    installation.clock.forward(minutes=2)
    assert await told() == {"task/fails@n", "task/everywhere@n"}  # another process may run the other
    failed = runs.known["fails"]
    runs.known = {"fails": failed, "everywhere": LastRun(at=installation.clock(), error=None)}
    installation.clock.forward(minutes=4)  # nobody here has run it again: another process does
    assert [one for one in alerts(await observing.look({})) if one.kind == "task"] == []


async def test_a_part_with_a_defect_hides_no_other(installation: Installation) -> None:
    def defect(_: object) -> tuple[()]:
        raise ZeroDivisionError

    seen = await replace(looking(installation), log_standing=defect).look({})
    assert seen.log == ()
    assert seen.peers


async def test_every_process_watches_and_its_metrics_say_when(installation: Installation) -> None:
    """The wiring: without it nothing of this would ever ring."""
    background = installation.application.background
    [task] = [one for one in background.tasks if one.name == "watch"]
    assert task.everywhere
    await task.run()
    transport = httpx.ASGITransport(app=installation.application.management)
    async with httpx.AsyncClient(transport=transport, base_url="http://management") as http:
        text = (await http.get("/metrics")).text
    assert re.search(r"^eidgateway_watch_last_round_timestamp_seconds \d", text, re.MULTILINE)


def test_the_machine_has_a_name() -> None:
    assert machine()
    assert "." not in machine()


def test_asked_gives_what_it_can() -> None:
    def broken() -> int:
        return 1 // 0

    assert (asked(lambda: 3, 0), asked(broken, 0)) == (3, 0)


async def test_the_log_says_what_is_broken_late_and_not_exported(installation: Installation) -> None:
    """A gap in the log stops checkpoints; one that nobody makes is seen by the entries that wait."""
    now = installation.clock()
    failing = ExportState(
        target="backup", tree="login", size=3, time=now, failing_since=now - MINUTE, problem="fetch.status"
    )
    broken = replace(failing, target=MADE, problem="entry 17 is missing")
    state = TreeState(
        tree="login",
        entries=20,
        size=16,
        time=now - 90 * MINUTE,
        waiting_since=now - 10 * MINUTE,
        exports=(failing,),
    )

    def standing(**changes: object) -> tuple[str | None, bool, list[str]]:
        [one] = log_standings([replace(state, **changes)], now, 60)  # type: ignore[arg-type]  # a test's changes
        return one.broken, one.late_since is not None, list(one.unexported)

    assert standing() == (None, True, ["backup"])
    assert standing(exports=(broken, failing)) == ("entry 17 is missing", False, ["backup"])
    assert standing(size=20, waiting_since=None, exports=()) == (None, False, [])
    assert standing(waiting_since=now - 3 * MINUTE, exports=()) == (None, False, [])
    assert standing(size=0, time=None, exports=()) == (None, False, [])
