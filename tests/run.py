"""``make check`` and ``make test``: what runs, in which order, and what it came to.

::

    python tests/run.py check            format, lint, types, contracts, documents, house rules
    python tests/run.py test             the checks, then every suite
    python tests/run.py test NAME ...    only these suites, e.g. ``units browser``

Every part runs, whatever the parts before it said, and the longest beside the others; the end of the output is a table and one line
``N passed, N failed, N skipped``. A suite whose prerequisite is missing is named there. With
``REQUIRE_ALL=1`` in the environment that is a failure, and so is a test that skips itself for any
reason other than the absence of the project's shared data beside the checkout.

The exit status is 0 when everything that had to pass has passed, else 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.executable).parent
SHARED_DATA_ABSENT = ("shared", "sample files")
"""How a test says that the project's shared data are not beside the checkout; that is allowed."""
REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something outside the locked Python packages."""

    name: str
    present: Callable[[], bool]
    debian: tuple[str, ...] = ()
    alternatives: bool = False
    """Whether the first of ``debian`` that there is suffices; backports are asked before the next one."""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One run of pytest over ``paths``; ``needs`` must be there for it to mean anything."""

    name: str
    about: str
    paths: tuple[str, ...]
    ignore: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    side_by_side: bool = False
    """Whether its files may run in several processes; a suite with one sandbox for all may not."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a part came to; ``notes`` are shown under the table."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


def _program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def _fonts() -> bool:
    return any(Path("/usr/share/fonts").rglob("DejaVuSans.ttf"))


def _postgresql() -> bool:
    return shutil.which("initdb") is not None or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def _node_packages() -> bool:
    return (ROOT / "node_modules" / ".package-lock.json").is_file()


AUSWEISAPP = Need(
    name="AusweisApp",
    present=_program("AusweisApp", "AusweisApp2"),
    debian=("ausweisapp", "ausweisapp2"),
    alternatives=True,
)
CHROMIUM = Need(
    name="Chromium",
    present=_program("chromium-headless-shell", "chromium", "chromium-browser"),
    # The first is the same engine without windows, tool bars and profiles: less than half the work.
    debian=("chromium-headless-shell", "chromium"),
    alternatives=True,
)
FONTS = Need(name="a font with Greek and Cyrillic", present=_fonts, debian=("fonts-dejavu-core",))
OPENSSL = Need(name="the program openssl", present=_program("openssl"), debian=("openssl",))
POSTGRESQL = Need(name="PostgreSQL", present=_postgresql, debian=("postgresql",))
SOFTHSM = Need(name="SoftHSM 2", present=_program("softhsm2-util"), debian=("softhsm2",))
XMLSEC1 = Need(name="the program xmlsec1", present=_program("xmlsec1"), debian=("xmlsec1",))
NODE_PACKAGES = Need(
    name="the npm packages of the tests",
    present=_node_packages,
    remedy="python -m gateway.web.assets --development",
)

SUITES = (
    Suite(
        name="units",
        about="rules of each room, attacks, the OpenID Provider over HTTP, the real store",
        paths=("tests", "gateway", "connectors", "trust", "eid_server", "sandbox"),
        ignore=("tests/house", "tests/journeys", "tests/clients", "tests/browser", "tests/ausweisapp"),
        needs=(POSTGRESQL, SOFTHSM, XMLSEC1),
        side_by_side=True,
    ),
    Suite(
        name="ausweisapp",
        about="the real AusweisApp with simulated cards: browser, card, attached eID-Server, ID token",
        paths=("tests/ausweisapp",),
        needs=(AUSWEISAPP, CHROMIUM, FONTS),
    ),
    Suite(
        name="journeys",
        about="whole logins between running programs",
        paths=("tests/journeys",),
        needs=(SOFTHSM,),
    ),
    Suite(
        name="clients",
        about="independent clients: the integrator's examples, every profile (Authlib, openid-client, oauth4webapi)",
        paths=("tests/clients",),
        needs=(NODE_PACKAGES,),
    ),
    Suite(
        name="browser",
        about="Chromium: keyboard, accessibility, without JavaScript",
        paths=("tests/browser",),
        needs=(CHROMIUM, FONTS, NODE_PACKAGES),
        side_by_side=True,
    ),
)

CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", (str(SCRIPTS / "ruff"), "format", "--check", "--quiet", ".")),
    ("lint", (str(SCRIPTS / "ruff"), "check", "--quiet", ".")),
    ("types", (str(SCRIPTS / "mypy"), "--no-error-summary")),
    ("import contracts", (str(SCRIPTS / "lint-imports"), "--no-cache")),
    ("generated documents", (sys.executable, "-m", "docs.generate", "--check")),
    ("Dockerfile", (str(SCRIPTS / "hadolint"), "Dockerfile")),
    ("house rules", (sys.executable, "-m", "pytest", "--quiet", "-p", "no:playwright", "tests/house")),
)


def say(text: str) -> None:
    """A line of our own between those of the tools."""
    print(f"── {text}", flush=True)


def check() -> list[Outcome]:
    """Run every check; each counts as one."""
    outcomes = []
    for name, command in CHECKS:
        begin = time.monotonic()
        finished = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        good = finished.returncode == 0
        seconds = time.monotonic() - begin
        say(f"{name}: {'ok' if good else 'FAILED'} ({seconds:.1f} s)")
        if not good:
            print(finished.stdout.rstrip(), flush=True)
        outcomes.append(
            Outcome(name=f"check: {name}", passed=int(good), failed=int(not good), seconds=seconds)
        )
    return outcomes


def _apt(*arguments: str) -> bool:
    """Whether apt-get did it, without a word and without a question."""
    command = ("apt-get", "--quiet", "--quiet", "--yes", *arguments)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def _install_first(need: Need) -> None:
    """The first alternative that this release, else its backports, have."""
    for name in need.debian:
        say(f"installing {name}")
        if _apt("install", "--no-install-recommends", name):
            return
        add = (sys.executable, "-m", "tests.support.backports")
        suite = subprocess.run(add, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False).stdout
        if suite:
            say(f"installing {name} from {suite}, an entry like the release's own")
            _apt("update")
            if _apt("install", "--no-install-recommends", "--target-release", suite, name):
                return


def provide(suites: Sequence[Suite]) -> None:
    """Bring what is missing: Debian packages when we are root there, npm packages always."""
    needs = {need.name: need for need in (OPENSSL, *(need for suite in suites for need in suite.needs))}
    absent = [need for need in needs.values() if not need.present()]
    if absent and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        _apt("update")
        packages = [name for need in absent if not need.alternatives for name in need.debian]
        if packages:
            say(f"installing {' '.join(packages)}")
            _apt("install", "--no-install-recommends", *packages)
        for need in absent:
            if need.alternatives:
                _install_first(need)
    if NODE_PACKAGES.name in needs:
        say("npm packages of the tests, from the lock file")
        command = (sys.executable, "-m", "gateway.web.assets", "--development")
        subprocess.run(command, cwd=ROOT, check=False)


def keep_bytecode(shared: Path) -> None:
    """Where Python is told to leave no bytecode in the tree, the run keeps its own: it starts hundreds of programs."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ["PYTHONPYCACHEPREFIX"] = str(shared / "bytecode")


