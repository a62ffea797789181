"""TLS_RSA_PSK between eID-Client and eID-Server (TR-03130-1 §2.3.2, RFC 4279 §4, RFC 5487).

Python's ``ssl`` knows pre-shared keys from 3.13 only. ``cryptography`` ships an OpenSSL that has
them on every version, and pyOpenSSL drives it. The two callbacks are the one thing it does not
offer; they are set through the binding that both share. A context serves one connection only, so
that a callback belongs to exactly one peer.
"""

from __future__ import annotations

import io
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.bindings.openssl.binding import Binding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

SUITES = ("RSA-PSK-AES256-GCM-SHA384", "RSA-PSK-AES128-GCM-SHA256", "RSA-PSK-AES256-CBC-SHA")
"""OpenSSL's names; the last is the suite that every eID-Server must have."""

WAIT_SECONDS = 30.0

Lookup = Callable[[str], bytes | None]
"""From a session's identity to its key; None for an unknown one."""

_library: Any = Binding.lib
_ffi: Any = Binding.ffi


class PSKRefused(OSError):
    """No connection, or no longer: unknown identity, wrong key, no common suite, peer gone."""


class PSKConnection:
    """A TLS stream with what ``http.client`` and ``http.server`` expect of a socket."""

    def __init__(self, stream: socket.socket, context: SSL.Context, keep: Any) -> None:
        self._stream = stream
        self._tls = SSL.Connection(context, stream)
        self._keep = keep  # the native callback lives as long as its connection
        self.identity = ""
        """The client's identity; on the server's side known after the handshake."""

    @property
    def suite(self) -> str:
        """OpenSSL's name of the suite in use."""
        return self._tls.get_cipher_name() or ""

    @property
    def peer_certificate(self) -> bytes | None:
        """DER of the server's certificate, on the client's side."""
        found = self._tls.get_peer_certificate(as_cryptography=True)
        return found.public_bytes(Encoding.DER) if found else None

    def handshake(self, *, server: bool) -> None:
        """Raises PSKRefused."""
        if server:
            self._tls.set_accept_state()
        else:
            self._tls.set_connect_state()
        self._patiently(self._tls.do_handshake)

    def recv(self, size: int) -> bytes:
        """Up to ``size`` octets; empty at the end of the stream."""
        try:
            return bytes(self._patiently(self._tls.recv, size))
        except PSKRefused as refused:
            if isinstance(refused.__cause__, SSL.ZeroReturnError):
                return b""
            raise

    def sendall(self, data: bytes) -> None:
        for start in range(0, len(data), 16384):
            piece = data[start : start + 16384]
            while piece:
                piece = piece[self._patiently(self._tls.send, piece) :]

    def makefile(self, mode: str = "rb", _buffering: int = -1) -> io.BufferedReader:
        """A buffered reader over the decrypted stream; only reading is buffered here."""
        if mode != "rb":
            raise ValueError(f"only rb, not {mode}")
        return io.BufferedReader(_Reader(self))

    def settimeout(self, _seconds: float | None) -> None:
        """Kept as it is: every wait here is limited already."""

    def shutdown(self, _how: int) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye if the peer still listens, and close."""
        try:
            self._tls.shutdown()
        except (SSL.Error, OSError):
            pass  # the peer was faster; there is nobody to say goodbye to
        finally:
            self._stream.close()

    def _patiently(self, call: Callable[..., Any], *arguments: Any) -> Any:
        nothing: list[socket.socket] = []
        while True:
            try:
                return call(*arguments)
            except SSL.WantReadError:
                ready = select.select([self._stream], nothing, nothing, WAIT_SECONDS)
            except SSL.WantWriteError:
                ready = select.select(nothing, [self._stream], nothing, WAIT_SECONDS)
            except (SSL.Error, OSError) as error:
                raise PSKRefused(f"TLS: {error!r}") from error
            if not any(ready):
                raise PSKRefused(f"nothing for {WAIT_SECONDS:.0f} s")


class _Reader(io.RawIOBase):
    def __init__(self, connection: PSKConnection) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._connection.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(":".join(SUITES).encode())
    return context


def _native(context: SSL.Context) -> Any:
    return context._context  # noqa: SLF001 - the callbacks have no public way (module docstring)


def connect(host: str, port: int, *, identity: str, key: bytes) -> PSKConnection:
    """Open the client's side. The certificate is not judged here: its hash is, by the caller.

    Raises PSKRefused, or OSError when nobody listens.
    """
    context = _context()

    def tell(_ssl: Any, _hint: Any, to: Any, room: int, key_to: Any, key_room: int) -> int:
        name = identity.encode() + b"\0"
        if len(name) > room or len(key) > key_room:
            return 0
        _ffi.memmove(to, name, len(name))
        _ffi.memmove(key_to, key, len(key))
        return len(key)

    native = _ffi.callback(
        "unsigned int(SSL *, const char *, char *, unsigned int, unsigned char *, unsigned int)", tell
    )
    _library.SSL_CTX_set_psk_client_callback(_native(context), native)
    connection = PSKConnection(_quick(socket.create_connection((host, port), WAIT_SECONDS)), context, native)
    connection.identity = identity
    try:
        connection.handshake(server=False)
    except PSKRefused:
        connection.close()
        raise
    return connection


@dataclass(frozen=True, slots=True)
class ServerSide:
    """What a server needs for its handshakes: an RSA certificate, and who may come."""

    key: rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...]
    lookup: Lookup

    def accept(self, stream: socket.socket) -> PSKConnection:
        """Do the server's side of the handshake. Raises PSKRefused."""
        context = _context()
        context.use_certificate(self.chain[0])
        for issuer in self.chain[1:]:
            context.add_extra_chain_cert(issuer)
        context.use_privatekey(self.key)
        seen: list[str] = []

        def find(_ssl: Any, identity: Any, to: Any, room: int) -> int:
            name = _ffi.string(identity).decode("utf-8", "replace")
            key = self.lookup(name)
            if key is None or len(key) > room:
                return 0
            seen.append(name)
            _ffi.memmove(to, key, len(key))
            return len(key)

        native = _ffi.callback("unsigned int(SSL *, const char *, unsigned char *, unsigned int)", find)
        _library.SSL_CTX_set_psk_server_callback(_native(context), native)
        connection = PSKConnection(_quick(stream), context, native)
        connection.handshake(server=True)
        connection.identity = seen[0]
        return connection


def _quick(stream: socket.socket) -> socket.socket:
    """Non-blocking, so that every wait is limited; small messages leave at once."""
    stream.settimeout(0)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


class PSKServer(ThreadingHTTPServer):
    """An HTTP server behind TLS_RSA_PSK; its handlers find ``self.connection.identity``."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], side: ServerSide
    ) -> None:
        self._side = side
        super().__init__(address, handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread: first the handshake, then HTTP."""
        try:
            connection = self._side.accept(request)
        except PSKRefused:
            request.close()
            return
        try:
            self.finish_request(connection, client_address)  # type: ignore[arg-type]  # looks like a socket
        except OSError:
            pass  # the client went away
        finally:
            connection.close()

    def __enter__(self) -> Self:
        return self
