"""A real HTTP(S) server on loopback that plays a partner's metadata host, well or badly."""

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = Callable[[BaseHTTPRequestHandler], None]


class HTTPPeer:
    """Answers every GET with ``self.answer``; remembers the paths it was asked for."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.answer: Answer = body(b"<x/>")
        self.asked: list[str] = []
        self.hosts: list[str | None] = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                peer.asked.append(self.path)
                peer.hosts.append(self.headers["Host"])
                try:
                    peer.answer(self)
                except OSError:  # the client hung up, which is what some tests want
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                return

        self.server = Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def url(self, host: str = "localhost", path: str = "/metadata") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


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
