"""A PostgreSQL server of our own for the tests, as Debian's package has it; it listens on a socket file only."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

_USER = "postgres"
"""The server refuses to run as root; the package brings this user."""
_numbers = count()


def _program(name: str) -> str | None:
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(versions[0]) if versions else None)


@cache
def _server() -> Path:
    """One server per test process, ended with it; the directory of its socket."""
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("needs PostgreSQL (Debian: postgresql)")
    pytest.importorskip("psycopg", reason="needs psycopg")
    user = None
    if os.geteuid() == 0:
        try:
            entry = pwd.getpwnam(_USER)
        except KeyError:
            pytest.skip(f"as root, PostgreSQL needs the user {_USER}")
        user = _USER
    directory = Path(tempfile.mkdtemp(prefix="eg-pg-"))
    if user is not None:
        os.chown(directory, entry.pw_uid, entry.pw_gid)
    data = directory / "data"

    def run(*command: str) -> None:
        subprocess.run(command, check=True, user=user, cwd=directory, stdout=subprocess.DEVNULL)

    def end() -> None:
        run(pg_ctl, "--pgdata", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(directory)

    run(initdb, "--pgdata", str(data), "--username", _USER, "--auth", "trust", "--no-sync", "--no-locale",
        "--encoding", "UTF8")  # fmt: skip
    settings = f"-k {directory} -c listen_addresses='' -c fsync=off"
    run(pg_ctl, "--pgdata", str(data), "-o", settings, "-w", "-l", str(directory / "log"), "start")
    atexit.register(end)
    return directory


@contextmanager
def postgresql() -> Iterator[str]:
    """The SQLAlchemy URL of an empty database; skips where there is no PostgreSQL."""
    directory = _server()
    name = f"t{next(_numbers)}"
    server = sa.create_engine(
        f"postgresql+psycopg://{_USER}@/postgres?host={directory}", isolation_level="AUTOCOMMIT"
    )
    try:
        with server.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        yield f"postgresql+psycopg://{_USER}@/{name}?host={directory}"
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        server.dispose()
