"""A real HTTP(S) server on loopback that plays a partner's metadata host, well or badly."""

import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.support.loopback import Loopback, SilentHandler

Answer = Callable[[BaseHTTPRequestHandler], None]


class HTTPPeer:
    """Answers every GET with ``answer`` and every POST with ``posted``; remembers the paths it was asked for."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.answer: Answer = body(b"<x/>")
        self.posted: Answer = body(b"", status=501)
        self.asked: list[str] = []
        self.hosts: list[str | None] = []
        peer = self

        class Handler(SilentHandler):
            def do_GET(self) -> None:
                peer.asked.append(self.path)
                peer.hosts.append(self.headers["Host"])
                try:
                    peer.answer(self)
                except OSError:  # the client hung up, which is what some tests want
                    self.close_connection = True

            def do_POST(self) -> None:
                peer.posted(self)

        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        self.scheme = "http" if context is None else "https"
        self._server = Loopback(Handler, context)
        self.port = self._server.port

    def url(self, host: str = "localhost", path: str = "/metadata") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def close(self) -> None:
        self._server.close()


def body(octets: bytes, *, status: int = 200, **headers: str) -> Answer:
    """An answer with ``octets``; header names are written with underscores."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        fields = {
            "Content_Type": "application/samlmetadata+xml",
            "Content_Length": str(len(octets)),
            **headers,
        }
        for name, value in fields.items():
            if value:
                handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(octets)

    return answer
