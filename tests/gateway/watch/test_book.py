"""What is remembered of alerts: once for all processes, and honest after clocks that were wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.settings.watch import Severity
from gateway.watch.alerts import LONGEST_PAUSE, UNSEEN, Alert, Delivery, News, Record, Told, clean, due, pause
from gateway.watch.book import CLAIM, KEPT, AlertBook, MemoryBook, refused, taken
from gateway.watch.database_book import ALERTS, DELIVERIES, DatabaseBook
from gateway.watch.words import Words
from tests.support.postgresql import postgresql
from trust.log import migrate, open_database

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
Books = Callable[[], AlertBook]


def alert(level: int = 0, severity: Severity = Severity.WARNING, key: str = "metadata/el") -> Alert:
    return Alert(
        key=key,
        kind="metadata-stale",
        severity=severity,
        level=level,
        values={"anchor": "el"},
        people=("a.b",),
    )


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Books]:
    """Each call is another process that looks at the same book (in memory there is only one process)."""
    if request.param == "memory":
        book = MemoryBook()
        yield lambda: book
        return
    if request.param == "postgresql":
        engine = open_database(request.getfixturevalue("postgresql_url"))
    else:
        engine = open_database(f"sqlite:///{tmp_path}/gateway.sqlite3")
    migrate(engine)
    yield lambda: DatabaseBook(engine)
    with engine.begin() as connection:
        connection.execute(sa.delete(ALERTS))
        connection.execute(sa.delete(DELIVERIES))
    engine.dispose()


def test_two_processes_that_see_the_same_alert_remember_it_once(books: Books) -> None:
    books().observe([alert()], NOW)
    books().observe([alert()], NOW + MINUTE)
    assert books().records() == (Record(alert=alert(), since=NOW, seen=NOW + MINUTE),)


def test_an_alert_is_over_when_nobody_has_seen_it_for_a_while(books: Books) -> None:
    """A process that does not see it (it has other peers in its memory) does not end it at once."""
    books().observe([alert()], NOW)
    books().observe([], NOW + UNSEEN)
    assert books().records()[0].resolved is None
    books().observe([], NOW + UNSEEN + MINUTE)
    assert books().records()[0].resolved == NOW + UNSEEN + MINUTE


def test_what_comes_back_begins_anew(books: Books) -> None:
    later = NOW + 2 * UNSEEN
    books().observe([alert()], NOW)
    books().observe([], later)
    books().observe([alert(1)], later + MINUTE)
    assert books().records() == (Record(alert=alert(1), since=later + MINUTE, seen=later + MINUTE),)


def test_what_is_over_is_forgotten_after_a_month(books: Books) -> None:
    books().observe([alert()], NOW)
    books().observe([], NOW + DAY)
    books().observe([], NOW + DAY + KEPT + MINUTE)
    assert books().records() == ()


def test_an_alert_seen_by_a_clock_in_the_future_does_not_stay(books: Books) -> None:
    """security.md D, clock jumps: back in the present, nobody sees it, so it is over."""
    books().observe([alert()], NOW + 400 * DAY)
    books().observe([], NOW)
    assert books().records()[0].resolved == NOW


def test_of_two_processes_only_one_may_tell_a_channel(books: Books) -> None:
    first = books().claim("k", "ops", None, NOW)
    assert first == Delivery(not_before=NOW + CLAIM, attempts=1)
    assert books().claim("k", "ops", None, NOW) is None
    books().settle("k", "ops", taken(first, Told.RAISED, 2, NOW))
    known = books().deliveries("ops")["k"]
    assert known == Delivery(told=Told.RAISED, level=2, sent=NOW)
    assert books().claim("k", "ops", known, NOW + DAY) is not None
    assert books().claim("k", "ops", known, NOW + DAY) is None
    assert books().deliveries("other") == {}


def test_a_claim_whose_process_died_runs_out(books: Books) -> None:
    claimed = books().claim("k", "ops", None, NOW)
    record = Record(alert=alert(), since=NOW, seen=NOW)
    assert due(record, claimed, now=NOW + MINUTE, repeat=DAY) is None
    assert due(record, claimed, now=NOW + CLAIM, repeat=DAY) is News.RAISED


class TestDue:
    RECORD = Record(alert=alert(), since=NOW, seen=NOW)
    SENT = Delivery(told=Told.RAISED, level=0, sent=NOW)

    def test_told_once_and_daily(self) -> None:
        assert due(self.RECORD, None, now=NOW, repeat=DAY) is News.RAISED
        assert due(self.RECORD, self.SENT, now=NOW + DAY - MINUTE, repeat=DAY) is None
        assert due(self.RECORD, self.SENT, now=NOW + DAY, repeat=DAY) is News.LASTING

    def test_worse_is_told_at_once(self) -> None:
        worse = Record(alert=alert(2), since=NOW, seen=NOW)
        assert due(worse, self.SENT, now=NOW + MINUTE, repeat=DAY) is News.RAISED

    def test_information_is_not_repeated(self) -> None:
        record = Record(alert=alert(severity=Severity.INFORMATION), since=NOW, seen=NOW)
        assert due(record, self.SENT, now=NOW + 30 * DAY, repeat=DAY) is None

    def test_the_end_is_told_once_to_whom_the_beginning_was_told(self) -> None:
        over = Record(alert=alert(), since=NOW, seen=NOW, resolved=NOW)
        assert due(over, self.SENT, now=NOW, repeat=DAY) is News.RESOLVED
        assert due(over, None, now=NOW, repeat=DAY) is None
        assert due(over, taken(self.SENT, Told.RESOLVED, 0, NOW), now=NOW, repeat=DAY) is None

    def test_a_channel_that_fails_is_asked_again_later_and_later(self) -> None:
        assert [pause(attempts) for attempts in (1, 2, 3, 99)] == [
            MINUTE,
            2 * MINUTE,
            4 * MINUTE,
            LONGEST_PAUSE,
        ]
        failed = refused(Delivery(attempts=3), NOW)
        assert due(self.RECORD, failed, now=NOW + 3 * MINUTE, repeat=DAY) is None
        assert due(self.RECORD, failed, now=NOW + 4 * MINUTE, repeat=DAY) is News.RAISED

    def test_what_a_clock_in_the_future_wrote_silences_nothing(self) -> None:
        """A year ahead for a minute must not mean a year without messages."""
        ahead = Delivery(told=Told.RAISED, sent=NOW + 365 * DAY)
        assert due(self.RECORD, ahead, now=NOW, repeat=DAY) is News.LASTING
        waiting = Delivery(not_before=NOW + 365 * DAY)
        assert due(self.RECORD, waiting, now=NOW, repeat=DAY) is News.RAISED


def test_what_a_peer_calls_itself_stays_on_one_line() -> None:
    assert clean("a\r\nBcc: x\u202eb") == "a\ufffd\ufffdBcc: x\ufffdb"
    assert len(clean("x" * 1000)) == 200
    record = Record(alert=Alert(key="k", kind="channel", severity=Severity.WARNING, values={
        "channel": clean("@no-such-text"), "reason": clean("@news.raised"), "since": "s"}), since=NOW, seen=NOW)  # fmt: skip
    assert "@no-such-text" in Words("en").title(record) + Words("en").explanation(record)
    assert "@news.raised" in Words("en").title(record) + Words("en").explanation(record)
