"""A real mail server and a real HTTP server on loopback that take what the watch sends, well or badly."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from tests.support.loopback import Loopback, SilentHandler
from tests.support.ports import free_base

USER, PASSWORD = "gateway", "secret-of-the-mail-server"


def server_context(files: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


@dataclass
class Mailbox:
    """What came in, with the envelope's recipients."""

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    refuse: str = ""
    """Answer to every message instead of taking it."""

    async def handle_DATA(self, server: SMTP, session: object, envelope: Envelope) -> str:
        if self.refuse:
            return self.refuse
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append((list(envelope.rcpt_tos), message))
        return "250 taken"


@contextmanager
def mail_server(context: ssl.SSLContext | None) -> Iterator[Mailbox]:
    """With ``context``: STARTTLS and a login are demanded; without: plain and neither is offered."""
    box = Mailbox(port=free_base(0))

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    options: dict[str, Any] = {} if context is None else {
        "tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": authenticate
    }  # fmt: skip
    controller = Controller(box, hostname="localhost", port=box.port, ready_timeout=10, **options)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass(frozen=True)
class Posted:
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Takes POSTs; ``status`` and ``headers`` are its answer, ``wait`` holds it back."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.posted: list[Posted] = []
        self.status = 204
        self.headers: dict[str, str] = {}
        self.wait: threading.Event | None = None
        receiver = self

        class Handler(SilentHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posted.append(Posted(self.path, dict(self.headers), body))
                if receiver.wait is not None:
                    receiver.wait.wait(10)
                try:
                    self.send_response(receiver.status)
                    for name, value in receiver.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                except OSError:  # the gateway hung up
                    self.close_connection = True

        self._server = Loopback(Handler, context)
        self.port = self._server.port

    def close(self) -> None:
        if self.wait is not None:
            self.wait.set()
        self._server.close()
