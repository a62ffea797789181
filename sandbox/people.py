"""The two people who decide about trust in the sandbox, and what they do for whoever tries out the console.

They have key files and act with the gateway's own command, as people without the console would. At the start
they take the configuration over into the registry; ``enrol`` lets a visitor's passkey in.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.authority import write_private
from sandbox.state import State

FIRST, SECOND = "anna.sandbox", "bert.sandbox"
_CHANGE = re.compile(r"^([0-9a-f]{64}) ", re.MULTILINE)
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.-]*")


def take_over(state: State) -> None:
    """The ceremony, if there was none, and then the configuration as it was written at this start.

    Raises ValueError with what the command said.
    """
    keys = _keys(state)
    people = [f"--approver={name}={keys / name}.pub" for name in (FIRST, SECOND)]
    reason = ("--reason", "sandbox", "--evidence", "none: nothing here is real")
    said = _registry(state, "state").stdout
    if "bootstrap   none" in said:
        _refused(_registry(state, "init", *people, *reason))
    done = _registry(state, "propose", str(state.config), *_signed(keys, FIRST), *reason)
    if done.returncode and "registry.empty" in done.stderr:
        return
    _approve(state, keys, _refused(done))


def enrol(state: State, passkey: Path, role: str) -> str:
    """Both sign for the passkey; gives a line for the screen. Raises ValueError with what the command said."""
    name = passkey.name.partition(".passkey")[0].partition(".json")[0].lower()
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{passkey.name}: call the file after the person, e.g. c.probe.passkey.json")
    keys = _keys(state)
    person = (f"--approver={name}={passkey.resolve()}", f"--role={name}={role}")
    reason = ("--reason", f"{name} tries out the console", "--evidence", "none: nothing here is real")
    done = _refused(_registry(state, "enrol", *person, *_signed(keys, FIRST), *reason))
    _approve(state, keys, done)
    return f"{name} is enrolled as {role}"


def _approve(state: State, keys: Path, said: str) -> None:
    change = _CHANGE.search(said)
    if change is None:
        raise ValueError(f"no change in: {said}")
    _refused(_registry(state, "approve", change[1], *_signed(keys, SECOND)))


def _keys(state: State) -> Path:
    directory = state.directory / "people"
    for name in (FIRST, SECOND):
        if (directory / f"{name}.pub").exists():
            continue
        key = Ed25519PrivateKey.generate()
        pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        pem, spki = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        write_private(directory / f"{name}.key", key.private_bytes(pem, pkcs8, plain))
        (directory / f"{name}.pub").write_bytes(key.public_key().public_bytes(pem, spki))
    return directory


def _signed(keys: Path, name: str) -> tuple[str, ...]:
    return "--by", name, "--key", str(keys / f"{name}.key")


def _registry(state: State, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", "registry", *arguments, "--config", str(state.config)]
    root = Path(__file__).parent.parent
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def _refused(done: subprocess.CompletedProcess[str]) -> str:
    """Its output; raises ValueError if the command was refused."""
    if done.returncode:
        raise ValueError(f"eid-gateway {' '.join(done.args[3:5])}: {done.stderr.strip()}")
    return done.stdout
