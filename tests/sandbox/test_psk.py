"""TLS_RSA_PSK of the sandbox, both sides (TR-03130-1 §2.3.2; RFC 4279 §4)."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox import psk
from sandbox.authority import KeyPair, certify, make_key

KEY = bytes(range(32))


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        answer = f"{self.connection.identity} {self.connection.suite} ".encode() + body
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return certify("localhost", make_key("rsa-3072"), hosts=("localhost",))


@pytest.fixture
def port(pair: KeyPair) -> Iterator[int]:
    side = psk.ServerSide(pair.key, (pair.certificate,), {"session": KEY}.get)
    server = psk.PSKServer(("127.0.0.1", 0), Echo, side)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def ask(connection: psk.PSKConnection, body: bytes) -> bytes:
    line = http.client.HTTPConnection("localhost")
    line.sock = connection
    line.request("POST", "/paos", body)
    return line.getresponse().read()


def test_server_learns_the_identity_and_both_the_suite(port, pair) -> None:
    """RFC 4279 §4: the identity travels in the key exchange; several messages on one connection."""
    connection = psk.connect("127.0.0.1", port, identity="session", key=KEY)
    body = bytes(100_000)
    for _ in range(2):
        assert ask(connection, body) == b"session RSA-PSK-AES256-GCM-SHA384 " + body
    assert connection.peer_certificate == pair.certificate.public_bytes(Encoding.DER)
    connection.close()


def test_the_one_suite_every_server_must_have_works(port, monkeypatch) -> None:
    """TR-03130-1 §2.3.2: TLS_RSA_PSK_WITH_AES_256_CBC_SHA."""
    monkeypatch.setattr(psk, "SUITES", ("RSA-PSK-AES256-CBC-SHA",))
    connection = psk.connect("127.0.0.1", port, identity="session", key=KEY)
    assert connection.suite == "RSA-PSK-AES256-CBC-SHA"
    connection.close()


@pytest.mark.parametrize(("identity", "key"), [("session", bytes(32)), ("other", KEY)])
def test_wrong_key_and_unknown_identity_are_refused(port, identity, key) -> None:
    """RFC 4279 §2: the handshake fails; no message is exchanged."""
    with pytest.raises(psk.PSKRefused):
        psk.connect("127.0.0.1", port, identity=identity, key=key)


def test_client_without_a_pre_shared_key_is_refused(port) -> None:
    """TR-03130-1 §2.3.2: TLS_RSA_PSK and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port)) as stream, pytest.raises(ssl.SSLError):
        context.wrap_socket(stream)
