"""State directories of sandboxes whose keys are made already: once for each key profile and test run.

A sandbox that starts on one does what it does when it is started again: keeps the keys, writes the rest
anew. Making two dozen RSA keys takes longer than most of what the tests then do with them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from sandbox.addresses import Addresses
from sandbox.state import State

RUN_DIRECTORY = "EID_GATEWAY_TEST_RUN"
"""Names the directory that all suites of ``make test`` share."""


def ready_directory(factory: pytest.TempPathFactory, name: str, *, profile: str = "rsa") -> Path:
    """A new directory with the keys of a sandbox of this ``profile``."""
    made = factory.mktemp(name)
    shutil.copytree(_prepared(_shared(factory), profile), made, dirs_exist_ok=True)
    return made


def _shared(factory: pytest.TempPathFactory) -> Path:
    """Where the processes of this run, and of no other, look."""
    named = os.environ.get(RUN_DIRECTORY)
    if named:
        return Path(named)
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def _prepared(shared: Path, profile: str) -> Path:
    directory = shared / f"sandbox-keys-{profile}"
    with (shared / f"{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first one makes them, the others wait
        if not directory.exists():
            unfinished = shared / f"{directory.name}.unfinished"
            State(unfinished).prepare(Addresses(profile=profile), lambda _: None)
            unfinished.rename(directory)
    return directory
