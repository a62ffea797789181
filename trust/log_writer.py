"""The thread that writes entries: whatever has queued up goes into one statement and one fsync.

Several processes may write. Each remembers the end of the chain and adds the next number; if another was
faster, that number is taken (primary key), and it begins again from the new end, this time under the writers'
lock. So the chain has no fork, and entries of one statement are there together or not at all.

What nobody waits for rides along: it is written with the next entries that somebody waits for, before them, and
after a second in any case.

Under load the thread waits some milliseconds for company before it writes. One commit costs as much as a dozen
entries in it, and whoever waits has nothing else to do. Entries that come one by one are written at once.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection

from trust.errors import LogUnavailable
from trust.trees import GENESIS, text

LOCK = {"sqlite": ("BEGIN IMMEDIATE",), "postgresql": ("BEGIN", "LOCK TABLE log IN SHARE ROW EXCLUSIVE MODE")}
"""Begins a transaction in which nobody else can write."""

# The hot path speaks to the driver: SQLAlchemy's own execution costs three times the write itself.
_LAST = "SELECT seq, hash FROM log ORDER BY seq DESC LIMIT 1"
_INSERT = "INSERT INTO log (seq, time, event, body, hash) VALUES "
_ROW = {"sqlite": "(?, ?, ?, ?, ?)", "postgresql": "(%s, %s, %s, %s, %s)"}
_PREFIX = b"\x01"
_MOST = 500
_GATHER_SECONDS = 0.020
_RIDE_SECONDS = 1.0
_MOST_RIDERS = 1000
_RECENT = 8
"""So many commits back it looks, to tell whether entries come together."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, not yet numbered; ``body`` is canonical JSON."""

    time: str
    event: str
    body: str


class Waiting:
    """Entries that belong together, and a thread that may wait for them."""

    __slots__ = ("done", "lines")

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self.done: Future[None] = Future()

    def begin(self) -> bool:
        """False: nobody wants them any more. After this nobody can take them back."""
        return self.done.set_running_or_notify_cancel()

    def end(self, error: LogUnavailable | None) -> None:
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Awaited:
    """The same for a coroutine: cheaper than a future of threads."""

    __slots__ = ("done", "lines", "loop")

    def __init__(self, lines: Sequence[Line], loop: asyncio.AbstractEventLoop) -> None:
        self.lines = lines
        self.loop = loop
        self.done: asyncio.Future[None] = loop.create_future()


