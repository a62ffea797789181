"""The durable, chained log (security.md D.8; design.md §3 invariant 6)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from gateway import audit
from gateway.audit import Audit, AuditUnavailable, JourneyOpened
from trust.log import AppendOnlyLog, LogBroken, LogUnavailable, canonical_json, migrate, open_database

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "audit.sqlite3"


def opened(path: Path, *, patience: float = 0.2) -> AppendOnlyLog:
    engine = open_database(f"sqlite:///{path}?timeout={patience}")
    migrate(engine)
    log = AppendOnlyLog(engine)
    log.start()
    return log


@pytest.fixture
def log(path: Path) -> Iterator[AppendOnlyLog]:
    running = opened(path)
    yield running
    running.stop()


def write(log: AppendOnlyLog, count: int, event: str = "Example") -> None:
    for number in range(count):
        log.append(event, {"number": number}, now=NOW).result(timeout=60)


def change(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def test_entries_are_durable_in_order_and_chained(log: AppendOnlyLog) -> None:
    write(log, 5)
    assert [entry.body for entry in log.entries()] == [f'{{"number":{number}}}' for number in range(5)]
    assert log.verify() == 5


@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        ("UPDATE log SET body = '{\"number\":9}' WHERE seq = 3", 3),
        ("UPDATE log SET time = '2020-01-01T00:00:00.000000Z' WHERE seq = 2", 2),
        ("UPDATE log SET event = 'Other' WHERE seq = 5", 5),
        ("DELETE FROM log WHERE seq = 4", 4),
        ("UPDATE log SET seq = CASE seq WHEN 2 THEN 30 ELSE 20 END WHERE seq IN (2, 3)", 2),
        ("DELETE FROM log WHERE seq = 1", 1),
    ],
)
def test_verification_names_the_first_entry_that_was_touched(
    log: AppendOnlyLog, path: Path, statement: str, first_bad: int
) -> None:
    """security.md D.8: change, delete, reorder."""
    write(log, 5)
    change(path, statement)
    with pytest.raises(LogBroken) as caught:
        log.verify()
    assert caught.value.seq == first_bad


def test_several_writers_share_one_chain(path: Path) -> None:
    """Worker processes append to the same file; the chain has no fork."""
    logs = [opened(path, patience=30) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda log: write(log, 20), logs))
    assert logs[0].verify() == 60
    for log in logs:
        log.stop()


def test_a_database_that_cannot_be_written_is_said_and_comes_back(log: AppendOnlyLog, path: Path) -> None:
    write(log, 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LogUnavailable):
        log.append("Example", {}, now=NOW).result(timeout=10)
    with pytest.raises(LogUnavailable):
        log.check()
    other.execute("ROLLBACK")
    other.close()
    write(log, 1)
    log.check()
    assert log.verify() == 2


def test_a_database_file_that_is_gone_is_said_and_comes_back(log: AppendOnlyLog, path: Path) -> None:
    """design.md §3 invariant 6: an entry in a file that nobody will find again is not durable."""
    write(log, 2)
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    away = path.with_suffix(".away")
    path.rename(away)
    with pytest.raises(LogUnavailable):
        log.append("Example", {}, now=NOW).result(timeout=10)
    with pytest.raises(LogUnavailable):
        log.check()
    assert not path.exists(), "a second chain was begun"
    away.rename(path)
    write(log, 1)
    log.check()
    assert log.verify() == 3


def test_the_chain_goes_on_in_a_file_that_took_the_place_of_another(log: AppendOnlyLog, path: Path) -> None:
    """A restored backup: entries belong there, not into the file that was unlinked."""
    write(log, 3)
    with sqlite3.connect(path) as source, sqlite3.connect(path.with_suffix(".copy")) as copy:
        source.backup(copy)
    source.close()
    copy.close()
    for leftover in path.parent.glob(f"{path.name}-*"):
        leftover.unlink()
    path.with_suffix(".copy").rename(path)
    write(log, 1)
    again = opened(path)
    assert again.verify() == 4
    again.stop()


def test_whoever_stops_waiting_does_not_end_the_log(log: AppendOnlyLog) -> None:
    """A request that is cancelled while its entry is queued leaves the writer alive for all others."""
    for _ in range(50):
        log.append("Example", {}, now=NOW).cancel()
    write(log, 1)
    log.check()
    assert log.verify() >= 1


def test_stopping_writes_what_is_queued(path: Path) -> None:
    log = opened(path)
    pending = [log.append("Example", {"number": number}, now=NOW) for number in range(200)]
    log.stop()
    assert all(future.done() and future.exception() is None for future in pending)
    again = opened(path)
    assert again.verify() == 200
    again.stop()


def test_the_log_is_migrated_twice_without_harm(path: Path) -> None:
    log = opened(path)
    write(log, 1)
    log.stop()
    log = opened(path)
    assert log.verify() == 1
    log.stop()


@pytest.mark.anyio
async def test_an_event_that_cannot_be_stored_is_a_503(log: AppendOnlyLog, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(AuditUnavailable) as caught:
        await Audit(log).record(JourneyOpened(journey="J", client="c", minimum="low"), now=NOW)
    assert caught.value.entry.http_status == 503
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.anyio
async def test_what_nobody_waits_for_is_written_before_the_next_entry(log: AppendOnlyLog) -> None:
    """In the order in which it happened, in the same commit; alone within a second, or at the end."""
    await log.note([("First", {})], now=NOW)
    assert list(log.entries()) == []
    await log.write([("Second", {}), ("Third", {})], now=NOW)
    assert [entry.event for entry in log.entries()] == ["First", "Second", "Third"]
    await log.note([("Fourth", {})], now=NOW)
    log.flush()
    assert log.verify() == 4


@pytest.mark.anyio
async def test_what_rides_along_is_written_at_the_end(path: Path) -> None:
    log = opened(path)
    await log.note([("Last", {})], now=NOW)
    log.stop()
    log = opened(path)
    assert [entry.event for entry in log.entries()] == ["Last"]
    log.stop()


@pytest.mark.anyio
async def test_whoever_is_cancelled_does_not_take_an_entry_back(log: AppendOnlyLog) -> None:
    """The request is gone, what it began to write is not."""
    writing = [asyncio.create_task(log.write([("Example", {})], now=NOW)) for _ in range(20)]
    await asyncio.sleep(0)
    for task in writing:
        task.cancel()
    await asyncio.gather(*writing, return_exceptions=True)
    await log.write([("Example", {})], now=NOW)
    assert log.verify() == 21


def test_bodies_are_canonical_json() -> None:
    """RFC 8785 for what bodies may hold."""
    assert canonical_json({"b": [1, True, None], "a": "ä\n"}) == '{"a":"ä\\n","b":[1,true,null]}'
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json({"a": float("nan")})
    with pytest.raises(TypeError):
        canonical_json({"a": b"octets"})


def test_every_event_and_every_field_of_it_says_what_it_holds() -> None:
    """style.md §10: every audit event is documented."""
    events = get_args(audit.Event)
    assert len(set(events)) == len(events) > 29
    for event in events:
        assert event.__doc__
        assert not event.__doc__.startswith(f"{event.__name__}(")
        assert fields(event)


def test_what_is_noted_is_never_dropped_for_want_of_room(path: Path) -> None:
    """A flood of openings faster than the disk: from a thousand on they wait, as everything else does."""
    engine = open_database(f"sqlite:///{path}")
    migrate(engine)
    log = AppendOnlyLog(engine)

    async def flood() -> None:
        for number in range(1200):
            noting = asyncio.ensure_future(log.note([("Example", {"number": number})], now=NOW))
            await asyncio.sleep(0)
            if not noting.done():
                log.start()
                await noting

    asyncio.run(flood())
    log.flush()
    assert [entry.body for entry in log.entries()] == [f'{{"number":{n}}}' for n in range(1200)]
    log.stop()
