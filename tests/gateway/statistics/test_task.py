"""The counting as a task of the installation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.audit import Audit, DataReleased, JourneyOpened
from gateway.settings.operations import StatisticsSection
from gateway.statistics import Bucket, Dimension, Statistics, log_reader
from gateway.statistics.task import statistics_task
from trust.errors import LogUnavailable
from trust.log import AppendOnlyLog, migrate, open_database

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.anyio
async def test_the_task_counts_what_audit_has_written(tmp_path: Path) -> None:
    """From the real log to the figures; a second turn counts nothing again."""
    engine = open_database(f"sqlite:///{tmp_path / 'log.sqlite3'}")
    migrate(engine)
    log = AppendOnlyLog(open_database(f"sqlite:///{tmp_path / 'log.sqlite3'}"))
    log.start()
    await Audit(log).record(
        JourneyOpened(journey="AAAAAAAAAA", client="amt24", minimum="low"),
        DataReleased(journey="AAAAAAAAAA", client="amt24", level="high", attributes=()),
        now=NOON,
    )
    task = statistics_task(engine, StatisticsSection(), clock=lambda: NOON)
    assert (task.name, task.everywhere) == ("statistics", False)
    await task.run()
    await task.run()
    found = Statistics(engine).history(Dimension.CLIENT, since=NOON, until=NOON, bucket=Bucket.HOUR)
    assert found.by_outcome() == {"done": (1,)}
    log.stop()
    engine.dispose()


def test_a_log_that_cannot_be_read_ends_the_turn(tmp_path: Path) -> None:
    """The task is tried again at its next turn."""
    engine = open_database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    with pytest.raises(LogUnavailable):
        log_reader(engine)(0, 10)
    engine.dispose()
