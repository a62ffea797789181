"""Counts of logins: one outcome a journey, counted once whatever happens (docs/security-admin.md, figures)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from gateway.client_settings import PROBE_CLIENT
from gateway.statistics import Bucket, Dimension, Outcome, RollUp, Statistics, StatisticsUnavailable
from gateway.statistics.tables import COUNTS, JOURNEYS
from tests.support.migrated import migrate
from tests.support.postgresql import postgresql
from trust.log import Entry, open_database, timestamp
from trust.registry import ObjectKey, ObjectKind, State
from trust.registry.objects import RegistryObject

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Log:
    """Entries as the log gives them out."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, at: datetime, event: str, **body: object) -> None:
        entry = Entry(
            seq=len(self.entries) + 1, time=timestamp(at), event=event, body=json.dumps(body), hash=b""
        )
        self.entries.append(entry)

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        return [entry for entry in self.entries if entry.seq > after][:limit]

    def opened(self, journey: str, at: datetime = NOON, *, client: str = "amt24") -> None:
        self.write(at, "JourneyOpened", journey=journey, client=client, minimum="low")

    def begun(
        self, journey: str, at: datetime = NOON, *, country: str | None, connector: str = "eidas"
    ) -> None:
        self.write(
            at, "ExchangeStarted", journey=journey, client="amt24", connector=connector, country=country
        )

    def accepted(
        self, journey: str, at: datetime = NOON, *, country: str = "GR", connector: str = "eidas"
    ) -> None:
        self.write(
            at, "IdentityAccepted", journey=journey, client="amt24", connector=connector, country=country,
            level="substantial",
        )  # fmt: skip

    def released(self, journey: str, at: datetime = NOON) -> None:
        self.write(at, "DataReleased", journey=journey, client="amt24", level="substantial", attributes=[])

    def ended(self, journey: str, code: str, at: datetime = NOON) -> None:
        self.write(at, "JourneyEnded", journey=journey, client="amt24", code=code)

    def login(
        self, journey: str, at: datetime = NOON, *, country: str = "GR", connector: str = "eidas"
    ) -> None:
        self.opened(journey, at)
        self.begun(journey, at, country=country, connector=connector)
        self.accepted(journey, at, country=country, connector=connector)
        self.released(journey, at)
        self.write(at, "TokenIssued", journey=journey, client="amt24", level="substantial")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'log.sqlite3'}"
    else:
        url = request.getfixturevalue("server")
    opened = open_database(url)
    with opened.begin() as connection:
        if opened.name == "postgresql":
            connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))
    migrate(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def log() -> Log:
    return Log()


def cells(engine: sa.Engine) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = {}
    with engine.connect() as connection:
        for row in connection.execute(sa.select(COUNTS)):
            key = row.dimension, row.value, row.outcome
            found[key] = found.get(key, 0) + row.count
    return found


def outcomes(engine: sa.Engine, dimension: str = "client") -> dict[tuple[str, str], int]:
    return {(value, outcome): n for (under, value, outcome), n in cells(engine).items() if under == dimension}


def test_a_login_counts_once_under_each_heading(engine: sa.Engine, log: Log) -> None:
    """Country, connector, level and client apart: never two of them in one cell."""
    log.login("AAAAAAAAAA")
    assert RollUp(engine, log.read).run(now=NOON) == 5
    assert cells(engine) == {
        ("client", "amt24", "done"): 1,
        ("connector", "eidas", "done"): 1,
        ("country", "GR", "done"): 1,
        ("level", "substantial", "done"): 1,
    }
    with engine.connect() as connection:
        assert connection.execute(sa.select(JOURNEYS)).all() == []


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("journey.cancelled", "cancelled"),
        ("eidas.cancelled", "cancelled"),
        ("account.cancelled", "cancelled"),
        ("eid.cancelled", "cancelled"),
        ("journey.refused", "refused"),
        ("journey.timed_out", "expired"),
        ("eidas.invalid_answer", "failed"),
        ("choice.down", "failed"),
    ],
)
def test_an_end_without_data_is_told_by_its_code(code: str, outcome: str, tmp_path: Path, log: Log) -> None:
    """``JourneyEnded`` of audit-events.md."""
    engine = open_database(f"sqlite:///{tmp_path / 'log.sqlite3'}")
    migrate(engine)
    log.opened("AAAAAAAAAA")
    log.begun("AAAAAAAAAA", country="GR")
    log.ended("AAAAAAAAAA", code)
    RollUp(engine, log.read).run(now=NOON)
    assert outcomes(engine, "country") == {("GR", outcome): 1}
    engine.dispose()


