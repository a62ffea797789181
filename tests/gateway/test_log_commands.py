"""``eid-gateway log``: the commands of the guide, copies elsewhere, retention (security.md C.8, D.8)."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ed25519

from gateway import cli
from gateway.audit import Audit
from gateway.bundle import load
from gateway.log_keeping import LogKeeping
from gateway.log_key import LogKeys
from gateway.watch.standings import log_standings
from tests.gateway.registry_bundle import directory, keys
from tests.support.forked_commands import forked_commands
from tests.support.migrated import migrate
from trust.log import AppendOnlyLog, open_database

__all__ = ["directory", "keys"]

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, tzinfo=UTC)

Command = Callable[..., tuple[int, str, str]]


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def engine(directory: Path) -> Iterator[sa.Engine]:
    with (directory / "gateway.toml").open("a") as file:
        file.write('\n[log]\nexport = ["archive"]\n')
    (directory / "archive").mkdir()
    opened = open_database(f"sqlite:///{directory}/var/gateway.sqlite3")
    migrate(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeping(directory: Path, engine: sa.Engine, clock: Clock) -> LogKeeping:
    return LogKeeping(load(directory), engine, clock=clock)


@pytest.fixture
def command(directory: Path, engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str | Path) -> tuple[int, str, str]:
        own = [] if "--entries" in arguments or "--proof" in arguments else ["--config", str(directory)]
        status = cli.main(["log", *map(str, arguments), *own])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def write(engine: sa.Engine, count: int, *, at: datetime = NOW, journey: str = "J") -> None:
    log = AppendOnlyLog(engine)
    log.start()
    for number in range(count):
        log.append("JourneyEnded", {"client": "c", "code": str(number), "journey": journey}, now=at)
    log.stop()


def change(directory: Path, *statements: str) -> None:
    with sqlite3.connect(directory / "var/gateway.sqlite3") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def problem(keeping: LogKeeping) -> str:
    (found,) = next(state for state in keeping.states() if state.tree == "login").problems
    assert found.failing_since is not None
    return found.problem or ""


def test_commands_of_the_guide_do_what_they_say(directory: Path) -> None:
    """docs/security-admin.md, Audit: every block, in its order."""
    text = (ROOT / "docs/security-admin.md").read_text("utf-8")
    section = text.split("\n## Audit\n", 1)[1].split("\n## ", 1)[0]
    shared = (directory / "keys").resolve()
    (directory / "keys").unlink()
    shutil.copytree(shared, directory / "keys")
    engine = open_database(f"sqlite:///{directory}/var/gateway.sqlite3")
    migrate(engine)
    write(engine, 5)
    engine.dispose()
    script = "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))
    with forked_commands() as program:
        line = ["sh", "-e", "-c", script.replace("eid-gateway ", f"{program} ")]
        done = subprocess.run(line, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ok: tree login: 5 entries, 2 checkpoints compared, the newest of " in done.stdout
    assert "ok: tree trust: 0 entries" in done.stdout
    assert (
        'entry 1 of 5: {"body":{"client":"c","code":"0","journey":"J"},"event":"JourneyEnded"' in done.stdout
    )
    assert "the first 5 of 5 entries are the same" in done.stdout
    assert "nothing is older" in done.stdout


def test_an_edited_and_a_truncated_log_are_told_apart_from_an_untouched_one(
    directory: Path, engine: sa.Engine, keeping: LogKeeping, command: Command
) -> None:
    """Shows 4: the auditor's checkpoint exposes what was cut off together with its checkpoints."""
    write(engine, 5)
    assert keeping.turn()
    write(engine, 3)
    assert keeping.turn()
    copies = ("--checkpoint", directory / "archive")
    assert command("verify", *copies)[0] == 0
    saved = directory / "saved.sqlite3"
    with sqlite3.connect(directory / "var/gateway.sqlite3") as source, sqlite3.connect(saved) as target:
        source.backup(target)
    source.close()
    target.close()
    change(directory, "UPDATE log SET body = '{}' WHERE seq = 3")
    status, _, err = command("verify")
    assert (status, "tree login: entry 3 does not follow" in err) == (1, True)
    for leftover in (directory / "var").glob("gateway.sqlite3*"):
        leftover.unlink()
    saved.rename(directory / "var/gateway.sqlite3")
    engine.dispose()
    change(
        directory,
        "DELETE FROM log WHERE seq > 6",
        "DELETE FROM log_checkpoint WHERE size > 5",
        "DELETE FROM log_journey WHERE seq > 5",
    )
    assert command("verify")[0] == 0
    status, _, err = command("verify", *copies)
    assert (status, "tree login: entry 7 is missing: a signed checkpoint tells of 8 entries" in err) == (
        1,
        True,
    )
    status, _, err = command("checkpoint")
    told = "archive: the database does not know the checkpoint of 8 entries that went there"
    assert (status, told in err) == (1, True)
    change(directory, "DELETE FROM log_export")
    status, _, err = command("checkpoint")
    told = "archive: holds a checkpoint of 8 entries that the database does not know"
    assert (status, told in err) == (1, True)


