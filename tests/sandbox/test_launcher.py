"""The sandbox as a whole: starts, logs in for real, ends without a trace."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.addresses import Addresses
from sandbox.browser import Browser
from sandbox.launcher import Sandbox, SandboxFailed, http_client, running
from sandbox.login import Wanted, log_in
from sandbox.state import State
from tests.support.ports import free_base
from tests.support.sandbox_keys import ready_directory

ROOT = Path(__file__).parents[2]


def login(sandbox: Sandbox, **wanted: str) -> dict:
    with http_client(sandbox.state, sandbox.addresses) as http:
        return log_in(Browser(http), sandbox.addresses, Wanted(**wanted), lambda _: None)


@pytest.fixture(scope="module", params=["http-rsa", "https-ec"])
def sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A whole sandbox of its own; once plain, once with TLS and nodes on another site."""
    scheme, profile = request.param.split("-")
    addresses = Addresses(port_base=free_base(), tls=scheme == "https", profile=profile)
    state = State(ready_directory(tmp_path_factory, request.param, profile=profile))
    with Sandbox(state, addresses, lambda _: None) as started:
        yield started


@pytest.mark.journey
@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "country", "level"),
    [
        ("personenstand", "EL", "high"),
        ("amt24", "EE", "high"),
        ("service-bw", "CZ", "high"),
        ("elbasachs", "NL", "substantial"),
        ("gaestetaxe-leipzig", "CZ", "substantial"),
        ("feuerwehr", "SE", "substantial"),
        ("bussgeld", "DK", "low"),
    ],
)
def test_login_ends_with_a_verified_person_at_the_service(sandbox, service, country, level) -> None:
    """design.md §6: every service, each with another kind of node; the service verified the ID token."""
    outcome = login(sandbox, service=service, country=country)
    assert list(outcome) == ["service", "eid", "country", "acr", "id_token", "userinfo", "steps"]
    assert outcome["acr"] == f"http://eidas.europa.eu/LoA/{level}"
    assert outcome["id_token"]["sub"] == outcome["userinfo"]["sub"]
    assert outcome["userinfo"]["identity_source"]["country"] == ("GR" if country == "EL" else country)
    assert all(step["ms"] >= 0 for step in outcome["steps"])


@pytest.mark.journey
@pytest.mark.slow
def test_login_through_the_national_connector(sandbox) -> None:
    """eidas.md §10.1."""
    outcome = login(sandbox, eid="eidas-national", country="EE")
    assert outcome["userinfo"]["identity_source"]["connector"] == "eidas-national"


@pytest.mark.journey
@pytest.mark.slow
def test_two_services_know_the_same_person_under_different_names(sandbox) -> None:
    """design.md §3 number 5: pairwise sub, stable for one service."""
    subjects = [
        login(sandbox, service=service, country="EL")["id_token"]["sub"]
        for service in ("amt24", "amt24", "service-bw")
    ]
    assert subjects[0] == subjects[1]
    assert subjects[0] != subjects[2]


@pytest.mark.journey
@pytest.mark.slow
@pytest.mark.parametrize(
    ("wanted", "error", "code"),
    [
        ({"country": "ES"}, "access_denied", "eidas.cancelled"),
        ({"country": "EL", "fault": "expired"}, "server_error", "eidas.invalid_answer"),
        ({"country": "EL", "fault": "level-too-low", "service": "feuerwehr"},
         "unmet_authentication_requirements", "eidas.level_too_low"),
        ({"country": "EL", "fault": "missing-attribute"}, "access_denied", "eidas.attribute_missing"),
        ({"country": "DK", "service": "personenstand"}, "unmet_authentication_requirements", "choice.level"),
        ({"country": "EL", "fault": "replay"}, "login_stopped", "journey.foreign_answer"),
    ],
)  # fmt: skip
def test_login_that_cannot_be_says_why(sandbox, wanted, error, code) -> None:
    """design.md §4: error, error_description, code."""
    outcome = login(sandbox, **wanted)
    assert list(outcome) == ["error", "error_description", "code"]
    assert (outcome["error"], outcome["code"]) == (error, code)


@pytest.mark.journey
@pytest.mark.slow
def test_running_sandbox_is_found_by_its_state(sandbox, tmp_path) -> None:
    """`make login` attaches to what runs."""
    assert running(sandbox.state) == sandbox.addresses
    assert running(State(tmp_path)) is None


@pytest.mark.journey
@pytest.mark.slow
def test_interrupt_ends_every_process_and_a_dead_child_is_named(tmp_path) -> None:
    """Ctrl-C leaves nothing behind; a child that dies takes the others down, with its name."""
    base = free_base()
    environment = {**os.environ, "SANDBOX_PORT_BASE": str(base), "SANDBOX_PROFILE": "ec", "SANDBOX_TLS": ""}
    command = [sys.executable, "-m", "sandbox", "--state", str(tmp_path)]
    for ending in ("interrupt", "child dies"):
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            for line in process.stdout:
                if line.startswith("Ctrl-C"):
                    break
            children = _descendants(process.pid)
            assert len(children) >= 3
            if ending == "interrupt":
                process.send_signal(signal.SIGINT)
            else:
                victim = next(pid for pid in children if "sandbox\0nodes" in _command(pid))
                os.kill(victim, signal.SIGKILL)
            said = process.communicate(timeout=30)[1]
        assert process.returncode == (0 if ending == "interrupt" else 2), said
        assert ("nodes ended with status" in said) is (ending != "interrupt")
        assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def _descendants(pid: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *_descendants(int(child))]
    return found


def test_taken_port_is_named_with_a_remedy(tmp_path) -> None:
    """The reader learns which port, and how to choose others."""
    base = free_base()
    with socket.socket() as other:
        other.bind(("127.0.0.1", base + 20))
        other.listen()
        started = Sandbox(State(tmp_path), Addresses(port_base=base), lambda _: None)
        with pytest.raises(SandboxFailed, match=f"port {base + 20} .*SANDBOX_PORT_BASE"), started:
            pytest.fail("must not start")


@pytest.mark.parametrize(
    "environment", [{"SANDBOX_PORT_BASE": "80"}, {"SANDBOX_PORT_BASE": "x"}, {"SANDBOX_PROFILE": "dsa"}]
)
def test_wrong_environment_is_refused_by_name(environment) -> None:
    """A typo is told, not ignored."""
    with pytest.raises(ValueError, match=next(iter(environment))):
        Addresses.from_environment(environment)
