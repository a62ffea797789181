"""The documents: what they point at exists, what they tell to type exists, the wheel is complete."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(document: Path) -> set[str]:
    """Heading anchors as Git forges build them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_link_leads_somewhere(document: Path) -> None:
    """Relative links name existing files and headings."""
    text = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{short(document)} -> {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{short(document)} -> {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_make_target_exists(document: Path) -> None:
    """Every ``make <target>`` of a document is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    used = set(re.findall(r"(?:^|`)make ([a-z]+)", document.read_text("utf-8"), re.MULTILINE))
    assert used <= targets


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if d.name != "CHANGELOG.md"], ids=short)
def test_file_named_in_code_style_exists(document: Path) -> None:
    """A path such as ``gateway/oidc/token.py`` in backticks is a file or folder of ours.

    Not so in the changelog, which names what was.
    """
    rooms = r"(?:gateway|connectors|trust|sandbox|tests|docs|requirements|bench)"
    for name in re.findall(rf"`({rooms}/[\w./-]*)`", document.read_text("utf-8")):
        assert (ROOT / name).exists(), f"{short(document)}: {name}"


@cache
def shown_commands() -> str:
    command = [sys.executable, "-m", "gateway", "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_command_of_the_gateway_exists(document: Path) -> None:
    """Every ``eid-gateway <command>`` of a document is known to its command line."""
    used = set(re.findall(r"(?:^|`)eid-gateway ([a-z][a-z-]+)", document.read_text("utf-8"), re.MULTILINE))
    if not used:
        return
    for command in used:
        assert re.search(rf"\b{command}\b", shown_commands()), f"{short(document)}: eid-gateway {command}"


def test_changelog_names_the_version_of_the_distribution() -> None:
    """style.md §10: Keep a Changelog."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_decision_records_have_their_four_parts() -> None:
    """style.md §10: dated, with Status, Context, Decision, Consequences."""
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert records
    for number, record in enumerate(records, 1):
        text = record.read_text("utf-8")
        assert record.name.startswith(f"{number:04}-")
        assert re.search(r"^Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE), record.name
        for part in ("Status", "Context", "Decision", "Consequences"):
            assert f"## {part}" in text, f"{record.name}: {part}"


def test_wheel_holds_the_product_and_nothing_else(tmp_path: Path) -> None:
    """style.md §11: four packages, page assets inside, neither sandbox nor configuration."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "gateway",
        "connectors",
        "trust",
        "eid_server",
    }
    assets = ROOT / "gateway" / "web" / "static" / "kern"
    for asset in assets.iterdir() if assets.is_dir() else ():
        assert f"gateway/web/static/kern/{asset.name}" in names
    shipped = {path.relative_to(ROOT).as_posix() for path in (ROOT / "gateway" / "web").rglob("*.html")}
    assert shipped <= set(names)
