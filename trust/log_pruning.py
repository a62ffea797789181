"""Entries are removed when their time is over; what proves the others stays.

Only the tree of logins is ever pruned: the state of the registry is the fold of all its entries. Removed are
whole checkpoints from the beginning on, after they have been verified. Their leaf hashes stay, joined into the row
of the last of them, so that older checkpoints can still be compared and every proof be made. The log itself tells
of it by an entry that is written before (``log_verification.PRUNED``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from trust.checkpoints import CHECKPOINTS, JOURNEYS, Checkpoints, Kept
from trust.log_verification import verify_part
from trust.merkle import Frontier
from trust.trees import LOGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What is to be removed."""

    size: int
    """The first so many entries of the tree."""
    root: bytes
    """Their root, as a checkpoint signs it."""
    before: datetime
    """All of them are older."""
    removed: int
    """How many of them are still there."""


def plan(
    engine: sa.Engine, own: Checkpoints, *, before: datetime, most: timedelta | None = None
) -> Pruning | None:
    """Up to which checkpoint everything is older than ``before``; None: nothing is to be done.

    ``most``: from the first checkpoint that is left, no further than so long; what goes by the clock alone must
    not go all at once when the clock is wrong.

    What would go is verified first: if it does not fit, it is evidence. Raises LogBroken, CheckpointRefused.
    """
    if own.tree is not LOGIN:
        raise ValueError("only the tree of logins is pruned")
    limit = before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with engine.connect() as connection:
        first = LOGIN.first(connection)
        kept_from = first_at(connection, limit)
    found: Kept | None = None
    begin: datetime | None = None
    for kept in own.kept(after=first - 1):
        begin = begin or kept.time
        if kept.size >= kept_from or (most is not None and kept.time > begin + most):
            break
        found = kept
    if found is None:
        return None
    verify_part(engine, own, after=first - 1, size=found.size)
    root = own.opened(found).checkpoint.root
    return Pruning(size=found.size, root=root, before=before, removed=found.size - first + 1)


def remove(engine: sa.Engine, own: Checkpoints, pruning: Pruning) -> None:
    """Remove what was planned; the entry that tells of it is durable already. Raises CheckpointRefused."""
    start = pruning.size - pruning.removed
    before = own.at(start)
    leaves = own.leaves(pruning.size, begin=Frontier() if before is None else before.frontier)
    with engine.begin() as connection:
        columns = CHECKPOINTS.c
        mine = columns.tree == LOGIN.name
        connection.execute(sa.delete(LOGIN.table).where(LOGIN.table.c.seq <= pruning.size))
        connection.execute(sa.delete(JOURNEYS).where(JOURNEYS.c.seq <= pruning.size))
        own_row = sa.and_(mine, columns.size == pruning.size)
        connection.execute(sa.update(CHECKPOINTS).where(own_row).values(leaves=leaves))
        between = sa.and_(mine, columns.size > start, columns.size < pruning.size)
        connection.execute(sa.delete(CHECKPOINTS).where(between))


def first_at(connection: sa.Connection, time: str) -> int:
    """The number of the first entry that is not older than ``time``; one more than the last: all are.

    Every row is read: a writer whose clock was wrong must not have younger entries taken for old ones.
    """
    columns = LOGIN.table.c
    younger = sa.select(sa.func.min(columns.seq)).where(columns.time >= time)
    found = connection.execute(younger).scalar()
    return LOGIN.last(connection) + 1 if found is None else int(found)