def test_a_copy_that_could_not_go_out_waits_and_is_told(
    directory: Path, engine: sa.Engine, keeping: LogKeeping, clock: Clock
) -> None:
    """A medium that is not mounted; then both checkpoints go out, in order, with their hashes."""
    archive = directory / "archive"
    archive.rmdir()
    write(engine, 2)
    assert not keeping.turn()
    assert problem(keeping) == "the directory is not there"
    clock.now += timedelta(minutes=1)
    write(engine, 3)
    assert not keeping.turn()
    state = next(s for s in keeping.states() if s.tree == "login")
    assert (state.entries, state.size, state.problems[0].size) == (5, 5, 0)
    assert state.problems[0].failing_since == NOW
    archive.mkdir()
    assert keeping.turn()
    state = next(s for s in keeping.states() if s.tree == "login")
    assert state.problems == ()
    assert {(s.size, s.time) for s in state.exports} == {(5, clock.now)}
    files = sorted(path.name for path in (archive / "login/2026-11-23").iterdir())
    assert files == [f"00000000000{n}.{kind}" for n in (2, 5) for kind in ("checkpoint", "leaves")]
    assert (archive / "login/2026-11-23/000000000005.leaves").stat().st_size == 3 * 32


def test_a_copy_that_holds_something_else_is_never_replaced(
    directory: Path, engine: sa.Engine, keeping: LogKeeping
) -> None:
    """Then either the archive or the database is not what it was."""
    folder = directory / "archive/login/2026-11-23"
    folder.mkdir(parents=True)
    (folder / "000000000002.checkpoint").write_text("something else")
    write(engine, 2)
    assert not keeping.turn()
    assert "holds another 000000000002.checkpoint" in problem(keeping)
    assert (folder / "000000000002.checkpoint").read_text() == "something else"


def test_no_checkpoint_of_a_broken_end_and_whoever_watches_learns_why(
    directory: Path, engine: sa.Engine, keeping: LogKeeping
) -> None:
    write(engine, 4)
    change(directory, "UPDATE log SET body = '{}' WHERE seq = 3")
    assert not keeping.turn()
    assert problem(keeping) == "entry 3 does not follow from the one before"


@pytest.mark.anyio
async def test_retention_removes_what_is_too_old_and_every_proof_stays(
    directory: Path, engine: sa.Engine, keeping: LogKeeping, clock: Clock, command: Command
) -> None:
    """security.md C.8: 90 days; the log tells of it, and checkpoints from before still count."""
    for days in (100, 99, 10):
        clock.now = NOW - timedelta(days=days)
        write(engine, 3, at=clock.now)
        keeping.turn()
    clock.now = NOW
    log = AppendOnlyLog(engine)
    log.start()
    (prune,) = (task for task in keeping.tasks(Audit(log)) if task.name == "log-retention")
    await prune.run()
    await prune.run()
    entries = list(log.entries())
    log.stop()
    assert [entry.seq for entry in entries] == [7, 8, 9, 10]
    assert entries[-1].event == "LogPruned"
    assert '"removed":6' in entries[-1].body
    assert '"size":6' in entries[-1].body
    assert keeping.turn()
    status, out, err = command("verify", "--checkpoint", directory / "archive")
    assert (status, err) == (0, "")
    assert "10 entries, the first 6 removed (up to 2026-08-16), 7 checkpoints compared" in out, (
        "four outside, three inside"
    )
    older = next((directory / "archive").glob("login/*/000000000003.checkpoint"))
    for proof in (("--from-checkpoint", older), ("8",)):
        status, out, _ = command("prove", *proof)
        assert status == 0
        (directory / "proof.json").write_text(out)
        (directory / "key").write_text(command("key")[1])
        assert command("verify", "--proof", directory / "proof.json", "--key", directory / "key")[0] == 0
    assert command("prove", "5")[0] == 1, "removed"
    assert command("export", directory / "lines")[0] == 0
    copy = (
        "--entries",
        directory / "lines",
        "--checkpoint",
        directory / "archive",
        "--key",
        directory / "key",
    )
    assert command("verify", *copy)[0] == 0
    status, out, _ = command("prune", "--older-than", "9d")
    assert (status, out) == (0, "removed: 3 entries, up to 9\n")
    assert command("verify", "--checkpoint", directory / "archive")[0] == 0


@pytest.mark.anyio
async def test_clock_that_is_a_year_ahead_does_not_cost_the_log(
    engine: sa.Engine, keeping: LogKeeping, clock: Clock
) -> None:
    """What is removed cannot be brought back; two days in six hours leave time to notice."""
    for days in (9, 8, 6, 1):
        clock.now = NOW - timedelta(days=days)
        write(engine, 1, at=clock.now)
        keeping.turn()
    clock.now = NOW + timedelta(days=365)
    log = AppendOnlyLog(engine)
    log.start()
    (prune,) = (task for task in keeping.tasks(Audit(log)) if task.name == "log-retention")
    await prune.run()
    entries = [entry.seq for entry in log.entries()]
    log.stop()
    assert entries == [3, 4, 5]


