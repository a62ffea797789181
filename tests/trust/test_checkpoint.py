"""Checkpoints as signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from trust.checkpoint import (
    Checkpoint,
    CheckpointRefused,
    open_note,
    public_of,
    read_public_key,
    sign,
    verifier_key,
)
from trust.keys import InMemoryKey

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MODULE = InMemoryKey(ec.derive_private_key(2**200 + 7, ec.SECP256R1()))
CHECKPOINT = Checkpoint(origin="id.example/login", size=20852163, root=bytes(range(32)))
NOTE = sign(CHECKPOINT, [KEY, MODULE], now=NOW)


def test_the_text_is_that_of_the_specification() -> None:
    """C2SP tlog-checkpoint, note text: its own example."""
    root = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    checkpoint = Checkpoint(origin="example.com/behind-the-sofa", size=20852163, root=root)
    assert checkpoint.text == (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )


def test_key_numbers_are_those_of_other_implementations() -> None:
    """C2SP signed-note, verifier keys: the example of Go's golang.org/x/mod/sumdb/note."""
    word = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert verifier_key("PeterNeumann", read_public_key(word)) == word


@pytest.mark.parametrize("key", [KEY, MODULE], ids=["Ed25519", "P-256"])
def test_a_checkpoint_is_opened_with_any_one_of_its_keys(
    key: ed25519.Ed25519PrivateKey | InMemoryKey,
) -> None:
    """Ed25519 signs once more with the time (C2SP tlog-cosignature)."""
    opened = open_note(NOTE, [public_of(key)])
    assert opened.checkpoint == CHECKPOINT
    assert opened.time == (NOW if key is KEY else None)
    assert len(NOTE.partition("\n\n")[2].splitlines()) == 3


def test_public_keys_are_read_in_both_forms() -> None:
    for key in (KEY, MODULE):
        public = public_of(key)
        pem = public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()
        word = verifier_key("id.example/login", public)
        for form in (pem, word):
            assert open_note(NOTE, [read_public_key(form)]).checkpoint == CHECKPOINT


def other_base64(note: str) -> str:
    """The same root, written with other bits behind its end (RFC 4648 §3.5)."""
    last = note.index("=\n") - 1
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return f"{note[:last]}{digits[digits.index(note[last]) ^ 1]}{note[last + 1 :]}"


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace("20852163", "20852164"),
        lambda note: note.replace("id.example/login\n", "id.example/trust\n"),
        lambda note: note.replace("\n\n", "\nextension\n\n"),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.partition("\n\n")[0] + "\n\n",
        lambda note: note[:-1],
        lambda note: note.replace("— ", "- "),
        lambda note: note.replace("— id.example/login ", "— id.example/other "),
        lambda note: note + "x" * 70_000 + "\n",
        lambda note: note + "— id.example/login AAAA\n" * 64,
        lambda note: note.replace("20852163", "020852163"),
        lambda note: note.replace("20852163", "\N{FULLWIDTH DIGIT TWO}0852163"),
        other_base64,
        lambda note: note.replace("\n— ", "\u2028— ").replace("\n\u2028", "\n\n"),
        lambda note: note.replace("id.example", "id\x1b[2Kexample"),
        lambda note: "\ufeff" + note,
        lambda note: note.replace("\n", "\r\n"),
        lambda note: "",
    ],
)
def test_what_was_changed_is_refused(change: object) -> None:
    """C2SP signed-note: a wrong signature by a known key refuses the whole note."""
    assert callable(change)
    assert change(NOTE) != NOTE
    with pytest.raises(CheckpointRefused) as refused:
        open_note(change(NOTE), [public_of(KEY)])
    assert str(refused.value).isprintable()


def test_a_time_that_was_moved_is_refused() -> None:
    """The time is signed with the rest."""
    lines = NOTE.splitlines(keepends=True)
    octets = bytearray(base64.b64decode(lines[5].split(" ")[2]))
    octets[11] ^= 1
    lines[5] = f"— id.example/login {base64.b64encode(octets).decode()}\n"
    with pytest.raises(CheckpointRefused, match="signature is wrong"):
        open_note("".join(lines), [public_of(KEY)])


def test_a_signature_by_a_key_that_nobody_believes_counts_for_nothing() -> None:
    other = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(CheckpointRefused, match="not signed by a key"):
        open_note(sign(CHECKPOINT, [other], now=NOW), [public_of(KEY)])
    assert open_note(sign(CHECKPOINT, [other, KEY], now=NOW), [public_of(KEY)]).time == NOW


def test_other_kinds_of_keys_are_refused() -> None:
    weak = ec.derive_private_key(2**200 + 7, ec.SECP384R1())
    with pytest.raises(CheckpointRefused, match="P-256"):
        public_of(InMemoryKey(weak))
    pem = (
        rsa.generate_private_key(65537, 2048)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(CheckpointRefused, match="P-256"):
        read_public_key(pem.decode())
    for wrong in ("", "a+b", "-----BEGIN PUBLIC KEY-----\n", "id.example/login+00000000+AQ=="):
        with pytest.raises(CheckpointRefused, match="not a public key"):
            read_public_key(wrong)
