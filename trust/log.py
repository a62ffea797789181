"""The durable append-only log: who decided what, and when, chained so that no entry can be changed.

One table, ``log``. An entry is an event name, a time and a body of JSON values; it never holds
personal data. Entries are chained (security.md D.8)::

    h_0 = 32 zero octets
    h_n = SHA-256(0x01 || h_(n-1) || canonical JSON of {"body", "event", "seq", "time"})

Canonical JSON is RFC 8785; bodies hold only strings, integers, booleans, null, lists and objects
with ASCII keys, for which sorted keys and no white space are the whole of it.

>>> entry_hash(bytes(32), 1, "2026-01-01T00:00:00.000000Z", "example", '{"a":1}').hex()[:16]
'118bd3291a984de8'

How entries are written, by several processes at once: ``trust.log_writer``. How they become a tree that is
signed: ``trust.trees`` and ``trust.checkpoints``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from trust.errors import LogBroken, LogUnavailable
from trust.log_writer import LOCK, Awaited, Line, Waiting, Writer, entry_hash
from trust.trees import GENESIS

__all__ = [
    "AppendOnlyLog",
    "Entry",
    "LogBroken",
    "LogUnavailable",
    "canonical_json",
    "entry_hash",
    "migrate",
    "open_database",
    "timestamp",
]


METADATA = sa.MetaData()
LOG = sa.Table(
    "log",
    METADATA,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log."""

    seq: int
    time: str
    event: str
    body: str
    hash: bytes


def open_database(url: str) -> sa.Engine:
    """An engine whose commits are durable: SQLite in WAL mode with synchronous=FULL, or PostgreSQL.

    A writer waits five seconds for its turn; ``sqlite:///file?timeout=1`` says otherwise.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(parsed, pool_pre_ping=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    parsed = parsed.set(query={"timeout": "5", **parsed.query})
    engine = sa.create_engine(parsed, connect_args={"check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: SQLiteConnection, _: object) -> None:
        # The driver must not begin transactions of its own: the writer takes the lock at once.
        connection.isolation_level = None
        # Text that is none is read all the same: it fits no hash, so verification names the entry.
        connection.text_factory = lambda octets: octets.decode("utf-8", "replace")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def migrate(engine: sa.Engine) -> None:
    """Bring the schema up to date; raises LogUnavailable. Once, by the parent, before workers start."""
    # Here: it brings template engines along, and of all commands and workers only few migrate.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "trust:migrations")
    config.set_main_option("path_separator", "os")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise LogUnavailable(type(error).__name__) from error


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical_json(value: object) -> str:
    """RFC 8785 for the values that bodies may hold; raises TypeError and ValueError for others."""
    return _encode(value)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, the one form of times in the log."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class AppendOnlyLog:
    """Appends durably. ``start`` and ``stop`` frame its writer thread; one per process."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._writer = Writer(engine)

    def start(self) -> None:
        self._writer.start()

    def stop(self) -> None:
        """Write what is queued, then end the thread and close the database."""
        self._writer.stop()
        self._engine.dispose()

    def append(self, event: str, body: Mapping[str, object], *, now: datetime) -> Future[None]:
        """Queue one entry. The future is done when it is durable, or holds LogUnavailable."""
        waiting = Waiting((Line(timestamp(now), event, canonical_json(body)),))
        self._writer.put(waiting)
        return waiting.done

    async def write(self, entries: Sequence[tuple[str, Mapping[str, object]]], *, now: datetime) -> None:
        """Return when all of them are durable, which they are together; raises LogUnavailable.

        Whoever is cancelled meanwhile does not take them back.
        """
        time = timestamp(now)
        lines = [Line(time, event, canonical_json(body)) for event, body in entries]
        awaited = Awaited(lines, asyncio.get_running_loop())
        self._writer.put(awaited)
        await awaited.done

    async def note(self, entries: Sequence[tuple[str, Mapping[str, object]]], *, now: datetime) -> None:
        """Have them written with the next entries that somebody waits for, at the latest after a second.

        For what has no effect by itself. While the database cannot be written, or too much waits, this is
        ``write``: raises LogUnavailable.
        """
        if self._writer.failing or self._writer.full:
            await self.write(entries, now=now)
            return
        time = timestamp(now)
        self._writer.ride(Line(time, event, canonical_json(body)) for event, body in entries)

    def flush(self) -> None:
        """Return when what rides along is written, too; raises LogUnavailable."""
        waiting = Waiting(())
        self._writer.put(waiting)
        waiting.done.result()

    def check(self) -> None:
        """Take the writers' turn and give it back; raises LogUnavailable. For the health page."""
        try:
            if self._writer.file is not None:
                self._writer.file.stat()  # a connection to a file that was removed would still answer
            connection = self._engine.raw_connection()
            try:
                connection.cursor().execute(LOCK[self._engine.name][-1])
            finally:
                connection.rollback()
                connection.close()
        except Exception as error:
            raise LogUnavailable(type(error).__name__) from error

    def entries(self, *, after: int = 0) -> Iterator[Entry]:
        """All entries with a greater ``seq``, in order."""
        with self._engine.connect() as connection:
            for row in connection.execute(sa.select(LOG).where(LOG.c.seq > after).order_by(LOG.c.seq)):
                yield Entry(seq=row.seq, time=row.time, event=row.event, body=row.body, hash=bytes(row.hash))

    def verify(self) -> int:
        """Recompute the chain; gives the number of entries, raises LogBroken at the first misfit."""
        previous, size = GENESIS, 0
        for entry in self.entries():
            size += 1
            expected = entry_hash(previous, entry.seq, entry.time, entry.event, entry.body)
            if entry.seq != size or entry.hash != expected:
                raise LogBroken(size)
            previous = entry.hash
        return size
