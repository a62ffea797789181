"""Checkpoints in the database: made on a schedule, and what remains of entries that were removed.

A row says how far the log had grown: the running hash at that place, the roots of the complete subtrees, the
signed note, and the leaf hashes since the checkpoint before. So with the checkpoints alone the tree can be
built, every proof be made, and an entry be named that was changed after its checkpoint; and whoever rewrites
these rows as well cannot sign. What of that counts outside is the exported copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from trust.checkpoint import (
    Checkpoint,
    CheckpointRefused,
    Opened,
    Private,
    Public,
    open_note,
    public_of,
    sign,
)
from trust.errors import LogBroken
from trust.merkle import SIZE, Frontier, leaf_hash, split
from trust.trees import GENESIS, LOGIN, Tree

_BATCH = 50_000
"""Entries of one checkpoint at most; what is more comes into the next one."""
_JOURNEY = re.compile(r'"journey":"([^"\\]{1,64})"')

_METADATA = sa.MetaData()
CHECKPOINTS = sa.Table(
    "log_checkpoint",
    _METADATA,
    sa.Column("tree", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, primary_key=True),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("chain", sa.LargeBinary, nullable=False),
    sa.Column("peaks", sa.LargeBinary, nullable=False),
    sa.Column("leaves", sa.LargeBinary, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)
JOURNEYS = sa.Table(
    "log_journey",
    _METADATA,
    sa.Column("journey", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
)
"""Which entries tell of a journey, up to the newest checkpoint: found without reading the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One row; only what ``note`` signs is proven."""

    size: int
    time: datetime
    chain: bytes
    """Running hash of entry ``size``."""
    frontier: Frontier = field(repr=False)
    leaves: bytes = field(repr=False)
    note: str = field(repr=False)

    @property
    def start(self) -> int:
        """How many entries were before ``leaves``."""
        return self.size - len(self.leaves) // SIZE


class Checkpoints:
    """Those of one tree. ``keys`` sign new ones; those of ``believed`` count, too (a key that was replaced)."""

    def __init__(
        self,
        engine: sa.Engine,
        tree: Tree,
        *,
        origin: str,
        keys: Sequence[Private] = (),
        believed: Sequence[Public] = (),
    ) -> None:
        self._engine = engine
        self.tree = tree
        self.origin = f"{origin}/{tree.name}"
        self._keys = tuple(keys)
        self.believed = (*map(public_of, keys), *believed)

    def make(self, now: datetime) -> Opened | None:
        """A checkpoint of what there is, if the log grew since the newest one.

        Raises LogBroken (no checkpoint is made of a log that does not fit), CheckpointRefused, KeyUnavailable.
        """
        made = None
        while (step := self._step(now)) is not None:
            made = step
        return made

    def _step(self, now: datetime) -> Opened | None:
        with self._engine.connect() as connection:
            last = next(self._rows(connection, newest=1), None)
            frontier, chain = Frontier(), GENESIS
            if last is not None:
                self.opened(last)
                frontier, chain = last.frontier, last.chain
                self._still_there(connection, last)
            leaves, journeys = bytearray(), []
            seq = frontier.size
            with closing(self.tree.rows(connection, after=seq, limit=_BATCH)) as rows:
                for row in rows:
                    seq += 1
                    data = self.tree.data(row)
                    if row.seq != seq:
                        raise LogBroken(seq, "is missing")
                    if self.tree.chained(chain, data) != row.hash:
                        raise LogBroken(seq)
                    chain = row.hash
                    leaves += leaf_hash(data)
                    if self.tree is LOGIN and (found := _JOURNEY.search(row.body)):
                        journeys.append({"journey": found[1], "seq": seq})
        if not leaves:
            return None
        frontier = frontier.extended(split(bytes(leaves)))
        checkpoint = Checkpoint(origin=self.origin, size=seq, root=frontier.root)
        note = sign(checkpoint, self._keys, now=now)
        values = {"tree": self.tree.name, "size": seq, "time": _written(now), "chain": chain, "note": note,
                  "peaks": b"".join(frontier.peaks), "leaves": bytes(leaves)}  # fmt: skip
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(CHECKPOINTS), values)
                if journeys:
                    connection.execute(sa.insert(JOURNEYS), journeys)
        except IntegrityError:  # another process was faster
            return None
        return Opened(checkpoint=checkpoint, time=now, note=note)

    def opened(self, kept: Kept) -> Opened:
        """The checkpoint of a row, its signature and its subtrees found right; raises CheckpointRefused."""
        opened = open_note(kept.note, self.believed)
        found = opened.checkpoint
        if (found.origin, found.size, found.root) != (self.origin, kept.size, kept.frontier.root):
            raise CheckpointRefused(
                f"{self.origin}, size {kept.size}: the database says something else than was signed"
            )
        return opened

    def kept(self, *, after: int = 0, limit: int | None = None) -> Iterator[Kept]:
        """Rows of greater size, in order."""
        with self._engine.connect() as connection:
            yield from self._rows(connection, after=after, limit=limit)

    def newest(self) -> Kept | None:
        """The newest row, not yet checked."""
        with self._engine.connect() as connection:
            return next(self._rows(connection, newest=1), None)

    def at(self, size: int) -> Kept | None:
        """The row of exactly this size, not yet checked."""
        kept = next(self.kept(after=size - 1, limit=1), None)
        return kept if kept is not None and kept.size == size else None

    def tree_begins(self) -> int:
        """Number of the first entry that was not removed."""
        with self._engine.connect() as connection:
            return self.tree.first(connection)

    def leaves(self, size: int, *, begin: Frontier = Frontier()) -> bytes:  # noqa: B008 - immutable
        """The hashes of the leaves after ``begin``, up to number ``size``.

        Raises CheckpointRefused if they are not there as signed.
        """
        found = bytearray()
        for kept in self.kept(after=begin.size):
            have = begin.size + len(found) // SIZE
            if kept.start > have:
                break
            found += kept.leaves[(have - kept.start) * SIZE :]
            if kept.size >= size:
                if begin.extended(split(bytes(found))).root != self.opened(kept).checkpoint.root:
                    break
                return bytes(found[: (size - begin.size) * SIZE])
        raise CheckpointRefused(
            f"{self.origin}: the leaf hashes of the first {size} entries are not there as signed"
        )

    def _rows(
        self,
        connection: sa.Connection,
        *,
        after: int = 0,
        newest: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Kept]:
        size = CHECKPOINTS.c.size
        statement = sa.select(CHECKPOINTS).where(CHECKPOINTS.c.tree == self.tree.name, size > after)
        statement = statement.order_by(size.desc() if newest else size).limit(newest or limit)
        with connection.execute(statement.execution_options(yield_per=100)) as result:
            for row in result:
                yield self._read(row)

    def _read(self, row: sa.Row[Any]) -> Kept:
        try:
            frontier = Frontier(int(row.size), tuple(split(bytes(row.peaks))))
            time = datetime.strptime(row.time, _TIME).replace(tzinfo=UTC)
        except ValueError as error:
            raise CheckpointRefused(f"{self.origin}, size {row.size}: the row is not in its form") from error
        return Kept(
            size=int(row.size),
            time=time,
            chain=bytes(row.chain),
            frontier=frontier,
            leaves=bytes(row.leaves),
            note=row.note,
        )

    def _still_there(self, connection: sa.Connection, last: Kept) -> None:
        """The entry that the newest checkpoint ends with; of logins it may have been removed with all before it."""
        stored = self.tree.hash_of(connection, last.size)
        removed = self.tree is LOGIN and self.tree.first(connection) == last.size + 1
        if stored is None and not removed:
            raise LogBroken(
                self.tree.last(connection) + 1, f"is missing; a checkpoint tells of {last.size} entries"
            )
        if stored is not None and stored != last.chain:
            raise LogBroken(last.size, "is not what the checkpoint was made of")


_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_TIME)
