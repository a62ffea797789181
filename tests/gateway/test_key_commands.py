"""``eid-gateway keys``: the calendar as an operator sees it, and a roll-over drafted for two people."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import cli
from gateway.bundle import load
from gateway.own_keys import files as key_files
from gateway.settings import KeyPurpose
from tests.gateway.key_calendar import DAY, NOW, calendar, write
from tests.gateway.registry_bundle import directory, keys
from tests.gateway.test_registry_commands import ceremony, take_over

__all__ = ["calendar", "directory", "keys"]

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(calendar: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """``keys ...`` on ``calendar``: exit status, standard output, standard error."""

    def run(*arguments: str, config: Path = calendar, group: str = "keys") -> tuple[int, str, str]:
        status = cli.main([group, *map(str, arguments), "--config", str(config)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_plan_shows_todays_keys_and_what_comes(calendar: Path, command: Command) -> None:
    status, out, _ = command("plan")
    assert status == 0
    assert re.search(r"^active +oidc-signing +oidc +SPKI [0-9a-f]{16}$", out, re.MULTILINE)
    assert re.search(r"^next +saml-signing +saml-signing-new +certificate until 20\d\d-", out, re.MULTILINE)
    assert "nothing is planned; see: eid-gateway keys plan --help" in out
    write(calendar, "oidc-new", "oidc-signing", publish_from=NOW + DAY, active_from=NOW + 2 * DAY)
    _, out, _ = command("plan")
    assert re.search(r"^planned +oidc-signing +oidc-new", out, re.MULTILINE)
    assert re.search(r"^what comes\n\S+Z oidc-new: planned -> next\n", out, re.MULTILINE)
    assert re.search(r"Z oidc: active -> retired\n\S+Z oidc-new: next -> active\n", out)


@pytest.mark.parametrize(
    ("old", "ahead"),
    [
        ("oidc", timedelta(days=1)),
        ("saml-signing", timedelta(days=2)),
        ("saml-decryption", timedelta(days=1)),
        ("saml-metadata", timedelta(days=14)),
    ],
)
def test_drafted_rollover_leaves_peers_their_time(
    calendar: Path, command: Command, old: str, ahead: timedelta
) -> None:
    """What is drafted passes the check, names both keys by their octets, and has no day without a key."""
    status, out, _ = command("roll", old, f"{old}-new")
    assert (status, out.count(".toml\n")) == (0, 2)
    found = load(calendar)
    before, after = found.key_plans[old], found.key_plans[f"{old}-new"]
    assert len({before.spki_sha256, after.spki_sha256, None}) == 3
    assert before.retire_from == after.active_from
    assert after.publish_from is not None
    assert after.active_from == after.publish_from + ahead
    assert not [warning for warning in found.warnings if warning.file.startswith("registry/keys")]


def test_rollover_in_a_hurry_says_why(calendar: Path, command: Command) -> None:
    """A stolen key: dates of one's own, and the reason that two people sign."""
    status, _, _ = command(
        "roll", "oidc", "oidc-new", "--publish-from", (NOW + DAY).isoformat(),
        "--active-from", (NOW + DAY + timedelta(minutes=1)).isoformat(), "--short-notice", "stolen",
    )  # fmt: skip
    assert status == 0
    plan = tomllib.loads((calendar / "registry/keys/oidc-new.toml").read_text())
    assert plan["short_notice"] == "stolen"
    assert "peers need 2 h" in "\n".join(map(str, load(calendar).warnings))


def test_next_rollover_keeps_what_was_decided_of_the_old_key(calendar: Path, command: Command) -> None:
    """When it was published and came into use stays in its plan."""
    write(calendar, "oidc", "oidc-signing", publish_from=NOW - 9 * DAY, active_from=NOW - 5 * DAY)
    assert command("roll", "oidc", "oidc-new")[0] == 0
    plan = load(calendar).key_plans["oidc"]
    assert (plan.publish_from, plan.active_from) == (NOW - 9 * DAY, NOW - 5 * DAY)
    assert plan.gone_from is not None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("oidc", "saml-signing-new"), "purpose and connectors must be the same"),
        (("oidc", "oidc"), "cannot follow"),
        (("oidc", "absent"), "there is no key absent in gateway.toml"),
        (("oidc", "oidc-new", "--publish-from", "2030-01-02T00:00:00Z", "--active-from", "2030-01-01T00:00:00Z"),
         "no roll-over"),
    ],
)  # fmt: skip
def test_keys_that_cannot_follow_each_other_are_refused(
    calendar: Path, command: Command, arguments: tuple[str, ...], words: str
) -> None:
    status, _, told = command("roll", *arguments)
    assert (status, words in told) == (1, True), told
    assert not (calendar / "registry/keys").exists() or not list((calendar / "registry/keys").iterdir())


def test_plan_shows_what_the_registry_holds_not_what_the_files_say(calendar: Path, command: Command) -> None:
    """Once two people decide, a file means nothing until it is proposed; suspension counts at once."""

    def registry(*arguments: str, config: Path = calendar) -> tuple[int, str, str]:
        return command(*arguments, config=config, group="registry")

    assert command("roll", "oidc", "oidc-new")[0] == 0
    ceremony(calendar, registry)
    take_over(calendar, calendar, registry)
    (calendar / "registry/keys/oidc-new.toml").unlink()
    (calendar / "registry/keys/oidc.toml").unlink()
    assert "oidc-new: planned -> next" in command("plan")[1]
    suspend = (
        "suspend",
        "key-plan/oidc",
        "--reason",
        "stolen",
        "--by",
        "anna",
        "--key",
        str(calendar / "anna.key"),
    )
    assert registry(*suspend)[0] == 0
    assert re.search(
        r"^active +oidc-signing +oidc +suspended; stays in use", command("plan")[1], re.MULTILINE
    )


@pytest.mark.parametrize("words", [["plan"], ["roll"]])
def test_help_leads_through_a_rollover(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["keys", *words, "--help"])
    told = capsys.readouterr().out
    assert "eid-gateway keys new" in told
    assert "eid-gateway registry propose" in told


def test_new_key_has_the_purpose_it_was_made_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["keys", "new", "--purpose", "saml-signing", "--to", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split() == [
        str(tmp_path / "saml-signing.key"), str(tmp_path / "saml-signing.crt"),
    ]  # fmt: skip
    with pytest.raises(key_files.KeyFileExists):
        key_files.create(
            tmp_path, "saml-signing", KeyPurpose.SAML_SIGNING, algorithm="p256", days=1, subject="x"
        )
