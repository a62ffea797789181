"""The two trees of the log, and what of a row goes into them.

======== ================ =============================================== ====================
tree     table            canonical JSON of an entry (RFC 8785)           prefix of the chain
======== ================ =============================================== ====================
login    ``log``          ``{"body", "event", "seq", "time"}``            0x01
trust    ``registry_log`` ``{"body", "seq", "time", "type"}``             0x05
======== ================ =============================================== ====================

The canonical JSON is the data of the leaf (RFC 9162 §2.1.1). Beside the tree each row keeps a running hash::

    h_0 = 32 zero octets
    h_n = SHA-256(prefix || h_(n-1) || canonical JSON of entry n)

The running hash tells two ends of a log apart at once and shows a change without any checkpoint; the tree is
what is signed, and what proves one entry, or one growth, without showing the others (ADR 17).
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import sqlalchemy as sa

text = json.JSONEncoder(ensure_ascii=False).encode
"""A JSON text in its canonical form."""

GENESIS = bytes(32)
"""What stands before the first entry."""


class Row(NamedTuple):
    """One entry as the table has it; nothing about it is checked yet."""

    seq: int
    time: str
    kind: str
    body: str
    hash: bytes
    """The running hash that was written with it."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Where the entries of a tree are and how they are hashed."""

    name: str
    table: sa.TableClause
    kind: str
    """Column of the entry's type."""
    prefix: bytes

    def data(self, row: Row) -> bytes:
        """What the leaf hash is taken over. The body is canonical already."""
        seq, kind, time = f'"seq":{row.seq}', f'"{self.kind}":{text(row.kind)}', f'"time":{text(row.time)}'
        rest = f"{kind},{seq},{time}" if self.kind < "seq" else f"{seq},{time},{kind}"
        return f'{{"body":{row.body},{rest}}}'.encode()

    def chained(self, previous: bytes, data: bytes) -> bytes:
        """The running hash of an entry after ``previous``."""
        return sha256(self.prefix + previous + data).digest()

    def rows(
        self, connection: sa.Connection, *, after: int = 0, limit: int | None = None
    ) -> Generator[Row, None, None]:
        """Entries with a greater number, in order; read as they are asked for."""
        seq = self.table.c.seq
        statement = sa.select(self.table).where(seq > after).order_by(seq).limit(limit)
        with connection.execute(statement.execution_options(yield_per=1000)) as result:
            for row in result:
                yield _row(row)

    def last(self, connection: sa.Connection) -> int:
        """The greatest number; 0: the table is empty."""
        return int(connection.execute(sa.select(sa.func.max(self.table.c.seq))).scalar() or 0)

    def first(self, connection: sa.Connection) -> int:
        """The least number that is there; 1 if the table is empty."""
        return int(connection.execute(sa.select(sa.func.min(self.table.c.seq))).scalar() or 1)

    def hash_of(self, connection: sa.Connection, seq: int) -> bytes | None:
        """The running hash as stored; None: there is no such row."""
        found = connection.execute(sa.select(self.table.c.hash).where(self.table.c.seq == seq)).scalar()
        return found if found is None or isinstance(found, bytes) else b""


def _row(row: Sequence[Any]) -> Row:
    seq, time, kind, body, stored = row
    # SQLite keeps a value of any type in any column: what somebody else wrote there must only not fit.
    octets = bytes(stored) if isinstance(stored, bytes | memoryview) else b""
    return Row(int(seq), str(time), str(kind), str(body), octets)


def _tree(name: str, table: str, kind: str, prefix: bytes) -> Tree:
    columns: list[sa.ColumnClause[Any]] = [
        sa.column(column) for column in ("seq", "time", kind, "body", "hash")
    ]
    return Tree(name, sa.table(table, *columns), kind, prefix)


LOGIN = _tree("login", "log", "event", b"\x01")
TRUST = _tree("trust", "registry_log", "type", b"\x05")
TREES = {tree.name: tree for tree in (LOGIN, TRUST)}
