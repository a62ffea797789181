"""``eid-gateway registry``: the commands of the guide, and what they refuse."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import cli
from gateway.bundle import load
from gateway.own_keys import files as key_files
from gateway.settings import KeyPurpose
from tests.gateway.registry_bundle import directory, keys, write
from tests.support.forked_commands import forked_commands
from tests.trust.registry.passkey import Passkey

__all__ = ["directory", "keys"]

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "security-admin.md"


def new_key(folder: Path, name: str, purpose: KeyPurpose) -> None:
    algorithm = "rsa3072" if purpose is KeyPurpose.SAML_DECRYPTION else "p256"
    key_files.create(folder, name, purpose, algorithm=algorithm, days=30, subject="eid-gateway")


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(directory: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """One command on ``directory``: exit status, standard output, standard error."""

    def run(*arguments: str | Path, config: Path = directory) -> tuple[int, str, str]:
        status = cli.main(["registry", *map(str, arguments), "--config", str(config)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def new_person(directory: Path, name: str) -> None:
    key = Ed25519PrivateKey.generate()
    (directory / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (directory / f"{name}.pub").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def person(directory: Path, name: str) -> tuple[str, ...]:
    return "--by", name, "--key", str(directory / f"{name}.key")


@pytest.fixture
def started(directory: Path, command: Command) -> Path:
    """A ceremony with two people, pinned, and the bundle of the directory in force."""
    ceremony(directory, command)
    take_over(directory, directory, command)
    return directory


def ceremony(directory: Path, command: Command) -> None:
    for name in ("anna", "bert"):
        new_person(directory, name)
    status, out, _ = command(
        "init",
        "--reason",
        "first",
        *(word for name in ("anna", "bert") for word in ("--approver", f"{name}={directory}/{name}.pub")),
        config=directory,
    )
    assert status == 0
    with (directory / "gateway.toml").open("a") as file:
        file.write(out.split("\n\n", 1)[1])


def take_over(directory: Path, bundle: Path, command: Command) -> str:
    """Proposed by Anna, approved by Bert; gives the state hash."""
    propose = ("propose", bundle, "--reason", "as it was", *person(directory, "anna"))
    status, _, _ = command(*propose, config=directory)
    assert status == 0
    status, out, _ = command(
        "approve", newest(command, directory), *person(directory, "bert"), config=directory
    )
    assert (status, "activated" in out) == (0, True)
    return state_hash(command, directory)


def newest(command: Command, directory: Path) -> str:
    _, out, _ = command("show", config=directory)
    return out.splitlines()[-1].split(" ")[0]


def state_hash(command: Command, directory: Path) -> str:
    _, out, _ = command("state", config=directory)
    found = re.search(r"^state +([0-9a-f]{64})$", out, re.MULTILINE)
    assert found
    return found[1]


def test_commands_of_the_guide_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/security-admin.md, Changing trust by two people: every block, in its order, on the example."""
    monkeypatch.setenv("EID_GATEWAY_STORE_PASSWORD", "x")
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config, ignore=shutil.ignore_patterns("keys", "var"))
    for key in tomllib.loads((config / "gateway.toml").read_text("utf-8"))["keys"]:
        name = Path(key["private_key"].removeprefix("file:")).stem
        new_key(config / "keys", name, KeyPurpose(key["purpose"]))
    for partner in ("anchors/el-node-2026", "anchors/cz-node-2026",
                    "connectors/eid-service-ca", "connectors/eid-service-signing"):  # fmt: skip
        path = config / "registry" / partner
        new_key(path.parent, path.name, KeyPurpose.EID_SIGNING)
    section = GUIDE.read_text("utf-8").split("## Changing trust by two people", 1)[1].split("\n## ", 1)[0]
    script = "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))
    with forked_commands() as program:
        command = ["sh", "-e", "-c", script.replace("eid-gateway ", f"{program} ")]
        done = subprocess.run(command, cwd=config, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ceremony = (config / "ceremony.txt").read_text()
    assert re.search(r"a\.beispiel: approver, key SHA-256 [0-9a-f]{4}( [0-9a-f]{4}){15}\n", ceremony)
    fingerprint = re.search(r"a\.beispiel: approver, key SHA-256 ([0-9a-f ]+)", ceremony)
    assert fingerprint
    assert fingerprint[1].replace(" ", "") in done.stdout  # what openssl says of the key
    assert "+ registry/anchors/el-node-2026.crt: subject = CN=eid-gateway" in done.stdout
    assert done.stdout.count(" activated, signed by a.beispiel, b.muster") == 4
    assert done.stdout.count("suspension activated, signed by a.beispiel:") == 1
    assert "0 without effect" in done.stdout
    assert (config / "exported/registry/countries/eidas.gr.toml").is_file()
    assert not (config / "exported/registry/suspended.toml").exists()


def test_export_taken_over_by_an_empty_gateway_gives_the_same_state(
    started: Path, command: Command, tmp_path: Path, keys: Path
) -> None:
    """Shows 6, also with something suspended; and the export of that is the same text again."""
    command("suspend", "anchor/gr-node", *person(started, "anna"), "--reason", "stolen")
    assert command("export", tmp_path / "out")[0] == 0
    other = write(tmp_path / "other", keys, registry=False)
    ceremony(other, command)
    assert take_over(other, tmp_path / "out", command) == state_hash(command, started)
    assert command("export", tmp_path / "again", config=other)[0] == 0
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "out", tmp_path / "again")
    )
    assert first == second
    assert Path("registry/suspended.toml") in first