class Writer:
    """Owns one connection. ``start`` and ``stop`` frame its thread."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[Waiting | Awaited | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: sa.PoolProxiedConnection | None = None
        self._end: tuple[int, bytes] | None = None
        self.file = _database_file(engine)
        self._identity: tuple[int, int] | None = None
        self._recent: deque[int] = deque(maxlen=_RECENT)
        self._riders: deque[Line] = deque()
        self.failing = False
        """What was written last did not become durable."""

    def put(self, entries: Waiting | Awaited) -> None:
        """Queue them; they are told when they are durable, or that they are not."""
        self._queue.put(entries)

    @property
    def full(self) -> bool:
        """Whether something would be lost if more rode along."""
        return len(self._riders) >= _MOST_RIDERS

    def ride(self, lines: Iterable[Line]) -> None:
        """Write them with the next ones that somebody waits for."""
        self._riders.extend(lines)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._write_forever, name="log-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, then end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _write_forever(self) -> None:
        ending = False
        while not ending:
            batch = self._collected()
            ending = None in batch
            # From here on nobody can cancel: whoever waited may be gone, and must not end this thread.
            waiting = [e for e in batch if e is not None and (isinstance(e, Awaited) or e.begin())]
            if waiting:
                self._recent.append(len(waiting))
            riders = [self._riders.popleft() for _ in range(len(self._riders))]
            lines = [*riders, *(line for entries in waiting for line in entries.lines)]
            error = self._write(lines) if lines else None
            if error is not None:
                self._riders.extendleft(reversed(riders))
            _tell(waiting, error)
        self._disconnect()

    def _collected(self) -> list[Waiting | Awaited | None]:
        """What has come, after at most ``_RIDE_SECONDS``; None in it: the end."""
        try:
            batch = [self._queue.get(timeout=_RIDE_SECONDS)]
        except queue.Empty:
            return []
        if sum(self._recent) > len(self._recent) and batch[0] is not None:
            time.sleep(_GATHER_SECONDS)
        while not self._queue.empty() and len(batch) < _MOST:
            batch.append(self._queue.get())
        return batch

    def _write(self, lines: Sequence[Line]) -> LogUnavailable | None:
        try:
            if not self._add(lines):
                self._add(lines)
        except Exception as error:  # noqa: BLE001 - whatever it was, the callers must learn of it
            self._disconnect()
            self.failing = True
            failure = LogUnavailable(type(error).__name__)
            failure.__cause__ = error
            return failure
        self.failing = False
        return None

    def _add(self, lines: Sequence[Line]) -> bool:
        """Add ``lines`` after the end that is remembered; False if another process was faster.

        Without a remembered end it reads it under the lock, and nobody can be faster.
        """
        self._follow_file()
        driver = self._driver()
        locked = self._end is None
        cursor = driver.cursor()
        try:
            if self._end is None:
                for statement in LOCK[self._engine.name]:
                    cursor.execute(statement)
                cursor.execute(_LAST)
                last = cursor.fetchone()
                self._end = (int(last[0]), bytes(last[1])) if last else (0, GENESIS)
            seq, previous = self._end
            values: list[object] = []
            for line in lines:
                seq += 1
                previous = entry_hash(previous, seq, line.time, line.event, line.body)
                values += (seq, line.time, line.event, line.body, previous)
            row = _ROW[self._engine.name]
            try:
                cursor.execute(_INSERT + (row if len(lines) == 1 else ", ".join([row] * len(lines))), values)
                if locked:
                    cursor.execute("COMMIT")
            except self._engine.dialect.loaded_dbapi.IntegrityError:
                self._end = None
                if locked:
                    raise
                return False
        finally:
            cursor.close()
        self._end = (seq, previous)
        return True

    def _driver(self) -> DBAPIConnection:
        """The driver's connection, in autocommit: one statement is one transaction."""
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        driver = self._connection.dbapi_connection
        if driver is None:
            raise LogUnavailable("no connection")
        if self._engine.name == "postgresql":  # SQLite's is so already
            driver.autocommit = True
        return driver

    def _follow_file(self) -> None:
        """Write to the file of that name: what was removed or replaced takes entries that nobody will find.

        Raises OSError when there is none; it is never made anew here, that would begin a second chain.
        """
        if self.file is None:
            return
        found = self.file.stat()
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


def entry_hash(previous: bytes, seq: int, time: str, event: str, body: str) -> bytes:
    """The running hash of an entry of the tree of logins (``trust.trees``); ``body`` is canonical JSON already."""
    canonical = f'{{"body":{body},"event":{text(event)},"seq":{seq},"time":{text(time)}}}'
    return sha256(_PREFIX + previous + canonical.encode()).digest()


def _tell(waiting: Iterable[Waiting | Awaited], error: LogUnavailable | None) -> None:
    """One wake-up for each event loop, however many wait in it."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for entries in waiting:
        if isinstance(entries, Awaited):
            loops.setdefault(entries.loop, []).append(entries.done)
        else:
            entries.end(error)
    for loop, futures in loops.items():
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(_finish, futures, error)


def _finish(futures: Iterable[asyncio.Future[None]], error: LogUnavailable | None) -> None:
    for future in futures:
        if future.done():  # the request was cancelled
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _database_file(engine: sa.Engine) -> Path | None:
    name = engine.url.database
    return Path(name) if engine.name == "sqlite" and name and name != ":memory:" else None