def test_nobody_removes_the_beginning_without_saying_so(
    directory: Path, engine: sa.Engine, keeping: LogKeeping, command: Command
) -> None:
    write(engine, 3)
    keeping.turn()
    write(engine, 3)
    keeping.turn()
    change(directory, "DELETE FROM log WHERE seq <= 3")
    status, _, err = command("verify")
    assert (status, "entries 1 to 3 is missing, and no entry tells that it was removed" in err) == (1, True)


def test_a_log_that_does_not_fit_is_not_pruned(
    directory: Path, engine: sa.Engine, keeping: LogKeeping, clock: Clock, command: Command
) -> None:
    """It is evidence."""
    write(engine, 3, at=NOW - timedelta(days=100))
    keeping.turn()
    change(directory, "UPDATE log SET body = '{}' WHERE seq = 2")
    status, _, err = command("prune", "--older-than", "90d")
    assert (status, "entry 2" in err) == (1, True)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM log")).scalar() == 3


def test_what_proves_nothing_is_refused(directory: Path, engine: sa.Engine, command: Command) -> None:
    nothing = directory / "nothing"
    nothing.write_text("")
    for arguments in (
        ("verify", "--entries", nothing),
        ("verify", "--entries", nothing, "--checkpoint", nothing, "--key", nothing),
        ("verify", "--proof", nothing),
        ("verify", "--proof", nothing, "--key", nothing),
        ("verify", "--checkpoint", nothing),
        ("verify", "--checkpoint", directory / "archive"),
        ("prove", "1"),
    ):
        status, out, err = command(*arguments)
        assert (status, out) == (1, "") or "verify" in arguments, err
        assert status == 1
        assert err.startswith("eid-gateway: ")


def test_hosts_without_a_key_of_the_log_sign_with_the_same_one(
    directory: Path, engine: sa.Engine, keeping: LogKeeping, command: Command
) -> None:
    """Whichever of them makes the next checkpoint goes on with those of the others; nothing is kept in a file."""
    first = command("key")[1]
    assert first.splitlines()[0].startswith("id.example/login+")
    write(engine, 2)
    assert keeping.turn()
    assert not (directory / "var/checkpoint.key").exists()
    other = LogKeeping(load(directory), engine, clock=Clock())
    write(engine, 2)
    assert other.turn()
    assert command("verify")[0] == 0
    assert command("key")[1] == first


def test_a_host_with_another_key_says_what_to_do(
    directory: Path, engine: sa.Engine, keeping: LogKeeping
) -> None:
    write(engine, 2)
    assert keeping.turn()
    other = load(directory)
    stranger = LogKeys(signing=ed25519.Ed25519PrivateKey.generate())
    assert not LogKeeping(replace(other, log_keys=stranger), engine, clock=Clock()).turn()
    assert "not signed by a key that is believed; give every host the same [log] checkpoint_key" in problem(
        keeping
    )


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("", "log.export: checkpoints stay on this host"),
        ("", "log.checkpoint_key: follows from the subject key"),
        ('[log]\nexport = ["nowhere"]', "log.export[0]: is not a directory at the moment"),
        ('[log]\ncheckpoint_key = "file:keys/saml-signing.crt"', "log.checkpoint_key: key.unreadable"),
        ('[log]\ncheckpoint_key = "file:keys/none"', "log.checkpoint_key: keys/none cannot be read"),
        ('[log]\nretired_keys = ["keys/oidc.key"]', "log.retired_keys[0]: not a public key"),
        (
            '[log]\nexport = ["http://archive.example/"]',
            "log.export: must be a directory or an https address",
        ),
        ('[log]\norigin = "a b"', "log.origin: must be a URL without scheme"),
    ],
)
def test_check_config_says_what_is_missing_or_wrong(
    directory: Path, capsys: pytest.CaptureFixture[str], section: str, told: str
) -> None:
    """What nobody would notice otherwise: checkpoints that never leave the host."""
    with (directory / "gateway.toml").open("a") as file:
        file.write(f"\n{section}\n")
    cli.main(["check-config", "--config", str(directory)])
    assert told in capsys.readouterr().err


def test_first_entry_after_quiet_days_is_not_late_for_a_checkpoint(
    engine: sa.Engine, keeping: LogKeeping, clock: Clock
) -> None:
    """The age of the newest checkpoint says nothing: a tree to which nothing is added gets none."""
    write(engine, 3)
    keeping.turn()
    assert [state.waiting_since for state in keeping.states()] == [None, None]
    clock.now = NOW + timedelta(days=3)
    write(engine, 1, at=clock.now)
    assert [state.waiting_since for state in keeping.states()] == [clock.now, None]
    assert [one.late_since for one in log_standings(keeping.states(), clock.now, 60)] == [None, None]
    after = clock.now + timedelta(minutes=6)
    assert [one.late_since for one in log_standings(keeping.states(), after, 60)] == [NOW, None]
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE log SET time = 'yesterday' WHERE seq = 4"))
    assert [state.waiting_since for state in keeping.states()] == [None, None]
