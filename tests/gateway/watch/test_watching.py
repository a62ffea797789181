"""Rounds of several processes: told once, to each channel, whatever is away."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import anyio
import pytest
import sqlalchemy as sa

from gateway.settings.watch import Severity
from gateway.store import Store, StoreUnavailable
from gateway.watch.alerts import UNSEEN, Alert, News, Notice
from gateway.watch.channels import Channel, ChannelFailed, Personal, Severe
from gateway.watch.database_book import DatabaseBook
from gateway.watch.observation import Failing, Observation
from gateway.watch.watching import Watch
from tests.support.migrated import migrate
from trust.log import open_database

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
STORE_AWAY = ("raised", "store@n")

pytestmark = pytest.mark.anyio


@dataclass
class World:
    """What all processes see, one clock, and the store's leases."""

    now: datetime = NOW
    seen: Observation = field(default_factory=lambda: Observation(node="n", now=NOW))
    leases: dict[str, datetime] = field(default_factory=dict)
    store_away: bool = False

    async def look(self, channels: Mapping[str, Failing]) -> Observation:
        return replace(self.seen, now=self.now, channels=channels)

    async def lease(self, name: str, *, seconds: float) -> bool:
        if self.store_away:
            raise StoreUnavailable(OSError())
        if self.leases.get(name, self.now) > self.now:
            return False
        self.leases[name] = self.now + timedelta(seconds=seconds)
        return True


