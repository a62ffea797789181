"""The two sockets of the eID service that are no web pages: SOAP behind mutual TLS, PAOS behind TLS_RSA_PSK."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.authority import KeyPair
from sandbox.eid_service.names import EID
from sandbox.psk import Lookup, PSKServer, ServerSide

MAXIMUM = 1_048_576
"""Octets of a message."""
_SECONDS = 20

SOAPAnswer = Callable[[bytes, str], bytes]
PAOSAnswer = Callable[[bytes, str], bytes]
"""Message and the identity of its channel to the next message."""


class _Poster(BaseHTTPRequestHandler):
    """Takes one POST after the other."""

    protocol_version = "HTTP/1.1"
    timeout = _SECONDS

    def body(self) -> bytes | None:
        """The request's body; None, and the connection is over, for one that we do not read."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAXIMUM:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def reply(self, octets: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Nothing: personal data must not get into a log."""


def soap_listener(
    address: tuple[str, int], certificate: tuple[Path, Path], client_authority: Path, answer: SOAPAnswer
) -> ThreadingHTTPServer:
    """TLS 1.2 or newer; without a certificate of ``client_authority`` there is no connection (§3.1)."""

    class Handler(_Poster):
        def do_POST(self) -> None:
            octets = self.body()
            if octets is None:
                return
            action = self.headers.get("SOAPAction", "").strip('"').removeprefix(EID)
            self.reply(answer(octets, action), "text/xml;charset=UTF-8")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(*certificate)
    context.load_verify_locations(cafile=client_authority)
    context.verify_mode = ssl.CERT_REQUIRED
    return _TLSServer(address, Handler, context)


class _TLSServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext
    ) -> None:
        self._context = context
        super().__init__(address, handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread: first the handshake, then HTTP."""
        request.settimeout(_SECONDS)
        try:
            with self._context.wrap_socket(request, server_side=True) as connection:
                self.finish_request(connection, client_address)
        except OSError:  # no certificate, or the client went away
            request.close()


def paos_listener(
    address: tuple[str, int], pair: KeyPair, lookup: Lookup, answer: PAOSAnswer
) -> ThreadingHTTPServer:
    """TLS_RSA_PSK with the key of the session that the client names (TR-03130-1 §2.3.2)."""
    if not isinstance(pair.key, rsa.RSAPrivateKey):
        raise TypeError("TLS_RSA_PSK needs an RSA key")

    class Handler(_Poster):
        def do_POST(self) -> None:
            octets = self.body()
            if octets is None:
                return
            identity = str(getattr(self.connection, "identity", ""))
            self.reply(answer(octets, identity), "application/vnd.paos+xml; charset=UTF-8")

    return PSKServer(address, Handler, ServerSide(pair.key, tuple(pair.chain), lookup))
