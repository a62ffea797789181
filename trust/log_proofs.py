"""Proofs as JSON documents that somebody else can check: with the key of the log, and nothing else of us.

``inclusion``: ``entry`` (the data of the leaf, word for word), ``seq``, ``proof`` and ``checkpoint``.
``consistency``: ``older`` and ``checkpoint``, both signed, and ``proof``. Hashes are in hexadecimal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import sqlalchemy as sa

from trust.checkpoint import CheckpointRefused, Opened, Public, open_note
from trust.checkpoints import Checkpoints, Kept
from trust.merkle import (
    ProofRefused,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from trust.registry.diff import plain


def inclusion(engine: sa.Engine, own: Checkpoints, seq: int) -> dict[str, object]:
    """That entry ``seq`` is in the tree of the newest checkpoint; raises CheckpointRefused."""
    newest, opened = _newest(own)
    with engine.connect() as connection, closing(own.tree.rows(connection, after=seq - 1, limit=1)) as rows:
        row = next(rows, None)
    if row is None or row.seq != seq or not 0 < seq <= newest.size:
        raise CheckpointRefused(
            f"entry {seq} is not there, was removed, or is newer than the newest checkpoint"
        )
    data = own.tree.data(row)
    proof = inclusion_proof(seq - 1, own.leaves(newest.size))
    try:
        verify_inclusion(leaf_hash(data), seq - 1, newest.size, proof, opened.checkpoint.root)
    except ProofRefused as error:
        raise CheckpointRefused(f"entry {seq} is not the one of which the checkpoint tells") from error
    return {
        "entry": data.decode(),
        "seq": seq,
        "proof": [node.hex() for node in proof],
        "checkpoint": newest.note,
    }


def consistency(own: Checkpoints, older: Opened) -> dict[str, object]:
    """That the log of ``older`` is the beginning of that of the newest checkpoint; raises CheckpointRefused."""
    newest, opened = _newest(own)
    before, now = older.checkpoint, opened.checkpoint
    if before.origin != now.origin or not 0 < before.size <= now.size:
        raise CheckpointRefused(
            f"a checkpoint of {before.origin}, size {before.size}, is not older than the newest"
        )
    proof = consistency_proof(before.size, own.leaves(newest.size))
    try:
        verify_consistency(before.size, before.root, now.size, now.root, proof)
    except ProofRefused as error:
        raise CheckpointRefused("the log is not a continuation of that checkpoint") from error
    return {"older": older.note, "proof": [node.hex() for node in proof], "checkpoint": newest.note}


def verify_proof(text: str, believed: Sequence[Public]) -> str:
    """What a document proves, in words for any terminal; raises CheckpointRefused."""
    try:
        document = json.loads(text)
        newest = open_note(_text(document["checkpoint"]), believed).checkpoint
        proof = [bytes.fromhex(node) for node in document["proof"]]
        if "older" in document:
            before = open_note(_text(document["older"]), believed).checkpoint
            if before.origin != newest.origin:
                raise CheckpointRefused("the two checkpoints are of different logs")
            verify_consistency(before.size, before.root, newest.size, newest.root, proof)
            return f"{newest.origin}: the first {before.size} of {newest.size} entries are the same"
        seq, entry = document["seq"], _text(document["entry"])
        if type(seq) is not int:
            raise CheckpointRefused("not a proof in its form")
        verify_inclusion(leaf_hash(entry.encode()), seq - 1, newest.size, proof, newest.root)
        _require_number(entry, seq)
    except ProofRefused as error:
        raise CheckpointRefused(str(error)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointRefused("not a proof in its form") from error
    return f"{newest.origin}: entry {seq} of {newest.size}: {plain(entry)}"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise CheckpointRefused("not a proof in its form")
    return value


def _require_number(entry: str, seq: int) -> None:
    found: Any = json.loads(entry)
    if found["seq"] != seq:
        raise CheckpointRefused("the entry is numbered otherwise than its place in the log")


def _newest(own: Checkpoints) -> tuple[Kept, Opened]:
    newest = own.newest()
    if newest is None:
        raise CheckpointRefused(f"{own.origin}: there is no checkpoint yet")
    return newest, own.opened(newest)