def missing_for(suite: Suite) -> list[str]:
    """Why ``suite`` cannot run; empty when it can."""
    missing = []
    for need in suite.needs:
        if not need.present():
            names = need.debian[:1] if need.alternatives else need.debian
            remedy = f"apt-get install {' '.join(names)}" if names else need.remedy
            missing.append(f"{need.name} is missing; remedy: {remedy}")
    missing += [f"{path} is not there" for path in suite.paths if not (ROOT / path).exists()]
    return missing


def read_report(report: Path, outcome: Outcome) -> None:
    """Take the counts from pytest's JUnit file (our own pytest wrote it a moment ago)."""
    for case in ET.parse(report).iter("testcase"):
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        elif skip is None:
            outcome.passed += 1
        else:
            outcome.skipped += 1
            reason = skip.get("message", "")
            if REQUIRE_ALL and not any(words in reason for words in SHARED_DATA_ABSENT):
                outcome.failed += 1
                outcome.notes.append(f"skipped although everything is required: {case.get('name')}: {reason}")


def run(suite: Suite, *, beside: bool = False) -> Outcome:
    """One suite, its output passed through; ``beside`` another one that already does so, shown at its end."""
    outcome = Outcome(name=suite.name)
    missing = missing_for(suite)
    if missing:
        outcome.notes = [f"cannot run: {reason}" for reason in missing]
        outcome.failed = int(REQUIRE_ALL)
        return outcome
    say(f"{suite.name}: {suite.about}")
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="eid-gateway-tests-") as scratch:
        report = Path(scratch) / "report.xml"
        command = [sys.executable, "-m", "pytest", "--quiet", f"--junitxml={report}"]
        if find_spec("pytest_playwright") and CHROMIUM not in suite.needs:
            command += ["-p", "no:playwright"]
        if suite.side_by_side:
            # In the order of the folders: files of few tests, the longest among them, would else all come last.
            command += ["--dist", "loadfile", "--no-loadscope-reorder"]
            command += ["--numprocesses", str(min(4, os.cpu_count() or 1))]
        command += [f"--ignore={path}" for path in suite.ignore]
        kept = subprocess.PIPE if beside else None
        finished = subprocess.run(
            [*command, *suite.paths],
            cwd=ROOT,
            stdout=kept,
            stderr=kept and subprocess.STDOUT,
            text=True,
            check=False,
        )
        status = finished.returncode
        if beside:
            say(f"{suite.name}: ended after {time.monotonic() - begin:.0f} s\n{finished.stdout.rstrip()}")
        if report.is_file():
            read_report(report, outcome)
    outcome.seconds = time.monotonic() - begin
    if status and not outcome.failed:  # a collection error, an interrupt, or no test at all
        outcome.failed = 1
        outcome.notes.append(f"pytest ended with status {status}")
    return outcome


