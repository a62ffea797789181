"""When a probe is due, who runs it, and what is kept (issue 6, item 7)."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.eidas.settings import CountrySettings
from connectors.probing import AccountProbeSettings, ProbeSettings
from gateway.audit import Audit, AuditUnavailable
from gateway.bundle.clients import check_clients
from gateway.bundle.problems import Located, Problems
from gateway.live import Generation, Live
from gateway.probes.assembly import probe_desk
from gateway.probes.client import clients_of
from gateway.probes.failures import Reason, Step
from gateway.probes.history import ProbeHistory
from gateway.probes.result import ProbeResult, Surroundings
from gateway.probes.schedule import ProbeDesk
from gateway.probes.targets import Target, targets
from gateway.store import Store, StoreAddress, connect
from tests.login.installation import client, configuration
from tests.support.embedded_store import address, anyio_backend
from tests.support.migrated import migrate
from tests.support.postgresql import postgresql
from trust.log import AppendOnlyLog, LogUnavailable, open_database
from trust.registry import ObjectKey, ObjectKind

__all__ = ["address", "anyio_backend"]

pytestmark = pytest.mark.anyio
BEGINNING = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Bench:
    """A desk whose probes are words, and a time that tests move."""

    desk: ProbeDesk
    engine: sa.Engine
    log: AppendOnlyLog
    live: Live
    now: list[datetime]
    probed: list[str] = field(default_factory=list)
    reasons: dict[str, Reason] = field(default_factory=dict)

    def run(self, target: Target, around: Surroundings) -> ProbeResult:
        self.probed.append(target.name)
        reason = self.reasons.get(target.name)
        step = Step.IDENTIFY if reason else None
        return ProbeResult(
            target=target.name, at=around.clock(), reason=reason, step=step, code=None, steps={Step.PUSH: 3}
        )

    async def turn_after(self, **delta: float) -> list[str]:
        """What is probed so much later; leases of earlier turns are over by then."""
        self.now[0] += timedelta(**delta)
        await self.desk.store._send(("FLUSHALL",))
        self.probed.clear()
        await self.desk.turn()
        return list(self.probed)


def country(code: str, connector: str = "eidas", **probe: Any) -> CountrySettings:
    settings = ProbeSettings(answers={"a": "b"}, **{"every_seconds": 3600, **probe})
    return CountrySettings(country=code, connector=connector, anchor=f"{code.lower()}-node", probe=settings)


@pytest.fixture
async def bench(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Bench]:
    base = configuration(tmp_path)
    configured = replace(
        base, countries=(country("GR"), country("SE"), CountrySettings(country="BG", anchor="bg-node"))
    )
    url = base.database_url.render_as_string(hide_password=False)
    engine = open_database(url)
    migrate(engine)
    log = AppendOnlyLog(open_database(url))
    log.start()
    now = [BEGINNING]
    live = Live(
        Generation(
            configuration=configured, connectors={}, fold=None, since=BEGINNING,
            public=_nobody, mtls=None, back_channel=None,  # type: ignore[arg-type]  # no login happens
        )
    )  # fmt: skip
    store = Store(connect(address))
    await store._send(("FLUSHALL",))
    desk = probe_desk(configured, live, store, Audit(log), engine, clock=lambda: now[0])
    made = Bench(desk, engine, log, live, now)
    desk.run = made.run
    yield made
    await store.close()
    log.stop()
    engine.dispose()


async def _nobody(*_: object) -> None:
    """The public listener, which nobody asks."""


# ---------------------------------------------------------------------------------- the schedule


async def test_first_probes_begin_within_a_minute_and_then_at_their_interval(bench: Bench) -> None:
    """Up to a tenth later, so that not all are asked at once; what has no section is never probed."""
    assert set(await bench.turn_after(seconds=61)) == {"eidas.gr", "eidas.se"}
    assert await bench.turn_after(minutes=59) == []
    assert set(await bench.turn_after(minutes=8)) == {"eidas.gr", "eidas.se"}


async def test_targets_are_not_due_at_the_same_moment(bench: Bench) -> None:
    """The jitter follows from name and time."""
    latest = ProbeResult(target="eidas.gr", at=BEGINNING, steps={})
    found = bench.desk.targets
    bench.now[0] = BEGINNING + timedelta(hours=1)
    due = [[], []]
    for seconds in range(0, 361, 5):
        bench.now[0] = BEGINNING + timedelta(hours=1, seconds=seconds)
        for place, name in enumerate(("eidas.gr", "eidas.se")):
            due[place].append(bench.desk.is_due(found[name], latest))
    assert due[0] != due[1]
    bench.now[0] = BEGINNING - timedelta(days=1)  # the clock was a day ahead when that result was written
    assert bench.desk.is_due(found["eidas.gr"], latest)
    assert all(column == sorted(column) and column[-1] for column in due)


async def test_another_node_with_the_lease_probes_alone(bench: Bench) -> None:
    """One installation, one probe."""
    bench.now[0] += timedelta(seconds=61)
    assert await bench.desk.store.lease("probe:eidas.gr", seconds=60)
    await bench.desk.turn()
    assert bench.probed == ["eidas.se"]


@pytest.mark.parametrize(
    "suspended",
    [(ObjectKind.COUNTRY, "eidas.gr"), (ObjectKind.ANCHOR, "gr-node"), (ObjectKind.CONNECTOR, "eidas")],
)
async def test_suspended_country_is_not_probed(bench: Bench, suspended: tuple[ObjectKind, str]) -> None:
    """That it does not work is what somebody wanted."""
    generation = replace(bench.live.current, suspended=frozenset({ObjectKey(*suspended)}))
    bench.live.swap(generation)
    probed = await bench.turn_after(seconds=61)
    assert probed == ([] if suspended[1] == "eidas" else ["eidas.se"])


async def test_account_is_a_target_under_its_own_name(tmp_path: Path) -> None:
    """It knows our service under a number of its own, and has no country to choose."""
    base = configuration(tmp_path, accounts=("bundid",))
    probe = AccountProbeSettings(answers={"a": "b"}, online_service_id="BMI-4711")
    account = base.connectors["bundid"].model_copy(update={"probe": probe})
    configured = replace(base, connectors={"bundid": account})
    assert targets(base) == {}
    (target,) = targets(configured).values()
    assert (target.name, target.country, target.choice) == ("bundid", "DE", "")
    client = clients_of(configured)["eid-gateway.probe"]
    assert client.means == ("bundid",)
    assert client.accounts["bundid"].online_service_id == "BMI-4711"
    assert targets(configured, frozenset({ObjectKey(ObjectKind.ANCHOR, account.anchor)})) == {}


async def test_schedule_can_be_off_and_old_results_still_go(bench: Bench) -> None:
    """``[probes] enabled``."""
    assert [task.name for task in bench.desk.tasks(scheduled=True)] == ["probes", "probe-results"]
    assert [task.name for task in bench.desk.tasks(scheduled=False)] == ["probe-results"]


# ---------------------------------------------------------------------------------- asked for


async def test_asked_for_probe_runs_at_once_and_is_written_down_before(bench: Bench) -> None:
    """Not a second time by whoever presses at the same moment; not for what is no target."""
    both = await asyncio.gather(
        bench.desk.ask("eidas.gr", by="o.dienst"), bench.desk.ask("eidas.gr", by="a.b")
    )
    assert sorted(both) == [False, True]
    assert not await bench.desk.ask("eidas.bg", by="o.dienst")
    await bench.desk.settled("eidas.gr", 5)
    assert bench.probed == ["eidas.gr"]
    assert bench.desk.history.latest("eidas.gr") is not None
    assert bench.desk.running == set()
    assert [entry.event for entry in bench.log.entries()] == ["ProbeAsked"]


async def test_probe_that_cannot_be_written_down_does_not_begin(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the effect."""

    async def away(*_: object, **__: object) -> None:
        raise AuditUnavailable(OSError())

    monkeypatch.setattr(bench.desk.audit, "record", away)
    with pytest.raises(AuditUnavailable):
        await bench.desk.ask("eidas.gr", by="o.dienst")
    assert (bench.probed, bench.desk.running) == ([], set())


