"""``eid-gateway log``: checkpoints, proofs, verification and retention from the command line."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from gateway.audit.operations import LogPruned
from gateway.bundle import Configuration, load
from gateway.log_keeping import LogKeeping, pruned
from trust.checkpoint import CheckpointRefused, Opened, Public, open_note, read_public_key, verifier_key
from trust.checkpoint_export import read_copies
from trust.errors import LogBroken, LogUnavailable
from trust.log import AppendOnlyLog, migrate, open_database
from trust.log_proofs import consistency, inclusion, verify_proof
from trust.log_verification import Verified, export_lines, tree_of_lines, verify_database, verify_lines
from trust.registry.diff import plain
from trust.trees import LOGIN, TREES

DESCRIPTION = """\
What happened (tree login) and what was decided about trust (tree trust), and the proof that none of it was changed.

  verify       compare the log, or an exported copy, with its checkpoints; names the first bad entry
  checkpoint   sign how far the log has grown, and bring the copies up to date
  key          the key that an auditor needs
  export       write a tree's entries as lines, for an auditor
  prove        prove one entry, or that the log only grew since an older checkpoint
  prune        remove old login events; what proves the others stays
"""

_NOT_A_NOTE = "no checkpoint yet: eid-gateway log checkpoint"


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below ``log``."""
    add = parser.add_subparsers(required=True, metavar="COMMAND").add_parser
    verify = add(
        "verify",
        help="compare the log, or an exported copy, with its checkpoints; names the first bad entry",
        description="With --config: the database, and copies of checkpoints from outside if there are any. "
        "With --entries: a file of 'log export', without database and configuration. With --proof: an answer of "
        "'log prove'. Exit status 1 if anything does not fit.",
    )
    what = verify.add_mutually_exclusive_group(required=True)
    _config(what, required=False)
    what.add_argument("--entries", type=Path, metavar="FILE", help="what 'log export' wrote")
    what.add_argument("--proof", type=Path, metavar="FILE", help="what 'log prove' printed")
    verify.add_argument("--checkpoint", type=Path, action="append", default=[], metavar="PATH",
                        help="an exported checkpoint, or a directory of them; again for another")  # fmt: skip
    verify.add_argument("--key", type=Path, action="append", default=[], metavar="FILE",
                        help="public key of the log, in PEM or as 'log key' prints it; again for another")  # fmt: skip
    _tree(verify, default=None)
    verify.set_defaults(run=_verify)

    _command(
        add, "checkpoint", "sign how far the log has grown, and bring the copies up to date", _checkpoint
    )
    _command(add, "key", "print the key of each tree, in the form of C2SP signed notes", _key)

    export = _command(add, "export", "write a tree's entries as lines, for an auditor", _export)
    export.add_argument("to", type=Path, metavar="FILE")
    _tree(export)

    prove = _command(add, "prove", "prove one entry, or that the log only grew; prints JSON", _prove)
    proof = prove.add_mutually_exclusive_group(required=True)
    proof.add_argument("seq", nargs="?", type=int, metavar="SEQ", help="number of the entry")
    proof.add_argument("--from-checkpoint", type=Path, metavar="FILE", help="the older checkpoint")
    _tree(prove)

    prune = _command(
        add, "prune", "remove old login events; the log says so, and what proves the others stays", _prune
    )
    prune.add_argument(
        "--older-than", type=_days, metavar="DAYS", help="e.g. 90d; default: [log] retention_days"
    )


