"""Checkpoints signed by a key that never leaves its hardware module (security.md C.8, D.9)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway import cli
from gateway.bundle import load
from gateway.log_keeping import LogKeeping
from tests.gateway.registry_bundle import directory, keys
from tests.gateway.test_log_commands import Clock, engine, problem, write
from tests.support import softhsm
from tests.support.softhsm import SoftToken
from trust import pkcs11_module, pkcs11_token

__all__ = ["directory", "engine", "keys"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rest between two attempts."""
    monkeypatch.setattr(pkcs11_module, "RESTART_SECONDS", 0.0)
    monkeypatch.setattr(pkcs11_token, "_PAUSE_SECONDS", 0.0)


@pytest.fixture(scope="module")
def token() -> SoftToken:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pkcs11_module, "RESTART_SECONDS", 0.0)
        made = SoftToken.new("log")
    made.bring_in("checkpoints", ec.generate_private_key(ec.SECP256R1()), 1)
    made.bring_in("p384", ec.generate_private_key(ec.SECP384R1()), 2)
    made.bring_in("rsa", rsa.generate_private_key(65537, 3072), 3)
    return made


def configure(directory: Path, token: SoftToken, label: str) -> None:
    file = directory / "gateway.toml"
    text = file.read_text("utf-8")
    assert "\n[log]\n" in text
    file.write_text(text.replace("\n[log]\n", f'\n[log]\ncheckpoint_key = "{token.uri(label)}"\n'), "utf-8")


def test_an_auditor_verifies_what_the_module_signed(
    directory: Path, engine: sa.Engine, token: SoftToken, capsys: pytest.CaptureFixture[str]
) -> None:
    """Offline: with the exported entries, the copies and the public key alone."""
    configure(directory, token, "checkpoints")
    keeping = LogKeeping(load(directory), engine, clock=Clock())
    for count in (5, 3):
        write(engine, count)
        assert keeping.turn()
    entries, key = directory / "entries.jsonl", directory / "log.key"
    assert cli.main(["log", "export", str(entries), "--config", str(directory)]) == 0
    capsys.readouterr()
    assert cli.main(["log", "key", "--config", str(directory)]) == 0
    key.write_text(capsys.readouterr().out.splitlines()[0], "utf-8")
    offline = ["log", "verify", "--entries", str(entries), "--key", str(key)]
    copies = ["--checkpoint", str(directory / "archive")]
    assert cli.main([*offline, *copies]) == 0
    assert "8 entries" in capsys.readouterr().out
    lines = entries.read_text("utf-8").splitlines(keepends=True)
    entries.write_text("".join(lines[:6]), "utf-8")
    assert cli.main([*offline, *copies]) == 1
    assert "8 entries" in capsys.readouterr().err


def test_without_its_module_there_is_no_checkpoint_and_the_next_turn_makes_up_for_it(
    directory: Path, engine: sa.Engine, token: SoftToken, tmp_path: Path
) -> None:
    """The log itself goes on; whoever watches learns why it is not signed."""
    configure(directory, token, "checkpoints")
    keeping = LogKeeping(load(directory), engine, clock=Clock())
    write(engine, 2)
    tokens, away = softhsm.directory() / "tokens", tmp_path / "away"
    shutil.move(tokens, away)
    tokens.mkdir()
    softhsm.loaded().restart(softhsm.loaded().epoch)
    assert not keeping.turn()
    assert "key.device" in problem(keeping)
    write(engine, 2)
    tokens.rmdir()
    shutil.move(away, tokens)
    assert keeping.turn()
    state = next(found for found in keeping.states() if found.tree == "login")
    assert (state.size, state.problems) == (4, ())


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ("rsa", "signed with Ed25519 or P-256"),
        ("p384", "signed with Ed25519 or P-256"),
        ("none", "key.missing"),
    ],
)
def test_a_key_of_the_module_that_cannot_sign_checkpoints_is_told_at_check_config(
    directory: Path,
    engine: sa.Engine,
    token: SoftToken,
    capsys: pytest.CaptureFixture[str],
    label: str,
    told: str,
) -> None:
    configure(directory, token, label)
    assert cli.main(["check-config", "--config", str(directory)]) != 0
    err = capsys.readouterr().err
    assert "log.checkpoint_key" in err
    assert told in err
