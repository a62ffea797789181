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
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trust.checkpoint import CheckpointRefused, Opened
from trust.checkpoints import Checkpoints, Kept
from trust.errors import LogBroken
from trust.merkle import SIZE, Frontier, leaf_hash, split
from trust.trees import GENESIS, LOGIN, TREES, Row, Tree

PRUNED = "LogPruned"
"""Entry that says that those before were removed: ``size`` of them, their ``root``."""
_EVENT = LOGIN.kind
Removed = tuple[int, str]
"""Size and root, hexadecimal, of what an entry says was removed."""


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
    pruned_until: datetime | None = None
    """When the checkpoint that ends with them was signed: all of them are older."""
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
    good, leaves, seq, compared = begin, bytearray(), begin.size, 0
    for opened in checkpoints:
        if opened.checkpoint.size > begin.size:
            boundaries.setdefault(opened.checkpoint.size, []).append(opened)
        elif opened.checkpoint.size == begin.size:
            if opened.checkpoint.root != begin.root:
                raise LogBroken(1, "is not the one of which a signed checkpoint tells", last=begin.size)
            compared += 1

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
    told: set[Removed] = set()
    last: Kept | None = None
    with engine.connect() as connection:
        pruned, chain = tree.first(connection) - 1, GENESIS
        if pruned:
            last = next((row for row in kept if row.size == pruned), None)
            if last is None or tree is not LOGIN:
                raise LogBroken(1, "is missing")
            chain = last.chain
        with closing(tree.rows(connection, after=pruned)) as rows:
            lines = _lines(tree, rows, chain, told, progress)
            found = walk(_with_pruned(own, pruned, lines), opened, runs)
    if last is not None:
        _require_told(last.frontier, told)
        return replace(found, pruned=pruned, pruned_until=own.opened(last).time or last.time)
    return found


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
            _lines(own.tree, rows, chain, set(), lambda _: None),
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
    tree: Tree, rows: Iterable[Row], previous: bytes, told: set[Removed], progress: Callable[[int], None]
) -> Iterator[Line]:
    """The rows; ``told`` gets what prunings tell of."""
    for row in rows:
        progress(row.seq)
        data = tree.data(row)
        follows = tree.chained(previous, data) == row.hash
        if row.kind == PRUNED and follows:
            told |= _told(_read(data))
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
        if type(found["size"]) is not int or found["tree"] not in TREES:
            raise CheckpointRefused("not a file of entries: its first line is not in its form")
        return found["tree"], Frontier(found["size"], tuple(map(bytes.fromhex, found["frontier"])))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointRefused("not a file of entries: its first line is not in its form") from error


def verify_lines(
    lines: Iterator[bytes], begin: Frontier, checkpoints: Sequence[Opened], runs: Sequence[Run] = ()
) -> Verified:
    """Verify what ``export_lines`` wrote, without its header; raises LogBroken, CheckpointRefused."""
    told: set[Removed] = set()

    def read() -> Iterator[Line]:
        nonlocal told
        for line in lines:
            data = line.rstrip(b"\n")
            document = _read(data)
            told |= _told(document)
            seq = document.get("seq")
            yield Line(seq if isinstance(seq, int) else -1, leaf_hash(data))

    found = walk(read(), checkpoints, runs, begin=begin)
    if not found.checkpoints:
        raise CheckpointRefused("none of these checkpoints tells of entries of this file")
    if begin.size:
        _require_told(begin, told)
    return found


def _read(data: bytes) -> dict[str, Any]:
    """The entry as a document; empty: it is none."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _told(entry: Mapping[str, Any]) -> set[Removed]:
    """What ``entry`` says was removed before it, if it says so."""
    seq, body = entry.get("seq"), entry.get("body")
    if entry.get(_EVENT) != PRUNED or not isinstance(body, dict):
        return set()
    size, root = body.get("size"), body.get("root")
    if isinstance(seq, int) and isinstance(size, int) and isinstance(root, str) and size < seq:
        return {(size, root)}
    return set()


def _require_told(removed: Frontier, told: set[Removed]) -> None:
    """An entry tells of just these; raises LogBroken."""
    if (removed.size, removed.root.hex()) not in told:
        raise LogBroken(1, "is missing, and no entry tells that it was removed", last=removed.size)