def _command(
    add: Callable[..., argparse.ArgumentParser],
    name: str,
    about: str,
    run: Callable[[_Log, argparse.Namespace], int],
) -> argparse.ArgumentParser:
    command = add(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    _config(command, required=True)
    command.set_defaults(run=partial(_with_database, run))
    return command


def _config(command: argparse._ActionsContainer, *, required: bool) -> None:
    command.add_argument(
        "--config", required=required, type=Path, metavar="DIR", help="configuration directory"
    )


def _tree(command: argparse.ArgumentParser, default: str | None = LOGIN.name) -> None:
    about = f"default: {default}" if default else "default: both"
    command.add_argument("--tree", choices=sorted(TREES), default=default, help=about)


def _days(text: str) -> timedelta:
    if re.fullmatch(r"[1-9][0-9]{0,4}d", text) is None:
        raise argparse.ArgumentTypeError("a number of days such as 90d")
    return timedelta(days=int(text[:-1]))


class _Log:
    """The log of one configuration directory."""

    def __init__(self, configuration: Configuration, engine: sa.Engine) -> None:
        self.configuration = configuration
        self.engine = engine
        self.keeping = LogKeeping(configuration, engine, clock=lambda: datetime.now(UTC))


@contextmanager
def _opened(directory: Path) -> Iterator[_Log]:
    configuration = load(directory)
    engine = open_database(configuration.database_url.render_as_string(hide_password=False))
    try:
        yield _Log(configuration, engine)
    finally:
        engine.dispose()


def _with_database(run: Callable[[_Log, argparse.Namespace], int], options: argparse.Namespace) -> int:
    with _opened(options.config) as log:
        return _said(partial(run, log, options))


def _said(run: Callable[[], int]) -> int:
    try:
        return run()
    except SQLAlchemyError as error:
        raise LogUnavailable(type(error).__name__) from error
    except (LogBroken, CheckpointRefused) as error:
        print(f"eid-gateway: {plain(str(error))}", file=sys.stderr)
        return 1


# ---------------------------------------------------------------------------------- commands


def _verify(options: argparse.Namespace) -> int:
    if options.proof is not None:
        return _said(partial(_verify_proof, options))
    if options.entries is not None:
        return _said(partial(_verify_entries, options))
    trees = [options.tree] if options.tree else sorted(TREES)
    with _opened(options.config) as log:
        outside: list[Opened] = []
        status = max([_said(partial(_verify_tree, log, tree, options, outside)) for tree in trees])
        if status == 0 and options.checkpoint and not outside:
            print(f"eid-gateway: no checkpoint of this log in {options.checkpoint[0]}", file=sys.stderr)
            return 1
        return status


def _verify_tree(log: _Log, tree: str, options: argparse.Namespace, outside: list[Opened]) -> int:
    own = log.keeping.checkpoints(tree, also=_keys(options.key))
    try:
        opened, runs = read_copies(options.checkpoint, tree, own.believed)
        outside += opened
        found = verify_database(log.engine, own, opened, runs)
    except (LogBroken, CheckpointRefused) as error:
        print(f"eid-gateway: tree {tree}: {plain(str(error))}", file=sys.stderr)
        return 1
    print(_summary(tree, found))
    return 0


def _verify_entries(options: argparse.Namespace) -> int:
    if not options.key or not options.checkpoint:
        raise CheckpointRefused("--entries needs --checkpoint and --key: the file alone proves nothing")
    with options.entries.open("rb") as lines:
        tree, begin = tree_of_lines(next(lines, b""))
        opened, runs = read_copies(options.checkpoint, tree, _keys(options.key))
        if not opened:
            raise CheckpointRefused(f"none of these checkpoints is of the tree {tree}")
        print(_summary(tree, verify_lines(lines, begin, opened, runs)))
    return 0


def _verify_proof(options: argparse.Namespace) -> int:
    if not options.key:
        raise CheckpointRefused("--proof needs --key")
    print(f"ok: {verify_proof(options.proof.read_text('utf-8'), _keys(options.key))}")
    return 0


def _summary(tree: str, found: Verified) -> str:
    parts = [f"{found.size} entries"]
    if found.pruned:
        until = f" (up to {found.pruned_until:%Y-%m-%d})" if found.pruned_until else ""
        parts.append(f"the first {found.pruned} removed{until}")
    parts.append(f"{found.checkpoints} checkpoints compared")
    newest = found.newest
    if newest is not None:
        when = f" of {newest.time:%Y-%m-%dT%H:%M:%SZ}" if newest.time else ""
        parts.append(f"the newest{when} tells of {newest.checkpoint.size} entries")
    return f"ok: tree {tree}: {', '.join(parts)}"


def _checkpoint(log: _Log, options: argparse.Namespace) -> int:
    del options
    migrate(log.engine)
    well = log.keeping.turn()
    for state in log.keeping.states():
        print(f"{state.tree}: {state.entries} entries, checkpoint of {state.size}")
        for problem in state.problems:
            print(f"eid-gateway: {problem.tree}: {problem.target}: {problem.problem}", file=sys.stderr)
    return 0 if well else 1


def _key(log: _Log, options: argparse.Namespace) -> int:
    del options
    for tree in sorted(TREES):
        own = log.keeping.checkpoints(tree)
        print(verifier_key(own.origin, own.believed[0]))
    return 0


def _export(log: _Log, options: argparse.Namespace) -> int:
    with options.to.open("xb") as file:
        file.writelines(export_lines(log.engine, log.keeping.checkpoints(options.tree)))
    return 0


def _prove(log: _Log, options: argparse.Namespace) -> int:
    own = log.keeping.checkpoints(options.tree)
    if own.newest() is None:
        raise CheckpointRefused(_NOT_A_NOTE)
    if options.from_checkpoint is not None:
        older = open_note(options.from_checkpoint.read_text("utf-8"), own.believed)
        proof = consistency(own, older)
    else:
        proof = inclusion(log.engine, own, options.seq)
    print(json.dumps(proof, indent=2, ensure_ascii=False))
    return 0


def _prune(log: _Log, options: argparse.Namespace) -> int:
    age = options.older_than or timedelta(days=log.configuration.settings.log.retention_days)
    if not age:
        print("eid-gateway: [log] retention_days is 0: nothing is ever removed", file=sys.stderr)
        return 1
    planned = log.keeping.planned(age)
    if planned is None:
        print("nothing is older, up to a checkpoint")
        return 0
    _append(log.engine, pruned(planned))
    log.keeping.remove(planned)
    print(f"removed: {planned.removed} entries, up to {planned.size}")
    return 0


def _append(engine: sa.Engine, event: LogPruned) -> None:
    """Durable when it returns; raises LogUnavailable."""
    log = AppendOnlyLog(engine)
    log.start()
    try:
        body = {
            "size": event.size,
            "root": event.root,
            "older_than": event.older_than,
            "removed": event.removed,
        }
        log.append(type(event).__name__, body, now=datetime.now(UTC)).result()
    finally:
        log.stop()


def _keys(paths: Sequence[Path]) -> tuple[Public, ...]:
    """All keys of the files; several lines are several keys. Raises CheckpointRefused, OSError."""
    keys: list[Public] = []
    for path in paths:
        text = path.read_text("utf-8")
        keys += [read_public_key(word) for word in ([text] if "-----BEGIN" in text else text.split())]
    return tuple(keys)