def test_exported_bundle_is_a_configuration(
    started: Path, command: Command, keys: Path, tmp_path: Path
) -> None:
    exported = write(tmp_path / "exported", keys, registry=False)
    command("export", exported)
    before, after = load(started), load(exported)
    assert (before.anchors, before.clients) == (after.anchors, after.clients)
    assert (before.connectors, before.countries) == (after.connectors, after.countries)


def test_one_person_changes_nothing(started: Path, command: Command) -> None:
    before = state_hash(command, started)
    file = started / "registry/anchors/gr-node.toml"
    file.write_text(file.read_text().replace('"active"', '"revoked"'))
    _, out, err = command("propose", started, "--reason", "alone", *person(started, "anna"))
    assert '- state = "active"\n  + state = "revoked"' in out
    assert "1 of 2 people have signed" in err
    status, _, err = command("approve", newest(command, started), *person(started, "anna"))
    assert (status, "registry.same-person" in err) == (1, True)
    assert state_hash(command, started) == before


def test_change_that_would_not_start_is_refused(started: Path, command: Command) -> None:
    """The words are those of check-config."""
    (started / "registry/anchors/gr-node.toml").unlink()
    status, _, err = command("propose", started, "--reason", "no", *person(started, "anna"))
    assert status == 1
    assert "registry.invalid" in err
    assert "anchor: names no anchor; remedy: add registry/anchors/<id>.toml" in err
    assert command("show")[1] == ""


def test_removed_file_is_a_removed_object(started: Path, command: Command) -> None:
    (started / "registry/clients/amt24.toml").unlink()
    _, out, _ = command("propose", started, "--reason", "closed", *person(started, "anna"))
    assert "removed: client/amt24" in out
    assert '  - client_id = "amt24"' in out


def test_suspension_ends_by_two(started: Path, command: Command) -> None:
    before = state_hash(command, started)
    status, out, _ = command("suspend", "country/eidas.gr", "--reason", "stolen", *person(started, "anna"))
    assert (status, "suspended: country/eidas.gr" in out) == (0, True)
    assert re.search(r"suspended   country/eidas.gr since .* by anna, review due ", command("state")[1])
    command("reactivate", "country/eidas.gr", "--reason", "found", *person(started, "bert"))
    assert state_hash(command, started) != before
    command("approve", newest(command, started), *person(started, "anna"))
    assert state_hash(command, started) == before


