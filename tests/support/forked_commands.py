"""``eid-gateway`` for scripts that call it many times: the imports are done once, each command is a fork.

A process of its own for each command, with the caller's directory and standard streams, as the installed
program would be.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def forked_commands() -> Iterator[str]:
    """The shell words of the program; they are valid inside."""
    # Not in pytest's directory: the address of a socket has a hundred octets at most.
    directory = Path(tempfile.mkdtemp(prefix="eg-"))
    address = directory / "commands"
    server = subprocess.Popen(
        [sys.executable, __file__, "serve", str(address)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        assert server.stdout.read(1) == b"."
        yield shlex.join([sys.executable, "-I", "-S", __file__, "call", str(address)])
    finally:
        server.terminate()
        server.communicate()
        shutil.rmtree(directory)


def serve(address: str) -> None:
    from gateway import cli

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    sys.stdout.write(".")
    sys.stdout.flush()
    while True:
        caller, _ = listener.accept()
        with caller:
            request, streams, _, _ = socket.recv_fds(caller, 65_536, 3)
            child = os.fork()
            if child == 0:
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
                directory, arguments = json.loads(request)
                os.chdir(directory)
                status = cli.main(arguments)
                sys.stdout.flush()
                os._exit(status)
            for stream in streams:
                os.close(stream)
            _, ended = os.waitpid(child, 0)
            caller.sendall(bytes([os.waitstatus_to_exitcode(ended) & 0xFF]))


def call(address: str, arguments: list[str]) -> int:
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [json.dumps([str(Path.cwd()), arguments]).encode()], [0, 1, 2])
        return server.recv(1)[0]


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    sys.exit(call(sys.argv[2], sys.argv[3:]))
