"""A proof that a stranger hands over: refused in words, whatever it is made of (RFC 9162 §2.1.3.2)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from trust.checkpoint import Checkpoint, CheckpointRefused, sign
from trust.log_proofs import verify_proof
from trust.log_verification import tree_of_lines
from trust.merkle import leaf_hash

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x07")
ENTRY = '{"body":{"reason":"\u009b2K\u202eno"},"seq":1}'
NOTE = sign(
    Checkpoint(origin="id.example/trust", size=1, root=leaf_hash(ENTRY.encode())),
    [KEY],
    now=datetime(2026, 11, 23, tzinfo=UTC),
)
PROOF = {"entry": ENTRY, "seq": 1, "proof": [], "checkpoint": NOTE}


def test_proven_entry_is_told_without_what_moves_a_terminal() -> None:
    told = verify_proof(json.dumps(PROOF), [KEY.public_key()])
    assert told == 'id.example/trust: entry 1 of 1: {"body":{"reason":"\\x9b2K\\u202eno"},"seq":1}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        json.dumps(PROOF | {"checkpoint": 5}),
        json.dumps(PROOF | {"older": 5}),
        json.dumps(PROOF | {"older": NOTE, "proof": ["00" * 32]}),
        json.dumps(PROOF | {"entry": 5}),
        json.dumps(PROOF | {"entry": "\ud800"}),
        json.dumps(PROOF | {"proof": 5}),
        json.dumps(PROOF | {"proof": ["00" * 32]}),
        *(json.dumps(PROOF | {"seq": number}) for number in (0, -1, 2, 2**70, 1.0, True, "1", None)),
        json.dumps(PROOF).replace('"seq": 1,', '"seq": Infinity,'),
    ],
    ids=lambda text: text[-60:],
)
def test_anything_else_is_refused_in_words(text: str) -> None:
    with pytest.raises(CheckpointRefused):
        verify_proof(text, [KEY.public_key()])


@pytest.mark.parametrize(
    "header",
    [
        "",
        "[" * 100_000,
        "[]",
        '{"tree": "trust", "size": 1.0, "frontier": []}',
        '{"tree": "trust", "size": true, "frontier": ["00"]}',
        '{"tree": "trust", "size": -1, "frontier": []}',
        '{"tree": "trust", "size": 3, "frontier": ["00"]}',
        '{"tree": "trust", "size": 1, "frontier": [1]}',
        '{"tree": ["trust"], "size": 0, "frontier": []}',
        '{"tree": "\\u001b[2K", "size": 0, "frontier": []}',
    ],
    ids=lambda header: header[:60],
)
def test_file_of_entries_begins_in_its_form(header: str) -> None:
    with pytest.raises(CheckpointRefused, match="first line is not in its form"):
        tree_of_lines(header.encode())
