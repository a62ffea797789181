"""An eService with the attached eID-Server behind one TLS listener, any part of which a test can bend."""

from __future__ import annotations

import secrets
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eid_server.block_list import BlockList
from eid_server.chat import Right
from eid_server.description import CertificateDescription
from eid_server.passive_authentication import CardTrust
from eid_server.pki import GRANTABLE, TrialPKI, comm_certificates
from eid_server.request import SessionRequest
from eid_server.server import EIDServer, PreSharedKey
from sandbox.authority import KeyPair, certificate_pem, certify, make_key, private_pem, write_private
from sandbox.card.issuer import CardIssuer
from sandbox.psk import PSKServer, ServerSide

NAMES = SessionRequest(
    required=frozenset({"GivenNames", "FamilyNames", "RestrictedID"}), optional=frozenset({"BirthName"})
)


@dataclass
class Reply:
    status: int
    body: bytes = b""
    location: str = ""


class Listener:
    """One TLS (or plain) listener; ``pages`` by path, a function of the request's body."""

    def __init__(self, directory: Path, *, tls: bool = True, tickets: bool = True) -> None:
        self.pages: dict[str, Callable[[bytes], Reply]] = {}
        self.seen: list[str] = []
        self.close_always = False
        handler = type("Handler", (_Handler,), {"listener": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.certificate: bytes = b""
        if tls:
            self._use_tls(directory, tickets=tickets)
        self.base = f"{'https' if tls else 'http'}://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def _use_tls(self, directory: Path, *, tickets: bool) -> None:
        pair = certify("localhost", make_key("p256"), hosts=("localhost",))
        name = secrets.token_hex(4)
        (directory / f"{name}.crt").write_bytes(certificate_pem(pair.certificate))
        write_private(directory / f"{name}.key", private_pem(pair.key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / f"{name}.crt", directory / f"{name}.key")
        if not tickets:
            context.options |= ssl.OP_NO_TICKET
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.certificate = pair.certificate.public_bytes(Encoding.DER)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    listener: Listener

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            return  # the client went away, or did not like our certificate

    def do_GET(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        path = self.path.partition("?")[0]
        self.listener.seen.append(path)
        page = self.listener.pages.get(path)
        reply = page(self.rfile.read(size)) if page else Reply(404)
        self.send_response(reply.status)
        self.send_header("content-type", "text/xml; charset=utf-8")
        self.send_header("content-length", str(len(reply.body)))
        if reply.location:
            self.send_header("location", reply.location)
        if self.listener.close_always:
            self.send_header("connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(reply.body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


def token(**values: str) -> bytes:
    """A TC token; ``path=key`` adds the pre-shared key."""
    key = values.pop("psk", "")
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    if key:
        elements += "<PathSecurity-Protocol>urn:ietf:rfc:4279</PathSecurity-Protocol>"
        elements += f"<PathSecurity-Parameters><PSK>{key}</PSK></PathSecurity-Parameters>"
    return f'<?xml version="1.0" encoding="UTF-8"?><TCTokenType>{elements}</TCTokenType>'.encode()


@dataclass
class EService:
    """``listener`` is eService and attached eID-Server in one; ``request`` is what is asked for."""

    listener: Listener
    issuer: CardIssuer
    subject_url: str = ""
    described: tuple[bytes, ...] = ()
    """TLS certificates in the description."""
    rights: Right = GRANTABLE
    values: dict[str, str] = field(default_factory=dict)
    """Elements of the TC token that differ."""
    successor: str = ""
    """Reference of a new CVCA, linked to by the one that cards know."""
    migrating: bool = False
    """The terminal has a second sector."""
    pki: TrialPKI = field(init=False)
    server: EIDServer = field(init=False)
    session: str = ""
    root: bytes = b""
    """The CVCA certificate that cards leave the factory with."""

    def __post_init__(self) -> None:
        description = CertificateDescription(
            issuer_name="Test-BerCA",
            subject_name="Testdienst",
            subject_url=self.subject_url or self.listener.base,
            terms_of_usage="Anschrift: hier",
            comm_certificates=comm_certificates(self.described or (self.listener.certificate,)),
        )
        today = datetime.now(UTC).date()
        pki = TrialPKI.create(
            today=today, description=description, rights=self.rights, migrating=self.migrating
        )
        self.root = pki.cvca.certificate.encoded
        self.pki = pki.succeeded(today=today, cvca_reference=self.successor) if self.successor else pki
        sector = self.pki.terminal.sector
        blocked = self.issuer.blocked(_point(self.pki))
        self.server = EIDServer(
            self.pki.terminal,
            CardTrust.of(
                authorities=[self.issuer.trust_point.read_bytes()],
                revocation_lists=[self.issuer.revocations.read_bytes()],
            ),
            block_list=BlockList.of(sector, blocked),
            production=False,
            clock=lambda: datetime.now(UTC),
        )
        self.listener.pages["/token"] = lambda _: Reply(200, self.token)
        self.listener.pages["/paos"] = lambda body: Reply(200, self.server.paos(body))

    def open(self, request: SessionRequest = NAMES, psk: PreSharedKey | None = None) -> None:
        self.session = self.server.open(request, psk=psk).id

    @property
    def token(self) -> bytes:
        base = self.listener.base
        usual = {
            "ServerAddress": f"{base}/paos",
            "SessionIdentifier": self.session,
            "RefreshAddress": f"{base}/refresh",
            "CommunicationErrorAddress": f"{base}/lost",
            "Binding": "urn:liberty:paos:2006-08",
        }
        return token(**usual | self.values)

    @property
    def token_url(self) -> str:
        return f"{self.listener.base}/token"


def _point(pki: TrialPKI) -> bytes:
    return pki.sectors[0].public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def psk_server(server: EIDServer, pair: KeyPair) -> tuple[PSKServer, threading.Thread]:
    """An eID-Server of its own, behind TLS_RSA_PSK."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = server.paos(body, psk_identity=self.connection.identity)
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            """Nobody reads it."""

    running = PSKServer(("127.0.0.1", 0), Handler, ServerSide(pair.key, (pair.certificate,), server.psk))
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    return running, thread
