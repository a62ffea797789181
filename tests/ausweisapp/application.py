"""The unmodified AusweisApp as a program of its own: without a window, without a card reader.

Its state lives in a directory of the test run. Of its settings one differs from a new installation:
``preverification`` is off, because the terminal certificates of the run descend from a CVCA that
the run has made itself; nobody outside the Bundesdruckerei has the key of one that AusweisApp knows.
Developer mode stays off, so every check of TR-03124-1 on TLS certificates, origins and
addresses is made.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

PORT = 24727
"""TR-03124-1 §2.2: fixed, so there is one AusweisApp at a time on a machine."""
START_SECONDS = 20
SETTINGS = "[General]\ndeveloperMode=false\n\n[preverification]\nenabled=false\n"


class NotStarted(Exception):
    """AusweisApp does not run; the text says why and what to do."""


def program() -> str | None:
    """Where the program is; up to 1.26 its name ended in 2."""
    return shutil.which("AusweisApp") or shutil.which("AusweisApp2")


def ask(query: str) -> tuple[int, str]:
    """Status and body of one request to the client's own web server."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", f"/eID-Client?{query}")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class AusweisApp:
    """One running program; use as a context manager."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.version = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def old_simulator(self) -> bool:
        """Up to 1.26: keys cannot be chosen, and the card sometimes falls from the reader during PACE."""
        return self.version.startswith("1.")

    @property
    def log(self) -> Path:
        return self.directory / "ausweisapp.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers; raises NotStarted."""
        executable = program()
        if executable is None:
            raise NotStarted("AusweisApp is not installed; remedy: apt-get install ausweisapp")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", PORT))
            except OSError as error:
                raise NotStarted(f"port {PORT} is taken; remedy: end the AusweisApp that runs") from error
        home = self.directory / "home"
        (home / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write_settings(home / "config")
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {
            "HOME": str(home),
            "TMPDIR": str(home),
            "XDG_RUNTIME_DIR": str(home / "run"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "QT_QPA_PLATFORM": "offscreen",
        }
        arguments = ("--no-proxy", "--no-logfile", "--ui", "webservice", "--ui", "websocket")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                (executable, *arguments),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._await(self._process)

    @staticmethod
    def _write_settings(config: Path) -> None:
        # The organisation's name is missing in Debian's build; upstream's builds have one.
        for organisation in ("Unknown Organization", "AusweisApp_CE", "AusweisApp2_CE"):
            for name in ("AusweisApp.conf", "AusweisApp2.conf"):
                path = config / organisation / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(SETTINGS, encoding="utf-8")

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                status, text = ask("Status=json")
                if status == http.client.OK:
                    self.version = json.loads(text)["Implementation-Version"]
                    return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise NotStarted(f"AusweisApp does not answer; its last words: {self.last_lines()}")

    def last_lines(self) -> str:
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-40:])

    def stop(self) -> None:
        """End it; what it had to say stays in its log."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