async def test_result_that_cannot_be_kept_is_told_in_the_log_of_the_process(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The database went away during the probe."""
    with bench.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE probe_results")
    with caplog.at_level(logging.WARNING):
        assert await bench.desk.ask("eidas.gr", by="o.dienst")
        await bench.desk.settled("eidas.gr", 5)
    assert "result of a probe is lost" in caplog.text
    assert bench.desk.running == set()
    with pytest.raises(LogUnavailable):
        bench.desk.history.latest("eidas.gr")


async def test_process_that_ends_waits_for_no_probe(bench: Bench) -> None:
    """A probe may take its minute; its thread is given up."""
    begun, ending = threading.Event(), threading.Event()

    def slow(target: Target, around: Surroundings) -> ProbeResult:
        begun.set()
        ending.wait(10)
        return bench.run(target, around)

    bench.desk.run = slow
    bench.now[0] += timedelta(seconds=61)
    turn = asyncio.create_task(bench.desk.turn())
    await asyncio.to_thread(begun.wait, 10)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert bench.desk.running == set()
    ending.set()


# ---------------------------------------------------------------------------------- what is kept


def result(minutes: int, reason: Reason | None = None, target: str = "eidas.gr") -> ProbeResult:
    step, code = (Step.ANSWER, "eidas.invalid_answer") if reason else (None, None)
    return ProbeResult(
        target=target, at=BEGINNING + timedelta(minutes=minutes), reason=reason, step=step, code=code,
        steps={Step.PUSH: 5, Step.ANSWER: 7},
    )  # fmt: skip


async def test_history_gives_back_what_was_kept(bench: Bench) -> None:
    """By target, since a time, the oldest first."""
    history: ProbeHistory = bench.desk.history
    kept = [result(0), result(1, Reason.ANSWER_REFUSED), result(2)]
    for entry in (*kept, result(3, target="eidas.se")):
        history.add(entry)
    assert history.history("eidas.gr", BEGINNING) == kept
    assert history.history("eidas.gr", BEGINNING + timedelta(minutes=1)) == kept[1:]
    assert history.latest("eidas.gr") == kept[2]
    assert history.latest("eidas.bg") is None
    assert set(history.all_latest(["eidas.gr", "eidas.se", "eidas.bg"])) == {"eidas.gr", "eidas.se"}
    assert kept[2].milliseconds == 12


async def test_history_is_the_same_in_postgresql() -> None:
    """Numbers of its own, and the same answers."""
    with postgresql() as url:
        engine = open_database(url)
        migrate(engine)
        history = ProbeHistory(engine)
        for entry in (result(0), result(1, Reason.ANSWER_REFUSED), result(2, Reason.DEFECT)):
            history.add(entry)
        assert history.all_latest(["eidas.gr"]) == {"eidas.gr": result(2, Reason.DEFECT)}
        assert len(history.history("eidas.gr", BEGINNING)) == 3
        assert history.failing("eidas.gr") == 1
        history.forget(BEGINNING + timedelta(minutes=2))
        assert history.history("eidas.gr", BEGINNING) == [result(2, Reason.DEFECT)]
        engine.dispose()


async def test_two_failures_in_a_row_are_an_alarm_and_our_own_are_not_counted(bench: Bench) -> None:
    """For the watch: one may be a restart at the partner; our own fault says nothing of it."""
    history = bench.desk.history
    history.add(result(0))
    history.add(result(1, Reason.PARTNER_TIMEOUT))
    assert bench.desk.failing() == []
    history.add(result(2, Reason.GATEWAY_DOWN))
    assert bench.desk.failing() == []
    history.add(result(3, Reason.PARTNER_UNREACHABLE))
    (found,) = bench.desk.failing()
    assert (found.target.name, found.times, found.latest) == (
        "eidas.gr",
        2,
        result(3, Reason.PARTNER_UNREACHABLE),
    )
    history.add(result(4))
    assert bench.desk.failing() == []


async def test_results_are_forgotten_after_their_days(bench: Bench) -> None:
    """``[probes] keep_days``, 90 by default."""
    bench.desk.history.add(result(0))
    bench.now[0] = BEGINNING + timedelta(days=90)
    await bench.desk.forget()
    assert bench.desk.history.latest("eidas.gr") is not None
    bench.now[0] += timedelta(seconds=1)
    await bench.desk.forget()
    assert bench.desk.history.latest("eidas.gr") is None


async def test_no_registration_can_take_the_name_of_the_probe_client(tmp_path: Path) -> None:
    """Whatever bears it counts as a probe."""
    base, problems = configuration(tmp_path), Problems()
    taken = Located(file="registry/clients/x.toml", model=client(client_id="eid-gateway.probe"))
    check_clients([taken], ["eidas"], base.settings, tmp_path, problems)
    assert [(found.path, found.problem) for found in problems.found] == [
        ("client_id", "eid-gateway.probe is the gateway's own")
    ]


async def test_provider_knows_the_probe_client_only_where_something_is_probed(bench: Bench) -> None:
    """And the configuration itself, with its state hash and export, never does."""
    configured = bench.live.current.configuration
    assert set(clients_of(configured)) - set(configured.clients) == {"eid-gateway.probe"}
    assert clients_of(replace(configured, countries=())) == configured.clients
    assert set(targets(configured)) == {"eidas.gr", "eidas.se"}
