"""The schema of a database as the migrations leave it, made once a process: they take longer than many a test."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache

import sqlalchemy as sa

from trust import log


def migrate(engine: sa.Engine) -> None:
    """What ``trust.log.migrate`` does, for an empty SQLite database as a copy; else it is called."""
    if engine.dialect.name != "sqlite" or sa.inspect(engine).get_table_names():
        log.migrate(engine)
        return
    connection = engine.raw_connection()
    with closing(connection):
        target = connection.driver_connection
        assert isinstance(target, sqlite3.Connection)
        _migrated().backup(target)


@cache
def _migrated() -> sqlite3.Connection:
    engine = log.open_database("sqlite://")
    log.migrate(engine)
    with closing(engine.raw_connection()) as connection:
        kept = sqlite3.connect(":memory:", check_same_thread=False)
        source = connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        source.backup(kept)
    engine.dispose()
    return kept