def summarise(outcomes: Sequence[Outcome]) -> int:
    """Print the table, the notes and the closing line; returns the exit status."""
    print()
    width = max(len(outcome.name) for outcome in outcomes)
    print(f"{'':{width}}  passed  failed  skipped  seconds")
    for outcome in outcomes:
        print(
            f"{outcome.name:{width}}  {outcome.passed:6}  {outcome.failed:6}"
            f"  {outcome.skipped:7}  {outcome.seconds:7.1f}"
        )
    for outcome in outcomes:
        for note in outcome.notes:
            print(f"{outcome.name}: {note}")
    passed, failed, skipped = (
        sum(getattr(outcome, name) for outcome in outcomes) for name in ("passed", "failed", "skipped")
    )
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return int(failed > 0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/run.py", description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=("check", "test"))
    parser.add_argument("suites", nargs="*", choices=[[], *(suite.name for suite in SUITES)], default=[])
    chosen = parser.parse_args()
    if chosen.command == "check":
        return summarise(check())
    suites = [suite for suite in SUITES if not chosen.suites or suite.name in chosen.suites]
    provide(suites)
    with tempfile.TemporaryDirectory(prefix="eid-gateway-run-") as shared:
        os.environ["EID_GATEWAY_TEST_RUN"] = shared  # tests.support.sandbox_keys
        keep_bytecode(Path(shared))
        return summarise([run(suite) for suite in suites] if chosen.suites else everything())


def everything() -> list[Outcome]:
    """The checks and all suites, in two lanes: the longest beside all others, which mostly wait for programs."""
    longest, *others = SUITES
    with ThreadPoolExecutor(1) as lane:
        beside = lane.submit(lambda: [*check(), *(run(suite, beside=True) for suite in others)])
        outcome = run(longest)
        return [*beside.result(), outcome]


if __name__ == "__main__":
    sys.exit(main())