def test_every_code_that_is_told_apart_is_in_the_catalogue() -> None:
    """A renamed code would silently count as failed."""
    from gateway.errors import CATALOGUE
    from gateway.login import account_errors, eid_errors, errors  # noqa: F401 - declare their codes
    from gateway.statistics import outcomes as told

    assert all(CATALOGUE[code] for code in told._CODES)
    assert [e.code for e in CATALOGUE if e.code.endswith("cancelled")] == [
        code for code, outcome in sorted(told._CODES.items(), key=lambda pair: CATALOGUE[pair[0]].number)
        if outcome is Outcome.CANCELLED
    ]  # fmt: skip


def test_a_probe_login_counts_nowhere(engine: sa.Engine, log: Log) -> None:
    """Nobody logged in: the gateway did it itself, with a test identity."""
    log.opened("PPPPPPPPPP", client=PROBE_CLIENT)
    log.begun("PPPPPPPPPP", country="GR")
    log.accepted("PPPPPPPPPP", country="GR")
    log.released("PPPPPPPPPP")
    RollUp(engine, log.read).run(now=NOON)
    assert cells(engine) == {}


def test_of_several_exchanges_the_last_one_counts(engine: sa.Engine, log: Log) -> None:
    """A citizen who fails with one means and succeeds with another is done, once."""
    log.opened("AAAAAAAAAA")
    log.begun("AAAAAAAAAA", country="GR")
    log.write(NOON, "ExchangeFailed", journey="AAAAAAAAAA", code="eidas.cancelled", country="GR")
    log.begun("AAAAAAAAAA", country=None, connector="bundid")
    log.accepted("AAAAAAAAAA", country="DE", connector="bundid")
    log.released("AAAAAAAAAA")
    RollUp(engine, log.read).run(now=NOON)
    assert outcomes(engine, "country") == {("DE", "done"): 1}
    assert outcomes(engine, "connector") == {("bundid", "done"): 1}
    assert outcomes(engine) == {("amt24", "done"): 1}


def test_a_session_counts_for_client_and_level_only(engine: sa.Engine, log: Log) -> None:
    """No country was asked: ``SessionUsed`` comes with ``DataReleased`` and without an exchange."""
    log.write(NOON, "SessionUsed", journey="AAAAAAAAAA", client="amt24", sid="x")
    log.released("AAAAAAAAAA")
    RollUp(engine, log.read).run(now=NOON)
    assert cells(engine) == {("client", "amt24", "done"): 1, ("level", "substantial", "done"): 1}


def test_a_journey_that_nobody_ends_expires_and_counts_once(engine: sa.Engine, log: Log) -> None:
    """Also if an end comes later all the same, for example after a clock was set."""
    log.opened("AAAAAAAAAA")
    log.begun("AAAAAAAAAA", country="GR")
    rollup = RollUp(engine, log.read)
    rollup.run(now=NOON + HOUR)
    assert cells(engine) == {}
    rollup.run(now=NOON + 3 * HOUR)
    log.ended("AAAAAAAAAA", "journey.cancelled", NOON + 4 * HOUR)
    rollup.run(now=NOON + 4 * HOUR)
    assert outcomes(engine, "country") == {("GR", "expired"): 1}
    assert outcomes(engine) == {("amt24", "expired"): 1}


def test_a_roll_up_that_is_late_does_not_take_the_past_for_silence(engine: sa.Engine, log: Log) -> None:
    """The database was away for a day; the journeys went on in the log."""
    log.opened("AAAAAAAAAA")
    log.released("AAAAAAAAAA", NOON + 5 * MINUTE)
    rollup = RollUp(engine, log.read)
    assert rollup.step(now=NOON + DAY, limit=1) == (1, True)
    rollup.run(now=NOON + DAY)
    assert outcomes(engine) == {("amt24", "done"): 1}


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_steps_of_any_size_count_the_same(limit: int, engine: sa.Engine, log: Log) -> None:
    """A journey may lie across steps."""
    for number in range(4):
        log.login(f"AAAAAAAAA{number}", NOON + number * MINUTE)
    rollup = RollUp(engine, log.read)
    while rollup.step(now=NOON + HOUR, limit=limit)[1]:
        pass
    assert outcomes(engine, "country") == {("GR", "done"): 4}
    assert rollup.position() == 20