@dataclass
class Box:
    """A channel that remembers; ``reason``: why it takes nothing."""

    got: list[list[tuple[str, str]]] = field(default_factory=list)
    reason: str = ""

    def deliver(self, notices: Sequence[Notice], now: datetime) -> None:
        if self.reason:
            raise ChannelFailed(self.reason)
        self.got.append([(notice.news.value, notice.record.alert.key) for notice in notices])


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    opened = open_database(f"sqlite:///{tmp_path}/gateway.sqlite3?timeout=1")
    migrate(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def box() -> Box:
    return Box()


def channel(box: Box, name: str = "ops", minimum: Severity = Severity.INFORMATION) -> Channel:
    return Severe(name, minimum, box.deliver)


def process(world: World, engine: sa.Engine, *channels: Channel) -> Watch:
    return Watch(
        look=world.look,
        book=DatabaseBook(engine),
        channels=channels,
        store=cast("Store", world),
        clock=lambda: world.now,
        repeat=DAY,
    )


async def rounds(world: World, *watches: Watch, minutes: int = 1) -> None:
    for _ in range(minutes):
        for watch in watches:
            await watch.round()
        world.now += MINUTE


async def test_a_receiver_that_never_ends_uses_up_one_thread_and_no_other_channel(
    world: World, engine: sa.Engine, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tarpit in the place of the mail server: each attempt would hold a thread that logins need."""
    monkeypatch.setattr("gateway.watch.watching._SENDING_SECONDS", 0.05)
    begun, end = [], threading.Event()

    def never(notices: Sequence[Notice], now: datetime) -> None:
        begun.append(now)
        end.wait(20)

    stuck = Severe("stuck", Severity.INFORMATION, never)
    watch = process(world, engine, stuck, channel(box))
    world.seen = replace(world.seen, store="store.unavailable")
    await rounds(world, watch, minutes=6)
    assert len(begun) == 1
    assert box.got[0] == [STORE_AWAY]
    failing = watch.delivered["stuck"].failing
    assert failing is not None
    assert (failing.reason, failing.times > 1) == ("timeout", True)
    end.set()


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("alerts", "alert", "[]"), ("alerts", "seen", "today"), ("alert_deliveries", "sent", "2026-01-01")],
)
async def test_damaged_row_silences_nobody(
    world: World, engine: sa.Engine, box: Box, table: str, column: str, value: str
) -> None:
    """One row that cannot be read would keep every process from telling anything."""
    watch = process(world, engine, channel(box))
    world.seen = replace(world.seen, store="store.unavailable")
    await rounds(world, watch)
    damaged = sa.table(table, sa.column(column))
    with engine.begin() as connection:
        connection.execute(sa.update(damaged).values({column: value}))
    world.seen = replace(world.seen, database="OperationalError")
    await rounds(world, watch, minutes=2)
    assert "database@n" in {key for got in box.got for _, key in got}


async def test_many_processes_tell_once_daily_and_when_it_is_over(
    world: World, engine: sa.Engine, box: Box
) -> None:
    both = [process(world, engine, channel(box)) for _ in range(2)]
    world.seen = replace(world.seen, store="store.unavailable")
    await rounds(world, *both, minutes=3)
    assert box.got == [[STORE_AWAY]]
    world.now = NOW + DAY
    await rounds(world, *both, minutes=3)
    assert box.got[1:] == [[("lasting", "store@n")]]
    world.seen = replace(world.seen, store=None)
    await rounds(world, *both, minutes=int(UNSEEN / MINUTE) + 3)
    assert box.got[2:] == [[("resolved", "store@n")]]


async def test_what_comes_together_is_one_message(world: World, engine: sa.Engine, box: Box) -> None:
    world.seen = replace(world.seen, store="s", keys={"a": "x", "b": "x"})
    await rounds(world, process(world, engine, channel(box)))
    assert [len(message) for message in box.got] == [3]


async def test_a_channel_that_fails_stops_no_other_and_is_told_of_there(
    world: World, engine: sa.Engine, box: Box
) -> None:
    bad = Box(reason="fetch.status")
    watch = process(world, engine, channel(bad, "hook"), channel(box))
    world.seen = replace(world.seen, store="s")
    await rounds(world, watch, minutes=5)
    assert box.got == [[STORE_AWAY], [("raised", "channel/hook")]]
    assert watch.failing()["hook"].reason == "fetch.status"
    assert (watch.delivered["hook"].sent, watch.delivered["ops"].sent) == (0, 2)
    bad.reason = ""
    await rounds(world, watch, minutes=12)
    assert bad.got == [[STORE_AWAY]]
    assert box.got[2:] == [[("resolved", "channel/hook")]]
    assert watch.failing() == {}


async def test_a_channel_that_fails_is_not_asked_every_round(world: World, engine: sa.Engine) -> None:
    bad = Box(reason="fetch.timeout")
    watch = process(world, engine, channel(bad))
    world.seen = replace(world.seen, store="s")
    await rounds(world, watch, minutes=60)
    assert watch.delivered["ops"].failed < 12


async def test_a_defect_in_one_channel_stops_no_other(world: World, engine: sa.Engine, box: Box) -> None:
    def defect(notices: Sequence[Notice], now: datetime) -> None:
        raise ZeroDivisionError

    world.seen = replace(world.seen, store="s")
    await rounds(world, process(world, engine, Severe("x", Severity.INFORMATION, defect), channel(box)))
    assert box.got == [[STORE_AWAY]]


async def test_severities_and_people_get_what_is_theirs(
    world: World, engine: sa.Engine, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    bert, clara = Box(), Box()
    waiting = Alert(
        key="proposal/1", kind="proposal-pending", severity=Severity.WARNING, people=("b.muster",)
    )
    monkeypatch.setattr("gateway.watch.watching.alerts", lambda seen: (waiting,) if seen.store else ())
    watch = process(
        world,
        engine,
        channel(box, minimum=Severity.CRITICAL),
        Personal("b.muster", bert.deliver),
        Personal("c.probe", clara.deliver),
    )
    world.seen = replace(world.seen, store="s")
    await rounds(world, watch)
    world.seen = replace(world.seen, store=None)
    await rounds(world, watch, minutes=8)
    assert (box.got, clara.got) == ([], [])
    assert bert.got == [[("raised", "proposal/1")]]


async def test_without_the_database_alerts_go_out_from_memory_once(
    world: World, engine: sa.Engine, box: Box
) -> None:
    """Of two processes, one sends; when the database is back, nothing is told a second time without need."""
    both = [process(world, engine, channel(box)) for _ in range(2)]
    world.seen = replace(world.seen, database="OperationalError")
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE alerts RENAME TO away"))
    await rounds(world, *both, minutes=5)
    assert box.got == [[("raised", "database@n")]]
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO alerts"))
    world.seen = replace(world.seen, database=None)
    await rounds(world, *both, minutes=9)
    assert box.got[1:] == [[("resolved", "database@n")]]
    assert [watch.memory.records() for watch in both] == [(), ()]


async def test_a_database_that_is_locked_for_a_while_makes_nobody_repeat_anything(
    world: World, engine: sa.Engine, box: Box
) -> None:
    both = [process(world, engine, channel(box)) for _ in range(2)]
    world.seen = replace(world.seen, store="s", keys={"k": "r"})
    await rounds(world, *both, minutes=2)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE alerts RENAME TO away"))
    await rounds(world, *both, minutes=3)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO alerts"))
    await rounds(world, *both, minutes=3)
    assert box.got == [[("raised", "key/k@n"), STORE_AWAY]]


async def test_without_database_and_store_each_process_speaks_for_itself(
    world: World, engine: sa.Engine, box: Box
) -> None:
    """Better twice than not at all."""
    both = [process(world, engine, channel(box)) for _ in range(2)]
    world.store_away = True
    world.seen = replace(world.seen, database="x", store="y")
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE alerts"))
    await rounds(world, *both, minutes=5)
    assert len(box.got) == 2


async def test_a_database_file_that_was_removed_is_not_made_anew(
    world: World, engine: sa.Engine, box: Box, tmp_path: Path
) -> None:
    watch = process(world, engine, channel(box))
    engine.dispose()
    shutil.rmtree(tmp_path)
    await anyio.Path(tmp_path).mkdir()
    world.seen = replace(world.seen, database="FileNotFoundError")
    await rounds(world, watch, minutes=2)
    assert box.got == [[("raised", "database@n")]]
    assert [found async for found in anyio.Path(tmp_path).iterdir()] == []


async def test_a_clock_that_jumps_silences_nothing_for_long(
    world: World, engine: sa.Engine, box: Box
) -> None:
    """security.md D: clock jumps."""
    watch = process(world, engine, channel(box))
    world.seen = replace(world.seen, store="s")
    world.now = NOW + 365 * DAY
    await rounds(world, watch)
    world.now = NOW
    await rounds(world, watch, minutes=3)
    assert [news for [(news, _)] in box.got] == [News.RAISED, News.LASTING]