def test_review_leaves_it_suspended(started: Path, command: Command) -> None:
    command("suspend", "country/eidas.gr", "--reason", "stolen", *person(started, "anna"))
    _, out, _ = command("review", "country/eidas.gr", "--reason", "indeed", *person(started, "bert"))
    assert "stays suspended: country/eidas.gr" in out
    command("approve", newest(command, started), *person(started, "anna"))
    assert "by anna, reviewed" in command("state")[1]


def test_propose_ends_and_begins_no_suspension(started: Path, command: Command, tmp_path: Path) -> None:
    command("suspend", "country/eidas.gr", "--reason", "stolen", *person(started, "anna"))
    status, _, err = command("propose", started, "--reason", "same", *person(started, "anna"))
    assert (status, "registry.empty" in err) == (1, True)
    (started / "registry/suspended.toml").write_text('objects = ["client/amt24"]')
    status, _, err = command("propose", started, "--reason", "more", *person(started, "anna"))
    assert (status, "eid-gateway registry suspend client/amt24" in err) == (1, True)


def test_rejected_change_is_told_by_whom_and_why(started: Path, command: Command) -> None:
    (started / "registry/clients/amt24.toml").unlink()
    command("propose", started, "--reason", "closed", *person(started, "anna"))
    change = newest(command, started)
    assert command("reject", change, "--reason", "is not closed", *person(started, "bert"))[0] == 0
    shown = command("show", change)[1]
    assert re.search(r"^rejected by bert, 20\d\d-\d\d-\d\dT[\d:]{8}Z: is not closed$", shown, re.MULTILINE)
    assert re.search(r"^signed by   anna, 20\d\d-\d\d-\d\dT[\d:]{8}Z, with key ", shown, re.MULTILINE)
    status, _, err = command("approve", change, *person(started, "bert"))
    assert (status, "registry.rejected" in err) == (1, True)


def test_change_in_force_is_shown_against_what_it_changed(started: Path, command: Command) -> None:
    file = started / "registry/anchors/gr-node.toml"
    file.write_text(file.read_text().replace("file 4711", "file 4712"))
    command("propose", started, "--reason", "corrected", *person(started, "anna"))
    change = newest(command, started)
    command("approve", change, *person(started, "bert"))
    shown = command("show", change[:12])[1]
    assert '  - evidence = "file 4711"\n  + evidence = "file 4712"' in shown
    assert re.search(r"^in force    \d{4}-", shown, re.MULTILINE)


def test_change_for_a_later_day_waits(started: Path, command: Command) -> None:
    (started / "registry/clients/amt24.toml").unlink()
    propose = ("propose", started, "--reason", "closes", "--not-before", "2099-01-01T00:00:00Z")
    status, _, err = command(*propose, *person(started, "anna"))
    assert (status, "more than a year ahead" in err) == (1, True)
    status, _, err = command(*propose[:-1], "tomorrow", *person(started, "anna"))
    assert (status, "is no time in UTC" in err) == (1, True)
    assert command("activate") == (0, "", "")


@pytest.mark.parametrize("prefix", ["", "0", "0123456", "0" * 64])
def test_change_must_be_named_clearly(started: Path, command: Command, prefix: str) -> None:
    status, _, err = command("show", prefix or " ")
    assert (status, "registry.unknown" in err) == (1, True)


def test_only_ed25519_keys_in_pem_sign_and_are_enrolled(started: Path, command: Command, keys: Path) -> None:
    for file in (keys / "oidc.key", keys / "saml-signing.crt", started / "anna.pub"):
        status, _, err = command(
            "suspend", "client/amt24", "--reason", "x", "--by", "anna", "--key", str(file)
        )
        assert (status, "registry.approver" in err) == (1, True)
    enrol = ("enrol", "--reason", "x", *person(started, "anna"), "--approver")
    for wrong in (f"carl={keys}/oidc.key", "carl", f"c/d={started}/anna.pub", f"carl={started}/anna.pub"):
        status, _, err = command(*enrol, wrong)
        assert (status, "registry." in err) == (1, True)


