"""The counting of logins as a task of the installation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from gateway.background import Task
from gateway.settings.operations import StatisticsSection
from gateway.statistics.rollup import RollUp, log_reader

SECONDS = 20.0


def statistics_task(engine: sa.Engine, section: StatisticsSection, *, clock: Callable[[], datetime]) -> Task:
    """Brings the counts up to date; once in the installation, though more would count the same."""
    rollup = RollUp(
        engine,
        log_reader(engine),
        hours_kept=timedelta(days=section.hours_days),
        kept=timedelta(days=section.keep_days),
    )

    async def run() -> None:
        await asyncio.to_thread(partial(rollup.run, now=clock()))

    return Task(name="statistics", seconds=SECONDS, run=run)
