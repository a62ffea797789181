"""The registry's log as a table: append-only, chained, on SQLite and PostgreSQL.

This module alone knows how entries are kept. An entry has a number, a time, a type and a body of canonical
JSON; its hash covers all of it and the entry before (security.md D.8)::

    h_0 = 32 zero octets
    h_n = SHA-256(0x05 || h_(n-1) || canonical JSON of {"body", "seq", "time", "type"})

=================== ====================================================
type                body
=================== ====================================================
``change-proposed`` ``change``
``approval``        ``approval`` with decision ``approve``
``change-rejected`` ``approval`` with decision ``reject``, ``reason``
``change-withdrawn`` ``change`` (hash), ``reason``: by the machine that has proposed it
``change-activated`` ``change`` (hash), ``state`` (hash afterwards)
=================== ====================================================

Writers say after which entry they mean to write. Of two who mean the same one, one succeeds (primary key),
the other learns that the log went on and decides anew on what it says now.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from trust.registry.canonical import Document, canonical
from trust.registry.errors import RegistryBroken, RegistryRolledBack, RegistryUnavailable

PROPOSED = "change-proposed"
APPROVAL = "approval"
REJECTED = "change-rejected"
WITHDRAWN = "change-withdrawn"
ACTIVATED = "change-activated"

_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_PREFIX = b"\x05"

TABLE = sa.Table(
    "registry_log",
    sa.MetaData(),
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of the log: cheap to ask for, equal exactly if nothing happened."""

    seq: int = 0
    hash: bytes = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row, its hash already found right."""

    seq: int
    time: datetime
    type: str
    body: Document
    hash: bytes


class HeadMoved(Exception):
    """Somebody else has written meanwhile."""


class EntryStore:
    """Reads and appends. Raises RegistryUnavailable for whatever the database does."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def head(self) -> Head:
        """One row by its key: what pollers ask for."""
        with self._connection() as connection:
            statement = sa.select(TABLE.c.seq, TABLE.c.hash).order_by(TABLE.c.seq.desc()).limit(1)
            row = connection.execute(statement).first()
            if row is not None and not isinstance(row.hash, bytes | memoryview):
                raise RegistryBroken(int(row.seq), "is not in its form")
            return Head() if row is None else Head(seq=int(row.seq), hash=bytes(row.hash))

    def entries(self, known: Head) -> Generator[Entry, None, None]:
        """What follows ``known``, each entry checked against the one before.

        Raises RegistryRolledBack if ``known`` is no longer part of the log, RegistryBroken at a misfit.
        """
        with self._connection() as connection:
            _still_there(connection, known)
            seq, previous = known.seq, known.hash
            statement = sa.select(TABLE).where(TABLE.c.seq > known.seq).order_by(TABLE.c.seq)
            for row in connection.execute(statement):
                seq += 1
                if row.seq != seq:
                    raise RegistryBroken(seq, "is missing")
                entry = _read(row, previous)
                previous = entry.hash
                yield entry

    def append(self, after: Head, rows: Sequence[tuple[str, Document]], *, now: datetime) -> None:
        """Write all ``rows`` directly after ``after``, or nothing; raises HeadMoved, RegistryRolledBack."""
        time, seq, previous = now.astimezone(UTC).strftime(_TIME), after.seq, after.hash
        values = []
        for kind, body in rows:
            seq += 1
            text = canonical(body).decode("utf-8")
            previous = _hash(previous, seq, time, kind, text)
            values.append({"seq": seq, "time": time, "type": kind, "body": text, "hash": previous})
        try:
            with self._engine.begin() as connection:
                # Written first: SQLite gives a writer that has read before no second chance.
                connection.execute(sa.insert(TABLE), values)
                _still_there(connection, after)
        except IntegrityError as error:
            raise HeadMoved from error
        except SQLAlchemyError as error:
            raise RegistryUnavailable(type(error).__name__) from error

    def clock(self) -> datetime | None:
        """What time the database says it is; None where it is this machine's own (SQLite)."""
        if self._engine.name == "sqlite":
            return None
        with self._connection() as connection:
            moment = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            return moment if isinstance(moment, datetime) else None

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise RegistryUnavailable(type(error).__name__) from error


def _still_there(connection: sa.Connection, known: Head) -> None:
    if not known.seq:
        return
    row = connection.execute(sa.select(TABLE.c.hash).where(TABLE.c.seq == known.seq)).first()
    if row is None or not isinstance(row.hash, bytes | memoryview) or bytes(row.hash) != known.hash:
        raise RegistryRolledBack(known.seq)


def _read(row: sa.Row[Any], previous: bytes) -> Entry:
    seq, time, kind, text, stored = row.seq, row.time, row.type, row.body, row.hash
    # SQLite keeps a value of any type in any column, and somebody else may have written it.
    texts = all(isinstance(value, str) for value in (time, kind, text))
    if not texts or not isinstance(stored, bytes | memoryview):
        raise RegistryBroken(seq, "is not in its form")
    if bytes(stored) != _hash(previous, seq, time, kind, text):
        raise RegistryBroken(seq, "does not follow from the one before")
    try:
        body = json.loads(text)
        moment = datetime.strptime(time, _TIME).replace(tzinfo=UTC)
    except (ValueError, RecursionError) as error:
        raise RegistryBroken(seq, "is not in its form") from error
    if not isinstance(body, dict):
        raise RegistryBroken(seq, "is not in its form")
    return Entry(seq=seq, time=moment, type=kind, body=body, hash=bytes(stored))


def _hash(previous: bytes, seq: int, time: str, kind: str, body: str) -> bytes:
    """The body is in its canonical form already: JSON inside JSON would be parsed for nothing."""
    head = canonical({"seq": seq, "time": time, "type": kind}).decode("utf-8")
    return sha256(_PREFIX + previous + f'{{"body":{body},{head[1:]}'.encode()).digest()
