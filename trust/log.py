"""The durable append-only log: who decided what, and when, chained so that no entry can be changed.

One table, ``log``. An entry is an event name, a time and a body of JSON values; it never holds
personal data. Entries are chained (security.md D.8)::

    h_0 = 32 zero octets
    h_n = SHA-256(0x01 || h_(n-1) || canonical JSON of {"body", "event", "seq", "time"})

Canonical JSON is RFC 8785; bodies hold only strings, integers, booleans, null, lists and objects
with ASCII keys, for which sorted keys and no white space are the whole of it.

>>> entry_hash(bytes(32), 1, "2026-01-01T00:00:00.000000Z", "example", '{"a":1}').hex()[:16]
'118bd3291a984de8'

Several processes may write. Each remembers the end of the chain and adds the next number; if another
was faster, that number is taken (primary key), and it begins again from the new end, this time under
the writers' lock. So the chain has no fork, and an entry alone is one statement. One thread per process writes; whatever has queued up
meanwhile goes into one transaction and one fsync, so that durability costs little per event.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import SQLAlchemyError

from trust.errors import LogBroken, LogUnavailable
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

_PREFIX = b"\x01"

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

# The hot path speaks to the driver: SQLAlchemy's own execution costs three times the write itself.
_LOCK = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "LOCK TABLE log IN SHARE ROW EXCLUSIVE MODE"}
_LAST = "SELECT seq, hash FROM log ORDER BY seq DESC LIMIT 1"
_INSERT = {
    "sqlite": "INSERT INTO log (seq, time, event, body, hash) VALUES (?, ?, ?, ?, ?)",
    "postgresql": "INSERT INTO log (seq, time, event, body, hash) VALUES (%s, %s, %s, %s, %s)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log."""

    seq: int
    time: str
    event: str
    body: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class _Pending:
    time: str
    event: str
    body: str
    done: Future[None]


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
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def migrate(engine: sa.Engine) -> None:
    """Bring the schema up to date; raises LogUnavailable. Once, by the parent, before workers start."""
    config = Config()
    config.set_main_option("script_location", "trust:migrations")
    config.set_main_option("path_separator", "os")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise LogUnavailable(type(error).__name__) from error


def entry_hash(previous: bytes, seq: int, time: str, event: str, body: str) -> bytes:
    """``h_n`` of the module docstring; ``body`` is canonical JSON already."""
    canonical = f'{{"body":{body},"event":{_text(event)},"seq":{seq},"time":{_text(time)}}}'
    return sha256(_PREFIX + previous + canonical.encode()).digest()


def canonical_json(value: object) -> str:
    """RFC 8785 for the values that bodies may hold; raises TypeError and ValueError for others."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, the one form of times in the log."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class AppendOnlyLog:
    """Appends durably. ``start`` and ``stop`` frame its writer thread; one per process."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: sa.PoolProxiedConnection | None = None
        self._end: tuple[int, bytes] | None = None
        self._file = _database_file(engine)
        self._identity: tuple[int, int] | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._write_forever, name="log-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, then end the thread and close the database."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._engine.dispose()

    def append(self, event: str, body: Mapping[str, object], *, now: datetime) -> Future[None]:
        """Queue one entry. The future is done when it is durable, or holds LogUnavailable."""
        done: Future[None] = Future()
        self._queue.put(_Pending(timestamp(now), event, canonical_json(body), done))
        return done

    def check(self) -> None:
        """Take the writers' turn and give it back; raises LogUnavailable. For the health page."""
        try:
            if self._file is not None:
                self._file.stat()  # a connection to a file that was removed would still answer
            connection = self._engine.raw_connection()
            try:
                connection.cursor().execute(_LOCK[self._engine.name])
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

    def _write_forever(self) -> None:
        ending = False
        while not ending:
            batch = [self._queue.get()]
            while not self._queue.empty() and len(batch) < 500:
                batch.append(self._queue.get())
            ending = None in batch
            # From here on nobody can cancel: whoever waited may be gone, and must not end this thread.
            entries = [e for e in batch if e is not None and e.done.set_running_or_notify_cancel()]
            if entries:
                self._write(entries)
        self._disconnect()

    def _write(self, batch: Sequence[_Pending]) -> None:
        try:
            if not self._add(batch):
                self._add(batch)
        except Exception as error:  # noqa: BLE001 - whatever it was, the callers must learn of it
            self._disconnect()
            for entry in batch:
                failure = LogUnavailable(type(error).__name__)
                failure.__cause__ = error
                entry.done.set_exception(failure)
            return
        for entry in batch:
            entry.done.set_result(None)

    def _add(self, batch: Sequence[_Pending]) -> bool:
        """Add ``batch`` after the end that is remembered; False if another process was faster.

        Without a remembered end it reads it under the lock, and nobody can be faster.
        """
        self._follow_file()
        connection = self._connection = self._connection or self._engine.raw_connection()
        cursor = connection.cursor()
        read_under_lock = self._end is None
        # SQLite's driver is in autocommit: several rows need the transaction said.
        if self._end is None or (len(batch) > 1 and self._engine.name == "sqlite"):
            cursor.execute(_LOCK[self._engine.name])
        if self._end is None:
            cursor.execute(_LAST)
            last = cursor.fetchone()
            self._end = (int(last[0]), bytes(last[1])) if last else (0, GENESIS)
        seq, previous = self._end
        rows = []
        for entry in batch:
            seq += 1
            previous = entry_hash(previous, seq, entry.time, entry.event, entry.body)
            rows.append((seq, entry.time, entry.event, entry.body, previous))
        try:
            cursor.executemany(_INSERT[self._engine.name], rows)
            connection.commit()
        except self._engine.dialect.loaded_dbapi.IntegrityError:
            connection.rollback()
            self._end = None
            if read_under_lock:
                raise
            return False
        finally:
            cursor.close()
        self._end = (seq, previous)
        return True

    def _follow_file(self) -> None:
        """Write to the file of that name: what was removed or replaced takes entries that nobody will find.

        Raises OSError when there is none; it is never made anew here, that would begin a second chain.
        """
        if self._file is None:
            return
        found = self._file.stat()
        identity = found.st_dev, found.st_ino
        if self._connection is not None and identity != self._identity:
            self._disconnect()
        self._identity = identity

    def _disconnect(self) -> None:
        # After a failure the file or server may have been replaced: begin afresh next time.
        if self._connection is not None:
            with suppress(Exception):  # the connection may be broken in any way its driver knows
                self._connection.invalidate()
            self._connection = None
        self._end = None
        self._engine.dispose()


def _database_file(engine: sa.Engine) -> Path | None:
    name = engine.url.database
    return Path(name) if engine.name == "sqlite" and name and name != ":memory:" else None


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
