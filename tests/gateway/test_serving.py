"""The real server: sockets, workers, signals (design.md §2 row 10)."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gateway.own_keys import files as key_files
from gateway.settings import KeyPurpose
from tests.gateway.two_keys import TWO_KEYS, make_two_keys
from tests.gateway.watch.receivers import Receiver, server_context
from tests.support.ports import free_base
from tests.support.self_signed import tls_files

CONFIGURATION = """
[gateway]
issuer = "http://127.0.0.1:{port}"
mode = "development"
name.de = "Ausweis-Dienst"
operator.de = "Sachsen"
[listen]
{listen}
port = {port}
management_port = {management}
workers = {workers}
"""
PATIENCE = 60.0
NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For what is asked again and again over plain HTTP: no authority is read for it."""


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, verify=NOBODY, trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def children(parent: int) -> dict[int, str]:
    """Process numbers and command lines of the children of ``parent``."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if int(fields[1]) == parent and fields[0] != "Z":
                found[int(entry.name)] = command
    return found


@contextmanager
def starting(directory: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], str, str]]]:
    """Gives what starts a gateway with its configuration in ``directory``; those that still run are ended."""
    running: list[subprocess.Popen[bytes]] = []

    def launch(workers: int, listen: str = "", more: str = "") -> tuple[subprocess.Popen[bytes], str, str]:
        port, management = free_base(0), free_base(0)
        make_two_keys(directory)
        text = CONFIGURATION.format(port=port, management=management, workers=workers, listen=listen)
        (directory / "gateway.toml").write_text(text + TWO_KEYS + more, encoding="utf-8")
        command = [sys.executable, "-m", "gateway", "serve", "--config", str(directory)]
        root = Path(__file__).parents[2]
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        running.append(process)
        urls = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{management}"
        until(lambda: process.poll() is not None or answers(f"{urls[1]}/health/ready"))
        assert process.poll() is None, process.communicate()[0].decode()
        return process, *urls

    try:
        yield launch
    finally:
        for process in running:
            if process.poll() is None:
                process.terminate()  # not kill: the embedded store ends with its parent's own clean-up
            process.communicate(timeout=PATIENCE)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[int], tuple[subprocess.Popen[bytes], str, str]]]:
    with starting(tmp_path) as launch:
        yield launch


def test_one_process_serves_and_ends_when_told(
    start: Callable[[int], tuple[subprocess.Popen[bytes], str, str]],
) -> None:
    process, public, management = start(1)
    assert answers(f"{public}/.well-known/openid-configuration")
    assert answers(f"{management}/health/live")
    assert not answers(f"{public}/health/live")
    (store,) = [number for number, command in children(process.pid).items() if "valkey" in command]
    process.send_signal(signal.SIGTERM)
    output = process.communicate(timeout=PATIENCE)[0].decode()
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert not Path(f"/proc/{store}").exists()


def test_tls_in_the_process_agrees_on_nothing_beyond_the_technical_guideline(
    start: Callable[[int, str], tuple[subprocess.Popen[bytes], str, str]], tmp_path: Path
) -> None:
    """security.md C.2 (TR-02102-2): ECDHE with AES-GCM or AES-CCM, no CBC, no ChaCha20."""
    key_files.create(tmp_path / "keys", "tls", KeyPurpose.SAML_SIGNING, algorithm="p256", days=1, subject="x")
    listen = 'tls_certificate = "keys/tls.crt"\ntls_private_key = "file:keys/tls.key"'
    _, public, _ = start(1, listen)
    port = int(public.rpartition(":")[2])
    assert agreed(port, "ECDHE-ECDSA-AES256-GCM-SHA384") == "ECDHE-ECDSA-AES256-GCM-SHA384"
    for cipher in ("ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"):
        with pytest.raises(ssl.SSLError):
            agreed(port, cipher)


def agreed(port: int, cipher: str) -> str:
    """The TLS 1.2 cipher that the server takes when only ``cipher`` is offered."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the ciphers are under test, not the certificate
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(cipher)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain,
        context.wrap_socket(plain) as connection,
    ):
        found = connection.cipher()
    assert found is not None
    return found[0]


WATCHED = """
[[keys]]
id = "saml"
purpose = "saml-signing"
private_key = "file:keys/saml.key"
certificate = "keys/saml.crt"
[http]
ca_file = "localhost.crt"
allow_private_addresses = true
[[watch.webhooks]]
id = "duty"
url = "https://localhost:{port}/hook"
secret = "file:hook.secret"
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_a_worker_that_dies_is_replaced_and_its_successor_goes_on_with_what_all_of_them_know(
    start: Callable[[int, str, str], tuple[subprocess.Popen[bytes], str, str]], tmp_path: Path
) -> None:
    """Counters go on (ux.md §13); that a certificate ends tomorrow is told once, by whoever saw it first."""
    files = tls_files(tmp_path, "localhost")
    (tmp_path / "hook.secret").write_text("s" * 40, encoding="utf-8")
    key_files.create(
        tmp_path / "keys", "saml", KeyPurpose.SAML_SIGNING, algorithm="p256", days=1, subject="x"
    )
    receiver = Receiver(server_context(files))
    try:
        process, public, management = start(2, "", WATCHED.format(port=receiver.port))

        def workers() -> set[int]:
            return {number for number, command in children(process.pid).items() if "spawn_main" in command}

        def refused() -> float:
            text = httpx.get(f"{management}/metrics", verify=NOBODY, trust_env=False, timeout=PATIENCE).text
            counted = [line for line in text.splitlines() if line.startswith("eidgateway_errors")]
            return sum(float(line.rpartition(" ")[2]) for line in counted)

        def refuse(times: int) -> None:
            for _ in range(times):
                httpx.get(f"{public}/authorize?client_id=nobody", trust_env=False, timeout=PATIENCE)

        until(lambda: len(workers()) == 2)
        refuse(8)
        assert refused() == 8
        until(lambda: bool(receiver.posted))
        before = workers()
        os.kill(max(before), signal.SIGKILL)
        until(lambda: len(now := workers()) == 2 and now != before)
        until(lambda: answers(f"{public}/countries") and answers(f"{management}/health/ready"))
        refuse(4)
        assert refused() == 12  # the dead worker's are still there
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=PATIENCE)[0].decode()
    finally:
        receiver.close()
    assert process.returncode == 0, output
    assert "worker died" in output
    assert "Traceback" not in output
    told = [alert["key"] for posted in receiver.posted for alert in json.loads(posted.body)["alerts"]]
    assert len(told) == len(set(told))
    assert [key for key in told if key.startswith("expiry/own-certificate/saml-signing/saml/")]
