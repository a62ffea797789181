"""Whether a log is what its checkpoints say, and which entry is the first that is not.

Three witnesses are asked, from the cheapest to the strongest:

- the running hash of each row shows what was changed, moved, taken out or put in without computing the rest anew;
- a signed checkpoint shows every change to the entries before it, whoever computed what anew, and a log that is
  shorter than it was;
- the leaf hashes that came with a checkpoint name the entry. They count only where their root is the signed one.

What was written after the newest checkpoint is shown by the running hash alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import sqlalchemy as sa

from trust.checkpoint import CheckpointRefused, Opened
from trust.checkpoints import Checkpoints
from trust.errors import LogBroken
from trust.merkle import SIZE, Frontier, leaf_hash, split
from trust.trees import GENESIS, Row, Tree

PRUNED = "LogPruned"
"""Entry that says that those before were removed: ``size`` of them, their ``root``."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry for the walk."""

    seq: int
    leaf: bytes
    follows: bool = True
    """Its running hash fits that of the entry before; True where none is there to compare."""


@dataclass(frozen=True, slots=True)
class Run:
    """Leaf hashes that were recorded with a checkpoint: those after the first ``start``."""

    start: int
    leaves: bytes = field(repr=False)

    @property
    def end(self) -> int:
        return self.start + len(self.leaves) // SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found right."""

    size: int
    pruned: int
    """So many entries are there by their hashes only."""
    checkpoints: int
    """How many of them were compared."""
    newest: Opened | None


def walk(
    lines: Iterable[Line],
    checkpoints: Sequence[Opened],
    runs: Sequence[Run] = (),
    *,
    begin: Frontier = Frontier(),  # noqa: B008 - immutable
) -> Verified:
    """Compare ``lines`` with checkpoints of their tree; raises LogBroken.

    ``begin``: the tree before the first line. Checkpoints of a smaller size cannot be compared then.
    """
    boundaries: dict[int, list[Opened]] = {}
    for opened in checkpoints:
        if opened.checkpoint.size > begin.size:
            boundaries.setdefault(opened.checkpoint.size, []).append(opened)
    good, leaves, seq, compared = begin, bytearray(), begin.size, 0

    def broken(at: int, problem: str, last: int | None = None) -> LogBroken:
        named = _named(good, bytes(leaves), boundaries, runs)
        if named is not None and (last is not None or named < at):
            return LogBroken(named, "is not the one of which a signed checkpoint tells")
        return LogBroken(at, problem, last=last)

    for line in lines:
        seq += 1
        if line.seq != seq:
            raise broken(seq, "is missing")
        leaves += line.leaf
        if not line.follows:
            raise broken(seq, "does not follow from the one before")
        for opened in boundaries.get(seq, ()):
            found = good.extended(split(bytes(leaves)))
            if found.root != opened.checkpoint.root:
                raise broken(good.size + 1, "is not the one of which a signed checkpoint tells", seq)
            compared += 1
        if seq in boundaries:
            good, leaves = found, bytearray()
    newest = max(boundaries, default=begin.size)
    if newest > seq:
        raise broken(seq + 1, f"is missing: a signed checkpoint tells of {newest} entries")
    top = max(checkpoints, key=lambda opened: opened.checkpoint.size, default=None)
    return Verified(size=seq, pruned=begin.size, checkpoints=compared, newest=top)


def _named(
    good: Frontier, leaves: bytes, boundaries: Mapping[int, Sequence[Opened]], runs: Sequence[Run]
) -> int | None:
    """The first of ``leaves`` that differs from a row of recorded hashes, which lead to a signed root."""
    found = []
    for run in runs:
        if not run.start <= good.size < run.end:
            continue
        recorded = run.leaves[(good.size - run.start) * SIZE :]
        roots = {opened.checkpoint.root for opened in boundaries.get(run.end, ())}
        if good.extended(split(recorded)).root not in roots:
            continue
        for number, (mine, theirs) in enumerate(zip(split(leaves), split(recorded), strict=False), 1):
            if mine != theirs:
                found.append(good.size + number)
                break
    return min(found, default=None)


