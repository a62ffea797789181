"""Copies of checkpoints off the host: into a directory, or posted to an address.

Each checkpoint goes out once to each target, in order, with the leaf hashes since the one before. What could not
go out is tried again at the next turn; how it stands is a row for each target and tree, so that every node can tell.
A target that holds something else than the database is a failure as well: then one of the two is not what it was.

In a directory: ``<tree>/<day>/<size>.checkpoint`` (the signed note) and ``<size>.leaves`` (32 octets each).
An address gets JSON: ``checkpoint``, ``start`` (entries before the leaves) and ``leaves`` (Base64).
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from trust.checkpoint import Opened, Public, open_note
from trust.checkpoints import Checkpoints, Kept
from trust.errors import OutgoingError
from trust.log_verification import Run

MADE = "made"
"""Not a target: how it stands with making checkpoints at all."""
_AT_ONCE = 500
_TIME = "%Y-%m-%dT%H:%M:%SZ"

_TABLE = sa.Table(
    "log_export",
    sa.MetaData(),
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("tree", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("time", sa.Text),
    sa.Column("failing_since", sa.Text),
    sa.Column("problem", sa.Text),
)


class ExportFailed(Exception):
    """The checkpoint is not there yet; the message holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportState:
    """How it stands with one target and tree."""

    target: str
    tree: str
    size: int
    """Of the newest checkpoint that is there."""
    time: datetime | None
    failing_since: datetime | None
    problem: str | None
    """None: nothing waits."""


class Target(Protocol):
    """Where copies go."""

    @property
    def name(self) -> str: ...

    def put(self, tree: str, kept: Kept, *, previous: int) -> None:
        """Durable when it returns; the same again is no error. ``previous``: size of what went there last.

        Raises ExportFailed.
        """
        ...


