"""The tree itself: sizes, names, who may do what, and what never stands in a committed file."""

from __future__ import annotations

import ast
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("gateway", "connectors", "trust", "eid_server", "sandbox")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TESTS = sorted(
    path
    for room in ("tests", "bench")
    for path in (ROOT / room).rglob("*.py")
    if "node_modules" not in path.parts
)
PRODUCT = [path for path in MODULES if path.relative_to(ROOT).parts[0] != "sandbox"]
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "services", "models"}
XML_DOORS = {"trust/xml.py", "eid_server/xml.py"}
"""The eID-Server imports nothing of the product, so it has its own."""
OWN_OCTETS = {
    "trust/schemas.py", "trust/signing.py", "connectors/saml/metadata.py", "connectors/saml/request.py",
    "connectors/saml/selfcheck.py",
}  # fmt: skip
"""Modules that call an XML parser on octets made here only: schema files, templates, our own messages."""
DEMO_SERVICES = "sandbox/services/"
"""Not a drawer: the services of the mission, each a demo."""


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def committed() -> list[Path]:
    """Text files that Git knows; without Git (a source archive) every file of ours."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        skipped = {".venv", "node_modules", ".git", ".sandbox"}
        found = (path for path in ROOT.rglob("*") if path.is_file())
        return [path for path in found if not skipped & set(path.relative_to(ROOT).parts)]
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_module_has_at_most_400_lines(path: Path) -> None:
    """style.md §2."""
    assert len(path.read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_module_name_says_what_is_inside(path: Path) -> None:
    """style.md §2: no drawers."""
    parts = short(path).removeprefix(DEMO_SERVICES).removesuffix(".py").split("/")
    assert FORBIDDEN_NAMES.isdisjoint(parts)


@pytest.mark.parametrize("path", PRODUCT, ids=short)
def test_only_the_xml_door_parses_xml(path: Path) -> None:
    """style.md §3: one door to review (docs/adr/0002)."""
    if short(path) in {*XML_DOORS, *OWN_OCTETS}:
        return
    tree = ast.parse(path.read_text("utf-8"))
    parsing = {"fromstring", "XML", "XMLParser", "parse", "iterparse", "XMLPullParser", "fromstringlist"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.value.id
            assert not (name in {"etree", "ET", "ElementTree"} and node.attr in parsing), node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "lxml.etree":
            assert parsing.isdisjoint(alias.name for alias in node.names), node.lineno
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            assert module.split(".")[0] not in {"defusedxml", "xml"}, node.lineno


def test_packages_say_that_they_are_typed() -> None:
    """style.md §8."""
    assert [room for room in ROOMS if not (ROOT / room / "py.typed").is_file()] == []


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=short)
def test_suppressed_finding_has_a_reason_beside_it(path: Path) -> None:
    """A ``noqa`` or ``type: ignore`` names the rule and says why."""
    lines = path.read_text("utf-8").splitlines()
    for number, (above, line) in enumerate(pairwise(["", *lines]), 1):
        comments = line.split("#")[1:]
        if any(comment.strip().startswith(("noqa", "type: ignore")) for comment in comments):
            words = " ".join([*comments, above.partition("#")[2]])
            reason = re.sub(r"(noqa: [A-Z0-9, ]+|type: ignore\[[a-z, -]+\])", "", words)
            assert re.search(r"[a-z]{3,}", reason), f"line {number}: {line.strip()}"


def test_no_committed_file_names_a_registry_or_a_machine() -> None:
    """Files hold our work: where packages come from and where we built is somebody else's setting."""
    hosts = (
        "pypi" + ".org",
        "npmjs" + ".org",
        "npmjs" + ".com",
        "python" + "hosted.org",
        "deb.debian" + ".org",
    )
    places = [*hosts, f"{ROOT}/"] if len(ROOT.parts) > 2 else hosts
    machine = re.compile("|".join(map(re.escape, places)))
    offenders = []
    for path in committed():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        offenders += [f"{short(path)}: {found[0]}" for found in machine.finditer(text)]
    assert offenders == []