def test_key_with_a_passphrase_signs(
    started: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = serialization.load_pem_private_key((started / "anna.key").read_bytes(), None)
    (started / "anna.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"correct"),
        )
    )
    for passphrase, expected in (("wrong", 1), ("correct", 0)):
        monkeypatch.setattr("gateway.commands.registry.getpass", lambda _, said=passphrase: said)
        status, _, _ = command("suspend", "client/amt24", "--reason", "x", *person(started, "anna"))
        assert status == expected


def test_proposal_without_a_key_waits_for_two_others(started: Path, command: Command) -> None:
    (started / "registry/clients/amt24.toml").unlink()
    status, _, err = command("propose", started, "--reason", "closed")
    assert (status, "0 of 2 people have signed" in err) == (0, True)
    key = str(started / "anna.key")
    status, _, err = command("propose", started, "--reason", "closed", "--key", key)
    assert (status, "--key needs --by" in err) == (1, True)


def test_person_named_twice_is_one(directory: Path, command: Command) -> None:
    new_person(directory, "anna")
    approver = f"anna={directory}/anna.pub"
    status, _, err = command("init", "--reason", "first", "--approver", approver, "--approver", approver)
    assert (status, "named twice" in err) == (1, True)
    status, _, err = command("init", "--reason", "first", "--approver", approver)
    assert (status, "fewer than 2 approvers" in err) == (1, True)


def test_person_has_a_role_and_several_keys_one_of_them_a_passkey(directory: Path, command: Command) -> None:
    """The files that the console gives (issue 6, item 6)."""
    people = []
    for name in ("anna", "bert", "olga"):
        new_person(directory, name)
        file = directory / f"{name}.passkey.json"
        file.write_text(json.dumps(Passkey(credential_id=name.encode()).credential.as_json()))
        people += ["--approver", f"{name}={directory}/{name}.pub,{file}"]
    init = ("init", "--reason", "first", *people, "--role", "olga=operator")
    status, out, _ = command(*init)
    assert (status, out.count("anna: approver, key"), out.count("olga: operator, key")) == (0, 2, 2)
    status, _, err = command("enrol", "--reason", "x", "--role", "nobody=viewer", *person(directory, "anna"))
    assert (status, "no --approver for the role of nobody" in err) == (1, True)
    olga = ("--approver", f"olga={directory}/olga.pub")
    status, _, err = command(
        "enrol", "--reason", "x", *olga, "--role", "olga=root", *person(directory, "anna")
    )
    assert (status, "a role is one of viewer, operator, approver" in err) == (1, True)


def test_nothing_is_proposed_before_the_ceremony(directory: Path, command: Command) -> None:
    status, _, err = command("propose", directory, "--reason", "early")
    assert (status, "registry.bootstrap" in err) == (1, True)
    assert "bootstrap   none" in command("state")[1]


def test_second_ceremony_is_refused(started: Path, command: Command) -> None:
    approvers = ("--approver", f"anna={started}/anna.pub", "--approver", f"bert={started}/bert.pub")
    status, _, err = command("init", "--reason", "again", *approvers)
    assert (status, "registry.bootstrap" in err) == (1, True)


def test_other_ceremony_than_the_pinned_one_is_not_believed(started: Path, command: Command) -> None:
    file = started / "gateway.toml"
    file.write_text(re.sub(r'bootstrap = "[0-9a-f]{64}"', f'bootstrap = "{"0" * 64}"', file.read_text()))
    status, out, err = command("verify")
    assert status == 1
    assert "entry 1 has no effect: registry.bootstrap" in err
    assert "6 entries, 6 without effect" in out


def test_export_overwrites_nothing(started: Path, command: Command) -> None:
    status, _, err = command("export", started)
    assert (status, "File exists" in err) == (1, True)