def test_two_processes_with_the_same_step_count_it_once(engine: sa.Engine, log: Log) -> None:
    """The second finds the position moved and takes nothing."""
    log.login("AAAAAAAAAA")

    class Overtaken(Log):
        def read(self, after: int, limit: int) -> Sequence[Entry]:
            entries = log.read(after, limit)
            if not after:
                RollUp(engine, log.read).run(now=NOON)
            return entries

    assert RollUp(engine, Overtaken().read).step(now=NOON) == (0, True)
    assert RollUp(engine, Overtaken().read).run(now=NOON) == 0
    assert outcomes(engine) == {("amt24", "done"): 1}


def test_many_processes_at_once_count_each_entry_once(engine: sa.Engine, log: Log) -> None:
    """No lease is needed for that: it only saves work."""
    for number in range(30):
        log.login(f"AAAAAAAA{number:02}")

    def work() -> None:
        rollup = RollUp(engine, log.read)
        while rollup.step(now=NOON, limit=7)[1]:
            pass

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes(engine) == {("amt24", "done"): 30}


def test_a_crash_in_the_middle_of_a_step_leaves_nothing_of_it(
    engine: sa.Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Position and counts are both old or both new."""
    from gateway.statistics import rollup as module

    log.login("AAAAAAAAAA")
    rollup = RollUp(engine, log.read)
    with monkeypatch.context() as patch:

        def crash(*_: object) -> None:
            raise RuntimeError("power cut")

        patch.setattr(module, "_add", crash)
        with pytest.raises(RuntimeError, match="power cut"):
            rollup.step(now=NOON)
    assert rollup.position() == 0
    rollup.run(now=NOON)
    assert outcomes(engine) == {("amt24", "done"): 1}


def test_an_entry_in_no_form_of_ours_is_passed_over(engine: sa.Engine, log: Log) -> None:
    """Somebody wrote into the log; verifying it is another's business, and the counts go on."""
    log.entries.append(Entry(seq=1, time="yesterday", event="JourneyOpened", body="{}", hash=b""))
    log.entries.append(Entry(seq=2, time=timestamp(NOON), event="JourneyOpened", body="no JSON", hash=b""))
    log.write(NOON, "JourneyOpened", journey=["no", "text"], client=7)
    log.login("AAAAAAAAAA")
    assert RollUp(engine, log.read).run(now=NOON) == 8
    assert outcomes(engine) == {("amt24", "done"): 1}


def test_old_hours_become_days_and_very_old_ones_go(engine: sa.Engine, log: Log) -> None:
    """Hours tell more about single people than days do; nothing is lost for a chart by the day."""
    for number, at in enumerate((NOON, NOON + HOUR, NOON + 11 * HOUR, NOON + 40 * DAY)):
        log.login(f"AAAAAAAAA{number}", at)
    rollup, figures = RollUp(engine, log.read), Statistics(engine)
    rollup.run(now=NOON + 40 * DAY)
    rollup.run(now=NOON + 40 * DAY)
    with engine.connect() as connection:
        kept = connection.execute(
            sa.select(COUNTS.c.hour, COUNTS.c.count)
            .where(COUNTS.c.dimension == "country")
            .order_by(COUNTS.c.hour)
        ).all()
    # 11 hours after noon of UTC is the next day in Germany
    assert [tuple(row) for row in kept] == [
        ("2026-11-22T23:00Z", 2),
        ("2026-11-23T23:00Z", 1),
        ("2027-01-02T12:00Z", 1),
    ]
    history = figures.history(Dimension.COUNTRY, since=NOON, until=NOON + DAY, bucket=Bucket.DAY)
    assert history.counts == {("GR", Outcome.DONE): (2, 1)}
    rollup.run(now=NOON + 1200 * DAY)
    assert cells(engine) == {}


def test_a_history_has_no_gaps(engine: sa.Engine, log: Log) -> None:
    log.login("AAAAAAAAAA", NOON - 2 * HOUR)
    log.login("BBBBBBBBBB", NOON)
    log.login("CCCCCCCCCC", NOON, country="EE")
    log.opened("DDDDDDDDDD", NOON)
    log.begun("DDDDDDDDDD", NOON, country="EE")
    log.ended("DDDDDDDDDD", "eidas.invalid_answer", NOON)
    RollUp(engine, log.read).run(now=NOON)
    history = Statistics(engine).history(
        Dimension.COUNTRY, since=NOON - 3 * HOUR, until=NOON, bucket=Bucket.HOUR
    )
    assert len(history.starts) == 4
    assert history.counts == {
        ("GR", Outcome.DONE): (0, 1, 0, 1),
        ("EE", Outcome.DONE): (0, 0, 0, 1),
        ("EE", Outcome.FAILED): (0, 0, 0, 1),
    }
    assert history.by_outcome() == {"done": (0, 1, 0, 2), "failed": (0, 0, 0, 1)}


def test_days_of_a_history_are_those_of_germany_also_when_the_clocks_change(engine: sa.Engine) -> None:
    """2026-10-25 has 25 hours."""
    history = Statistics(engine).history(
        Dimension.LEVEL,
        since=datetime(2026, 10, 24, 22, tzinfo=UTC),
        until=datetime(2026, 10, 27, 10, tzinfo=UTC),
        bucket=Bucket.DAY,
    )
    assert [f"{start:%d %H}" for start in history.starts] == ["24 22", "25 23", "26 23"]


def test_the_last_login_is_that_of_the_last_data(engine: sa.Engine, log: Log) -> None:
    log.login("AAAAAAAAAA", NOON - 5 * HOUR)
    log.opened("BBBBBBBBBB", NOON)
    log.begun("BBBBBBBBBB", NOON, country="GR")
    log.ended("BBBBBBBBBB", "eidas.invalid_answer", NOON)
    RollUp(engine, log.read).run(now=NOON)
    figures = Statistics(engine)
    assert figures.last_login(Dimension.COUNTRY, "GR") == NOON - 5 * HOUR
    assert figures.last_login(Dimension.CONNECTOR, "eidas") == NOON - 5 * HOUR
    assert figures.last_login(Dimension.COUNTRY, "EE") is None
    assert figures.last_logins(Dimension.COUNTRY) == {"GR": NOON - 5 * HOUR}


def test_the_last_day_is_compared_with_the_same_hours_a_week_before(engine: sa.Engine, log: Log) -> None:
    log.login("AAAAAAAAAA", NOON - 8 * DAY)  # too early by an hour: 24 hours end with the current one
    log.login("BBBBBBBBBB", NOON - 7 * DAY)
    log.login("CCCCCCCCCC", NOON - 3 * DAY)
    log.login("DDDDDDDDDD", NOON - 23 * HOUR)
    log.opened("EEEEEEEEEE", NOON)
    log.ended("EEEEEEEEEE", "journey.cancelled", NOON)
    RollUp(engine, log.read).run(now=NOON)
    compared = Statistics(engine).day_against_week(now=NOON)
    assert compared.now == {
        "done": 1, "cancelled": 1, "refused": 0, "failed": 0, "expired": 0,
    }  # fmt: skip
    assert compared.before == {"done": 1, "cancelled": 0, "refused": 0, "failed": 0, "expired": 0}


def test_a_change_is_told_the_logins_of_thirty_days_that_it_touches(engine: sa.Engine, log: Log) -> None:
    """security.md D.7: an anchor touches its countries, the others themselves; an approver nothing."""
    log.login("AAAAAAAAAA", NOON - 31 * DAY)
    log.login("BBBBBBBBBB", NOON - 29 * DAY)
    log.login("CCCCCCCCCC", NOON, country="EE")
    log.opened("DDDDDDDDDD", NOON)
    log.begun("DDDDDDDDDD", NOON, country="EE")
    log.ended("DDDDDDDDDD", "eidas.cancelled", NOON)
    RollUp(engine, log.read).run(now=NOON)
    anchor = ObjectKey(ObjectKind.ANCHOR, "nodes")
    country = ObjectKey(ObjectKind.COUNTRY, "eidas.gr")
    client, connector = ObjectKey(ObjectKind.CLIENT, "amt24"), ObjectKey(ObjectKind.CONNECTOR, "eidas")
    state = State().with_objects(
        [
            (
                anchor,
                RegistryObject(key=anchor, document={"settings": {"countries": ["GR", "EE"]}, "files": {}}),
            )
        ]
    )
    found = Statistics(engine).affected(
        [anchor, country, client, connector, ObjectKey(ObjectKind.APPROVER, "a.beispiel")], state, now=NOON
    )
    assert [(str(line.key), line.values, line.logins.all, line.logins.done) for line in found] == [
        ("anchor/nodes", ("GR", "EE"), 3, 2),
        ("country/eidas.gr", ("GR",), 1, 1),
        ("client/amt24", ("amt24",), 3, 2),
        ("connector/eidas", ("eidas",), 3, 2),
    ]


def test_without_a_database_the_statistics_say_so(tmp_path: Path, log: Log) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    with pytest.raises(StatisticsUnavailable):
        RollUp(engine, log.read).run(now=NOON)
    with pytest.raises(StatisticsUnavailable):
        Statistics(engine).last_login(Dimension.COUNTRY, "GR")
    engine.dispose()
