"""The two logs as the console reads them: rows of a table, and what an entry of the registry is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from trust.checkpoints import Checkpoints
from trust.errors import LogUnavailable
from trust.log import Entry
from trust.log_journeys import of_journey
from trust.merkle import SIZE, inclusion_proof, leaf_hash
from trust.registry import ChangeRefused, Fold
from trust.registry.changes import Change, read_change
from trust.trees import Row, Tree


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
    entry: str
    """What the leaf hash is taken over."""
    leaf: str
    size: int
    root: str
    path: tuple[str, ...]
    checkpoint: str
    """The signed note."""

    def as_json(self) -> dict[str, object]:
        """As ``eid-gateway log prove`` writes it and ``eid-gateway log verify --proof`` reads it."""
        return {
            "entry": self.entry,
            "seq": self.seq,
            "proof": list(self.path),
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
    data = own.tree.data(row)
    leaf = leaf_hash(data)
    if leaf != leaves[(row.seq - 1) * SIZE : row.seq * SIZE]:
        raise EntryChanged(row.seq)
    return Proof(
        tree=own.tree.name,
        seq=row.seq,
        entry=data.decode(),
        leaf=leaf.hex(),
        size=newest.size,
        root=opened.checkpoint.root.hex(),
        path=tuple(node.hex() for node in inclusion_proof(row.seq - 1, leaves)),
        checkpoint=opened.note,
    )


def entries_of(engine: sa.Engine, number: str) -> Sequence[Entry]:
    """What the log of logins has about journey ``number``, oldest first; raises LogUnavailable."""
    try:
        return of_journey(engine, number)
    except SQLAlchemyError as error:
        raise LogUnavailable(type(error).__name__) from error


def _objects(change: Change) -> tuple[str, ...]:
    return tuple(str(edit.key) for edit in change.edits)
