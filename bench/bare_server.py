"""The cheapest possible server on the product's own stack, to know what HTTP alone costs."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from pathlib import Path

from bench.process import cpu_milliseconds

_APP = """
import uvicorn
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); await send({"type": "lifespan.startup.complete"})
        await receive(); await send({"type": "lifespan.shutdown.complete"}); return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
uvicorn.run(app, port=PORT, log_level="error", access_log=False)
"""


def cpu_per_request(count: int = 2_000) -> float:
    """CPU milliseconds a request costs a server that does nothing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", _APP.replace("PORT", str(port))], cwd=Path(__file__).parent
    )
    try:
        _wait(port)
        connection = http.client.HTTPConnection("127.0.0.1", port)
        _drive(connection, 200)
        before = cpu_milliseconds(server.pid)
        _drive(connection, count)
        return (cpu_milliseconds(server.pid) - before) / count
    finally:
        server.terminate()
        server.wait()


def _drive(connection: http.client.HTTPConnection, count: int) -> None:
    for _ in range(count):
        connection.request("GET", "/")
        connection.getresponse().read()


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the bare server did not start")
