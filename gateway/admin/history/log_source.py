"""The two logs as the console reads them: rows of a table, and what an entry of the registry is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from trust.checkpoints import CHECKPOINTS, JOURNEYS, Checkpoints
from trust.errors import LogUnavailable
from trust.log import Entry
from trust.merkle import SIZE, inclusion_proof, leaf_hash
from trust.registry import ChangeRefused, Fold
from trust.registry.changes import Change, read_change
from trust.trees import LOGIN, Row, Tree


@dataclass(frozen=True, slots=True)
class TreeSource:
    """``LogSource`` of ``tree``. Blocking; raises LogUnavailable."""

    engine: sa.Engine
    tree: Tree
    fold: Fold

    def bounds(self) -> tuple[int, int]:
        """Number of the oldest and of the newest entry; ``(1, 0)`` where there is none."""
        try:
            with self.engine.connect() as connection:
                return self.tree.first(connection), self.tree.last(connection)
        except SQLAlchemyError as error:
            raise LogUnavailable(type(error).__name__) from error

    def read(self, first: int, last: int) -> Sequence[Row]:
        """The entries from ``first`` to ``last``, both included, as far as they are there."""
        try:
            with self.engine.connect() as connection:
                rows = self.tree.rows(connection, after=first - 1, limit=max(0, last - first + 1))
                return [row for row in rows if row.seq <= last]
        except SQLAlchemyError as error:
            raise LogUnavailable(type(error).__name__) from error

    def about(self, body: Mapping[str, object]) -> tuple[str, ...]:
        """The change's hash and its objects, for entries of the registry."""
        document = body.get("change")
        if isinstance(document, Mapping):
            try:
                change = read_change(dict(document))
            except ChangeRefused:
                return ()
            return change.change_hash, *_objects(change)
        approval = body.get("approval")
        named = approval.get("change") if isinstance(approval, Mapping) else document
        proposal = self.fold.proposals.get(named) if isinstance(named, str) else None
        return () if proposal is None else _objects(proposal.change)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That an entry is in the tree of which a checkpoint tells (RFC 9162 §2.1.3)."""

    tree: str
    seq: int
    leaf: str
    size: int
    root: str
    path: tuple[str, ...]
    checkpoint: str
    """The signed note."""

    def as_json(self) -> dict[str, object]:
        return {
            "tree": self.tree,
            "seq": self.seq,
            "index": self.seq - 1,
            "leaf_hash": self.leaf,
            "tree_size": self.size,
            "root_hash": self.root,
            "inclusion_path": list(self.path),
            "checkpoint": self.checkpoint,
        }


class EntryChanged(Exception):
    """The entry is not the one that was in the tree when a checkpoint was made of it."""


def proof_of(row: Row, own: Checkpoints) -> Proof | None:
    """The proof of ``row`` in the newest checkpoint's tree; None: no checkpoint reaches so far yet.

    Raises EntryChanged, CheckpointRefused, LogUnavailable.
    """
    try:
        newest = own.newest()
        if newest is None or newest.size < row.seq:
            return None
        leaves = own.leaves(newest.size)
        opened = own.opened(newest)
    except SQLAlchemyError as error:
        raise LogUnavailable(type(error).__name__) from error
    leaf = leaf_hash(own.tree.data(row))
    if leaf != leaves[(row.seq - 1) * SIZE : row.seq * SIZE]:
        raise EntryChanged(row.seq)
    return Proof(
        tree=own.tree.name,
        seq=row.seq,
        leaf=leaf.hex(),
        size=newest.size,
        root=opened.checkpoint.root.hex(),
        path=tuple(node.hex() for node in inclusion_proof(row.seq - 1, leaves)),
        checkpoint=opened.note,
    )


def entries_of(engine: sa.Engine, number: str) -> Sequence[Entry]:
    """What the log of logins has about journey ``number``, oldest first; raises LogUnavailable.

    Entries that a checkpoint covers are found by their index, the newer ones by reading them.
    """
    table, seq = LOGIN.table, LOGIN.table.c.seq
    indexed = sa.select(JOURNEYS.c.seq).where(JOURNEYS.c.journey == number)
    covered = sa.select(sa.func.max(CHECKPOINTS.c.size)).where(CHECKPOINTS.c.tree == LOGIN.name)
    named = table.c.body.contains(f'"journey":"{number}"', autoescape=True)
    try:
        with engine.connect() as connection:
            size = connection.execute(covered).scalar() or 0
            older = sa.select(table).where(seq.in_(indexed)).order_by(seq)
            newer = sa.select(table).where(seq > size, named).order_by(seq)
            return [
                Entry(seq=row.seq, time=row.time, event=row.event, body=row.body, hash=bytes(row.hash))
                for statement in (older, newer)
                for row in connection.execute(statement)
            ]
    except SQLAlchemyError as error:
        raise LogUnavailable(type(error).__name__) from error


def _objects(change: Change) -> tuple[str, ...]:
    return tuple(str(edit.key) for edit in change.edits)
