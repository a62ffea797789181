"""The example in config/ is a configuration that starts, once its keys exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.bundle import load
from gateway.settings import ConfigurationError
from tests.support import softhsm
from tests.support.forked_commands import forked_commands

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of config/ with the secrets it refers to in the environment, and no keys yet."""
    monkeypatch.setenv("EID_GATEWAY_STORE_PASSWORD", "x")
    return Path(shutil.copytree(EXAMPLE, tmp_path / "config", ignore=shutil.ignore_patterns("keys", "var")))


Run = Callable[[str], None]


@pytest.fixture
def run(directory: Path) -> Iterator[Run]:
    """Shell commands of a guide, with this checkout in place of the installed program."""
    with forked_commands() as program:
        yield lambda commands: _shell(commands, program, directory)


def _shell(commands: str, program: str, directory: Path) -> None:
    script = re.sub("^eid-gateway ", f"{program} ", commands, flags=re.MULTILINE)
    subprocess.run(["sh", "-e", "-c", script], cwd=directory, check=True, capture_output=True)


def make_partners(directory: Path, run: Run) -> None:
    """What the partners would bring."""
    for anchor in (directory / "registry" / "anchors").glob("*.toml"):
        run(
            f"eid-gateway keys new --purpose saml-metadata-signing --to registry/anchors --name {anchor.stem}"
        )
    for name in ("eid-service-ca", "eid-service-signing"):
        run(f"eid-gateway keys new --purpose eid-signing --to registry/connectors --name {name}")


def test_example_starts_with_keys_made_as_the_operator_guide_says(directory: Path, run: Run) -> None:
    """docs/operator.md, Keys: the commands there are the ones that run here."""
    guide = (ROOT / "docs" / "operator.md").read_text("utf-8")
    run(guide.split("## Keys", 1)[1].split("```sh\n", 1)[1].split("```", 1)[0])
    make_partners(directory, run)
    configuration = load(directory)
    assert set(configuration.clients) >= {"personenstand"}
    assert {country.country for country in configuration.countries} >= {"GR"}


def test_keys_move_into_a_module_as_the_operator_guide_says(
    directory: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/operator.md, Keys in a hardware module: commands and URI there are the ones that run here."""
    softhsm.library()  # skips without SoftHSM
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    chapters = (ROOT / "docs" / "operator.md").read_text("utf-8").split("## Keys", 1)[1]
    files, module = chapters.split("### Keys in a hardware module", 1)
    run(files.split("```sh\n", 1)[1].split("```", 1)[0])
    make_partners(directory, run)
    shown = module.split("```toml\n", 1)[1].split("```", 1)[0]
    uri = str(tomllib.loads(shown)["keys"][0]["private_key"]).replace("saml-signing-2026", "{name}")
    settings = directory / "gateway.toml"
    text = settings.read_text("utf-8")
    for name in ("oidc-2026", "saml-signing-2026", "saml-decryption-2026"):
        assert text.count(f'"file:keys/{name}.key"') == 1
        text = text.replace(f"file:keys/{name}.key", uri.format(name=name))
    settings.write_text(text, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    program = f"{sys.executable} -m gateway"  # afresh, for it asks SoftHSM where its tokens are
    _shell(module.split("```sh\n", 1)[1].split("```", 1)[0], program, directory)  # check-config comes last
    assert not (directory / "keys" / "saml-signing-2026.key").exists()


def test_key_rolls_as_the_operator_guide_says(directory: Path, run: Run) -> None:
    """docs/operator.md, Rolling keys: made, named, planned; the plan passes without a warning."""
    chapter = (ROOT / "docs" / "operator.md").read_text("utf-8").split("## Keys", 1)[1]
    making, rolling = chapter.split("### Rolling keys", 1)
    run(making.split("```sh\n", 1)[1].split("```", 1)[0])
    make_partners(directory, run)
    new, plan = (block.split("```", 1)[0] for block in rolling.split("```sh\n")[1:3])
    run(new)
    with (directory / "gateway.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n" + rolling.split("```toml\n", 1)[1].split("```", 1)[0])
    run(plan)
    configuration = load(directory)
    assert set(configuration.key_plans) == {"oidc-2026", "oidc-2027"}
    assert not [warning for warning in configuration.warnings if warning.file.startswith("registry/keys")]


def test_example_without_keys_names_every_missing_one(directory: Path) -> None:
    """style.md §6: all problems at once, with file and path."""
    with pytest.raises(ConfigurationError) as refused:
        load(directory)
    text = str(refused.value)
    keys = tomllib.loads((directory / "gateway.toml").read_text("utf-8"))["keys"]
    for key in keys:
        assert key["private_key"].removeprefix("file:") in text


def test_example_holds_no_private_key_and_no_secret() -> None:
    """security.md B.5: secrets are references, never values."""
    for path in EXAMPLE.rglob("*"):
        if path.is_file() and path.parent.name != "keys":
            text = path.read_text("utf-8")
            assert "PRIVATE KEY" not in text, path
            assert not re.search(r'^(password|private_key)\s*=\s*"(?!file:|env:)', text, re.MULTILINE), path


def test_guides_show_what_the_example_holds() -> None:
    """docs/security-admin.md shows the anchor of config/ word by word."""
    guide = (ROOT / "docs" / "security-admin.md").read_text("utf-8")
    shown = tomllib.loads(guide.split("```toml\n", 1)[1].split("```", 1)[0])
    assert shown == tomllib.loads((EXAMPLE / "registry" / "anchors" / "el-node-2026.toml").read_text("utf-8"))