def verify_database(
    engine: sa.Engine,
    own: Checkpoints,
    copies: Sequence[Opened] = (),
    copied: Sequence[Run] = (),
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Verify the tree of ``own`` against its checkpoints and against ``copies`` from outside.

    ``progress`` is told the number of each entry that is read.

    Raises LogBroken, CheckpointRefused.
    """
    tree = own.tree
    kept = list(own.kept())
    opened = [*map(own.opened, kept), *copies]
    runs = [*(Run(row.start, row.leaves) for row in kept), *copied]
    with engine.connect() as connection:
        pruned = tree.first(connection) - 1
        chain, stated = GENESIS, [0]
        if pruned:
            last = next((row for row in kept if row.size == pruned), None)
            if last is None:
                raise LogBroken(1, "is missing")
            chain = last.chain
        with closing(tree.rows(connection, after=pruned)) as rows:
            lines = _lines(tree, rows, chain, stated, progress)
            found = walk(_with_pruned(own, pruned, lines), opened, runs)
    if pruned and max(stated) < pruned:
        raise LogBroken(1, "is missing, and no entry tells that it was removed", last=pruned)
    return Verified(size=found.size, pruned=pruned, checkpoints=found.checkpoints, newest=found.newest)


def verify_part(engine: sa.Engine, own: Checkpoints, *, after: int, size: int) -> None:
    """Verify the entries after checkpoint ``after`` (0: the beginning) up to checkpoint ``size``.

    Raises LogBroken, CheckpointRefused.
    """
    before = own.at(after) if after else None
    if after and before is None:
        raise CheckpointRefused(f"{own.origin}: there is no checkpoint of size {after}")
    begin, chain = Frontier(), GENESIS
    if before is not None:
        own.opened(before)
        begin, chain = before.frontier, before.chain
    kept = [row for row in own.kept(after=after) if row.size <= size]
    runs = [Run(row.start, row.leaves) for row in kept]
    with (
        engine.connect() as connection,
        closing(own.tree.rows(connection, after=after, limit=size - after)) as rows,
    ):
        walk(
            _lines(own.tree, rows, chain, [], lambda _: None),
            [own.opened(row) for row in kept],
            runs,
            begin=begin,
        )


def _with_pruned(own: Checkpoints, pruned: int, lines: Iterator[Line]) -> Iterator[Line]:
    if pruned:
        for seq, leaf in enumerate(split(own.leaves(pruned)), 1):
            yield Line(seq, leaf)
    yield from lines


def _lines(
    tree: Tree, rows: Iterable[Row], previous: bytes, stated: list[int], progress: Callable[[int], None]
) -> Iterator[Line]:
    """The rows; ``stated`` gets the sizes that prunings tell of."""
    for row in rows:
        progress(row.seq)
        data = tree.data(row)
        follows = tree.chained(previous, data) == row.hash
        if row.kind == PRUNED and follows:
            stated.append(int(json.loads(row.body)["size"]))
        yield Line(row.seq, leaf_hash(data), follows)
        previous = row.hash


# ---------------------------------------------------------------------------------- without the database


def export_lines(engine: sa.Engine, own: Checkpoints) -> Iterator[bytes]:
    """The tree as lines: what is before its first entry, then the data of each leaf.

    ``SHA-256(0x00 || line)`` without the line's end is the hash of the leaf. Raises CheckpointRefused.
    """
    tree = own.tree
    with engine.connect() as connection:
        pruned = tree.first(connection) - 1
        begin = Frontier().extended(split(own.leaves(pruned))) if pruned else Frontier()
        header = {"frontier": [peak.hex() for peak in begin.peaks], "size": begin.size, "tree": tree.name}
        yield json.dumps(header, separators=(",", ":")).encode() + b"\n"
        for row in tree.rows(connection, after=pruned):
            yield tree.data(row) + b"\n"


def tree_of_lines(header: bytes) -> tuple[str, Frontier]:
    """The tree's name and what is before the first entry; raises CheckpointRefused."""
    try:
        found = json.loads(header)
        return str(found["tree"]), Frontier(found["size"], tuple(map(bytes.fromhex, found["frontier"])))
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointRefused("not a file of entries: its first line is not in its form") from error


def verify_lines(
    lines: Iterator[bytes], begin: Frontier, checkpoints: Sequence[Opened], runs: Sequence[Run] = ()
) -> Verified:
    """Verify what ``export_lines`` wrote, without its header; raises LogBroken."""

    def read() -> Iterator[Line]:
        for line in lines:
            data = line.rstrip(b"\n")
            yield Line(_seq(data), leaf_hash(data))

    return walk(read(), checkpoints, runs, begin=begin)


def _seq(data: bytes) -> int:
    """The number that the line itself tells; -1: none."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return -1
    seq = found.get("seq") if isinstance(found, dict) else None
    return seq if isinstance(seq, int) else -1