@dataclass(frozen=True, slots=True)
class DirectoryTarget:
    """A directory that is kept elsewhere: another host's, or of a medium that is written once."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def put(self, tree: str, kept: Kept, *, previous: int) -> None:
        try:
            if not self.path.is_dir():  # a medium that is not mounted must not be replaced by an empty folder
                raise ExportFailed("the directory is not there")
            largest = _largest(self.path / tree)
            if largest not in {0, previous, kept.size}:
                # Less than went there, too: whoever has put the database back may have written the state anew.
                raise ExportFailed(f"holds a checkpoint of {largest} entries that the database does not know")
            folder = self.path / tree / kept.time.strftime("%Y-%m-%d")
            folder.mkdir(parents=True, exist_ok=True)
            # The leaves first: a checkpoint that is there is complete.
            _store(folder / f"{kept.size:012}.leaves", kept.leaves)
            _store(folder / f"{kept.size:012}.checkpoint", kept.note.encode())
        except OSError as error:
            raise ExportFailed(error.strerror or type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class AddressTarget:
    """An address that takes them by POST; ``post`` raises OutgoingError."""

    url: str
    post: Callable[[str, bytes], object]

    @property
    def name(self) -> str:
        return self.url

    def put(self, tree: str, kept: Kept, *, previous: int) -> None:
        del previous
        leaves = base64.b64encode(kept.leaves).decode()
        message = {"tree": tree, "checkpoint": kept.note, "start": kept.start, "leaves": leaves}
        try:
            self.post(self.url, json.dumps(message, ensure_ascii=False).encode())
        except OutgoingError as error:
            raise ExportFailed(str(error)) from error


def export(engine: sa.Engine, own: Checkpoints, target: Target, *, now: datetime) -> bool:
    """Bring ``target`` up to date; False: something waits, and the state tells why. Raises CheckpointRefused."""
    tree = own.tree.name
    state = next((s for s in states(engine) if (s.target, s.tree) == (target.name, tree)), None)
    done = state.size if state else 0
    if done and not _known(own, done):
        problem = f"the database does not know the checkpoint of {done} entries that went there"
        note_failure(engine, target.name, tree, problem, now=now)
        return False
    while True:
        waiting = list(own.kept(after=done, limit=_AT_ONCE))
        for kept in waiting:
            own.opened(kept)
            try:
                target.put(tree, kept, previous=done)
            except ExportFailed as error:
                note_failure(engine, target.name, tree, str(error), now=now)
                return False
            note_success(engine, target.name, tree, kept.size, now=now)
            done = kept.size
        if len(waiting) < _AT_ONCE:
            return True


def _known(own: Checkpoints, size: int) -> bool:
    """The row is there, or was joined with later ones when its entries were removed."""
    kept = next(own.kept(after=size - 1, limit=1), None)
    return kept is not None and (kept.size == size or kept.start < size < own.tree_begins())


def states(engine: sa.Engine) -> tuple[ExportState, ...]:
    """All of them, for whoever watches."""
    with engine.connect() as connection:
        return tuple(
            ExportState(
                target=row.target,
                tree=row.tree,
                size=int(row.size),
                time=_read(row.time),
                failing_since=_read(row.failing_since),
                problem=row.problem,
            )
            for row in connection.execute(sa.select(_TABLE).order_by(_TABLE.c.target, _TABLE.c.tree))
        )


def note_success(engine: sa.Engine, target: str, tree: str, size: int, *, now: datetime) -> None:
    """``size`` is there; nothing waits."""
    values = {"size": size, "time": _written(now), "failing_since": None, "problem": None}
    _put(engine, target, tree, values, {})


def note_failure(engine: sa.Engine, target: str, tree: str, problem: str, *, now: datetime) -> None:
    """Something waits; since when stays as it was."""
    since = sa.func.coalesce(_TABLE.c.failing_since, _written(now))
    _put(engine, target, tree, {"problem": problem}, {"failing_since": since}, first=now)


def _put(
    engine: sa.Engine,
    target: str,
    tree: str,
    values: dict[str, object],
    computed: dict[str, object],
    *,
    first: datetime | None = None,
) -> None:
    with engine.begin() as connection:
        its = sa.and_(_TABLE.c.target == target, _TABLE.c.tree == tree)
        if connection.execute(sa.update(_TABLE).where(its).values({**values, **computed})).rowcount:
            return
        since = None if first is None else _written(first)
        row = {"size": 0, "failing_since": since, **values, "target": target, "tree": tree}
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(_TABLE), row)
        except IntegrityError:  # another process has just said the same
            return


# ---------------------------------------------------------------------------------- what an auditor has


def read_copies(
    paths: Sequence[Path], tree: str, believed: Sequence[Public]
) -> tuple[tuple[Opened, ...], tuple[Run, ...]]:
    """Checkpoints of ``tree`` in files or exported directories, with the leaf hashes that lie beside them.

    Those of another tree are passed over. Raises CheckpointRefused, OSError.
    """
    opened, runs = [], []
    for path in _files(paths):
        note = open_note(path.read_text("utf-8"), believed)
        if not note.checkpoint.origin.endswith(f"/{tree}"):
            continue
        opened.append(note)
        leaves = path.with_suffix(".leaves")
        if leaves.is_file():
            octets = leaves.read_bytes()
            runs.append(Run(note.checkpoint.size - len(octets) // 32, octets))
    return tuple(opened), tuple(runs)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(path.rglob("*.checkpoint"))
        else:
            yield path


def _largest(folder: Path) -> int:
    """The greatest size in the newest day that has any."""
    for day in sorted(folder.glob("*/"), reverse=True):
        sizes = [int(file.stem) for file in day.glob("*.checkpoint") if file.stem.isdigit()]
        if sizes:
            return max(sizes)
    return 0


def _store(path: Path, content: bytes) -> None:
    """Whole and durable, or not at all; never replaces other content."""
    if path.exists():
        if path.read_bytes() != content:
            raise ExportFailed(f"holds another {path.name}; one of the two is not what it was")
        return
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_TIME)


def _read(text: str | None) -> datetime | None:
    return None if text is None else datetime.strptime(text, _TIME).replace(tzinfo=UTC)
