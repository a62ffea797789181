"""Starts gateway, nodes, services and eID service as child processes and ends them together.

Each child writes to its own log file. If one ends by itself, the launcher says which, with its
last lines, and takes the others down. On Linux the kernel ends the children even if the launcher
is killed without a chance to clean up.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from sandbox.addresses import Addresses
from sandbox.state import State

START_SECONDS = 60
STOP_SECONDS = 10


class SandboxFailed(Exception):
    """The sandbox cannot start or go on; the text says why and what to do."""


@dataclass(slots=True)
class Sandbox:
    """The four processes of one sandbox; use as a context manager."""

    state: State
    addresses: Addresses
    say: Callable[[str], None]
    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._refuse_busy_ports()
        self.say("preparing keys and configuration (first time: some seconds)")
        self.state.prepare(self.addresses, lambda what: self.say(f"  new {what}"))
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> None:
        python = [sys.executable, "-m"]
        directory = str(self.state.directory)
        parts = {
            "nodes": self.addresses.nodes,
            "services": self.addresses.services,
            "eid-service": self.addresses.eid_saml,
        }
        for part in parts:
            self._launch(part, [*python, "sandbox", part, "--state", directory])
        for part, url in parts.items():
            self._await(part, f"{url}/health")
        self._launch("gateway", [*python, "gateway", "serve", "--config", str(self.state.config)])
        self._await("gateway", f"{self.addresses.management}/health/ready")
        self._await_countries()
        record = {"pid": os.getpid(), "addresses": self.addresses.record()}
        (self.state.directory / "state.json").write_text(json.dumps(record), encoding="utf-8")

    def _refuse_busy_ports(self) -> None:
        a = self.addresses
        eid_service = (a.eid_soap_port, a.eid_paos_port, a.eid_saml_port)
        gateway = (
            a.gateway_port,
            a.management_port,
            *((a.certificate_port,) if a.tls else ()),
            *((a.console_port,) if a.console else ()),
        )
        for port in (*gateway, a.services_port, a.nodes_port, *eid_service):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise SandboxFailed(
                        f"port {port} is taken: {error.strerror}; remedy: end the other program, "
                        f"or choose other ports with SANDBOX_PORT_BASE={a.port_base + 100}"
                    ) from error

    def _launch(self, name: str, command: list[str]) -> None:
        self.say(f"starting {name}")
        environment = {
            **os.environ,
            "SANDBOX_PORT_BASE": str(self.addresses.port_base),
            "SANDBOX_TLS": "1" if self.addresses.tls else "",
            "SANDBOX_PROFILE": self.addresses.profile,
            "SANDBOX_METADATA_SECONDS": str(self.addresses.metadata_seconds),
            "PYTHONUNBUFFERED": "1",
        }
        with self.state.log(name).open("wb") as log:
            self._children[name] = subprocess.Popen(
                [sys.executable, "-m", "sandbox.bound", str(os.getpid()), *command],
                cwd=Path(__file__).parent.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _await(self, name: str, url: str) -> None:
        """Wait until ``url`` answers 200; raises SandboxFailed when the child dies or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        with http_client(self.state, self.addresses) as http:
            while time.monotonic() < deadline:
                self.check()
                with contextlib.suppress(httpx.TransportError):
                    if http.get(url).status_code == httpx.codes.OK:
                        return
                time.sleep(0.1)
        raise SandboxFailed(f"{name} is not ready after {START_SECONDS} s\n{self._last_lines(name)}")

    def _await_countries(self) -> None:
        """The gateway reads the nodes' metadata in the background; give it a moment."""
        deadline = time.monotonic() + START_SECONDS
        missing = [""]
        with http_client(self.state, self.addresses) as http:
            while time.monotonic() < deadline:
                self.check()
                answer = http.get(f"{self.addresses.gateway}/countries")
                missing = unavailable(answer.json()) if answer.status_code == httpx.codes.OK else ["all"]
                if not missing:
                    return
                time.sleep(0.2)
        self.say(f"warning: not available: {', '.join(missing)}; see {self.state.log('gateway')}")

    def check(self) -> None:
        """Raises SandboxFailed when a child has ended."""
        for name, child in self._children.items():
            code = child.poll()
            if code is not None:
                raise SandboxFailed(f"{name} ended with status {code}\n{self._last_lines(name)}")

    def _last_lines(self, name: str) -> str:
        path = self.state.log(name)
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        return "\n".join([*(f"    {line}" for line in lines), f"the whole log: {path}"])

    def stop(self) -> None:
        """End all children, the gateway first, and forget them."""
        for child in reversed(self._children.values()):
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for name, child in reversed(self._children.items()):
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{name} does not end, killing it")
            # Whatever the child left behind in its own session goes too.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self._children.clear()
        (self.state.directory / "state.json").unlink(missing_ok=True)


def unavailable(countries: Any) -> list[str]:
    """Country codes that the gateway lists as not available."""
    listed = countries.get("countries", []) if isinstance(countries, dict) else countries
    return sorted({str(c["code"]) for c in listed if not c.get("available", True)}) if listed else ["all"]


def http_client(state: State, addresses: Addresses) -> httpx.Client:
    """A client that believes the sandbox's authority and no proxy."""
    return httpx.Client(
        verify=_believing(state.authority if addresses.tls else None), trust_env=False, timeout=10
    )


@cache
def _believing(authority: Path | None) -> ssl.SSLContext:
    """Kept: reading all the authorities of the web takes longer than a request."""
    if authority is None:
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=authority)


def running(state: State) -> Addresses | None:
    """The addresses of a sandbox that runs from this state directory, if one does."""
    try:
        record: Mapping[str, Any] = json.loads((state.directory / "state.json").read_text(encoding="utf-8"))
        addresses = Addresses(**record["addresses"])
        with http_client(state, addresses) as http:
            for url in (addresses.services, addresses.nodes, addresses.eid_saml):
                http.get(f"{url}/health").raise_for_status()
            http.get(f"{addresses.management}/health/live").raise_for_status()
    except (OSError, ValueError, KeyError, TypeError, httpx.HTTPError):
        return None
    return addresses
