"""One guarded HTTP exchange with a partner (security.md B.2, eidas.md §7.4).

Only URLs of the configuration come here, never one out of a message. The name is resolved once,
every address is checked, and the connection goes to a checked address, so that a name cannot
point elsewhere between check and use. TLS still verifies the certificate for the *name*. No
redirects, no proxies, no content coding, one deadline for everything including a peer that
sends a byte a second.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from trust.errors import OutgoingError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that is routed (RFC 4291 §2.4): not what a network translates for itself (RFC 8215), nor site-local."""
_SPECIAL = (
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("192.88.99.0/24"),
    ipaddress.ip_network("3fff::/20"),
)
"""Of the IANA registries of special-purpose addresses, what Python took for global before 3.11.10."""
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"
"""TLS 1.2: forward secrecy with authenticated encryption only."""
_CHUNK = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """Limits of outgoing connections."""

    connect_seconds: float = 3.0
    total_seconds: float = 10.0
    ca_file: Path | None = None
    """PEM bundle to trust instead of the system's."""
    allow_private_addresses: bool = False
    """Closed state networks and development."""
    allow_http_loopback: bool = False
    """Development: ``http`` to an address of this machine."""
    content_types: frozenset[str] = frozenset(  # empty: whatever comes, because nobody reads it
        {"application/samlmetadata+xml", "application/xml", "text/xml", "application/octet-stream"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request of ours."""

    method: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    accepted: frozenset[int] | None = frozenset({200})
    """Status codes that mean success; None: whatever comes is an answer, also a redirect, which nobody follows."""
    context: ssl.SSLContext | None = None
    """TLS with a client certificate, or with other trust than the policy's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """In their order, names in lower case."""
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """The first header of that name, which is given in lower case."""
        return next((value for found, value in self.headers if found == name), None)


def resolve_host(host: str, port: int) -> tuple[str, ...]:
    """The addresses of ``host``, without duplicates, in the resolver's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def exchange(
    url: str,
    outgoing: Outgoing,
    *,
    policy: FetchPolicy,
    max_bytes: int,
    resolve: Resolve = resolve_host,
) -> bytes:
    """The body of the answer; only an accepted status without redirect counts.

    Raises OutgoingError ``fetch.*``.
    """
    return converse(url, outgoing, policy=policy, max_bytes=max_bytes, resolve=resolve).body


def converse(
    url: str,
    outgoing: Outgoing,
    *,
    policy: FetchPolicy,
    max_bytes: int,
    resolve: Resolve = resolve_host,
) -> Answer:
    """As ``exchange``, with status and headers of the answer."""
    parts = _require_url(url, policy)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = _require_addresses(parts, port, policy, resolve)
    deadline = _Deadline(policy.total_seconds)
    try:
        return _exchange(parts, port, addresses, outgoing, policy, max_bytes, deadline)
    except OutgoingError:
        raise
    except (OSError, HTTPException, ValueError) as error:
        # The socket has the same time as the deadline, and may notice first.
        if deadline.passed or isinstance(error, TimeoutError):
            raise OutgoingError("fetch.timeout") from error
        if isinstance(error, ssl.SSLError):
            raise OutgoingError("fetch.tls", error.reason or "") from error
        raise OutgoingError("fetch.connection", type(error).__name__) from error
    finally:
        deadline.end()


class _Deadline:
    """Shuts the connection down when the time is over, whatever is being waited for."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._strike)
        self._timer.daemon = True
        self._timer.start()

    def guard(self, connected: socket.socket) -> None:
        with self._lock:
            self._socket = connected
            if self.passed:
                raise TimeoutError

    def end(self) -> None:
        self._timer.cancel()
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def _strike(self) -> None:
        with self._lock:
            self.passed = True
            if self._socket is not None:
                try:
                    # not SSLSocket.shutdown, which would take the TLS state from under the reader
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                except OSError:  # already gone
                    return


def _require_url(url: str, policy: FetchPolicy) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise OutgoingError("fetch.url") from error
    if not host or parts.username or parts.password or parts.fragment or not url.isascii():
        raise OutgoingError("fetch.url")
    if parts.scheme != "https" and not (parts.scheme == "http" and policy.allow_http_loopback):
        raise OutgoingError("fetch.scheme", "https only")
    return parts


def _require_addresses(
    parts: SplitResult, port: int, policy: FetchPolicy, resolve: Resolve
) -> tuple[str, ...]:
    host = parts.hostname or ""
    try:
        addresses = tuple(resolve(host, port))
        checked = [ipaddress.ip_address(address.partition("%")[0]) for address in addresses]
    except (OSError, ValueError) as error:
        raise OutgoingError("fetch.name", "cannot be resolved") from error
    if not checked:
        raise OutgoingError("fetch.name", "cannot be resolved")
    for address in checked:
        if parts.scheme == "http":
            if not address.is_loopback:
                raise OutgoingError("fetch.scheme", "http only to this machine")
        elif not policy.allow_private_addresses and not _is_public(address):
            raise OutgoingError("fetch.address", "not a public address")
        if address.is_multicast or address.is_unspecified:
            raise OutgoingError("fetch.address", "not a host")
    return addresses


def _is_public(address: Address) -> bool:
    """Global unicast, also where an IPv6 form wraps an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            wrapped.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        inner = [w for w in wrapped if w is not None]
        if inner:
            return all(_is_public(w) for w in inner)
        if address not in _GLOBAL_UNICAST:
            return False
    return address.is_global and not address.is_multicast and not any(address in net for net in _SPECIAL)


def _exchange(
    parts: SplitResult,
    port: int,
    addresses: Sequence[str],
    outgoing: Outgoing,
    policy: FetchPolicy,
    max_bytes: int,
    deadline: _Deadline,
) -> Answer:
    host = parts.hostname or ""
    connected = _connect(addresses, port, policy)
    deadline.guard(connected)
    if parts.scheme == "https":
        context = outgoing.context or tls_context(policy)
        connected = context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)
        deadline.guard(connected)
        connected.do_handshake()
    connection = HTTPConnection(host, port, timeout=policy.total_seconds)
    connection.sock = connected
    connection.putrequest(
        outgoing.method,
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        skip_host=True,
        skip_accept_encoding=True,
    )
    connection.putheader("Host", parts.netloc)
    connection.putheader("Accept", ", ".join(sorted(policy.content_types)) or "*/*")
    connection.putheader("Accept-Encoding", "identity")
    connection.putheader("User-Agent", "eid-gateway")
    connection.putheader("Connection", "close")
    for name, value in outgoing.headers.items():
        connection.putheader(name, value)
    if outgoing.body is not None:
        connection.putheader("Content-Length", str(len(outgoing.body)))
    connection.endheaders(outgoing.body)
    with connection.getresponse() as response:
        _require_response(response, outgoing.accepted, policy, max_bytes)
        headers = tuple((name.lower(), value) for name, value in response.getheaders())
        body = _read(response, max_bytes)
    if deadline.passed:
        raise OutgoingError("fetch.timeout")
    return Answer(status=response.status, headers=headers, body=body)


def _connect(addresses: Sequence[str], port: int, policy: FetchPolicy) -> socket.socket:
    failure: OSError = OSError("no address")
    for address in addresses[:4]:
        try:
            connected = socket.create_connection((address, port), timeout=policy.connect_seconds)
        except OSError as error:
            failure = error
            continue
        connected.settimeout(policy.total_seconds)
        # head and body are two writes: without it the second waits for the acknowledgement of the first
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected
    if isinstance(failure, TimeoutError):
        raise OutgoingError("fetch.timeout", "connecting") from failure
    raise failure


def tls_context(policy: FetchPolicy) -> ssl.SSLContext:
    """What the policy trusts; making one reads all the authorities, so several exchanges may share it."""
    context = ssl.create_default_context(cafile=str(policy.ca_file) if policy.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    return context


def _require_response(
    response: HTTPResponse, accepted: frozenset[int] | None, policy: FetchPolicy, max_bytes: int
) -> None:
    if accepted is not None and 300 <= response.status < 400 and response.status not in accepted:
        raise OutgoingError("fetch.redirect", f"status {response.status}")
    if accepted is not None and response.status not in accepted:
        raise OutgoingError("fetch.status", f"status {response.status}")
    if (response.getheader("Content-Encoding") or "identity").strip().lower() != "identity":
        raise OutgoingError("fetch.content-encoding")
    content_type = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    if content_type and policy.content_types and content_type not in policy.content_types:
        raise OutgoingError("fetch.content-type")
    length = response.getheader("Content-Length")
    if length is not None and length.isdigit() and int(length) > max_bytes:
        raise OutgoingError("fetch.size")


def _read(response: HTTPResponse, max_bytes: int) -> bytes:
    body = bytearray()
    while chunk := response.read(_CHUNK):
        body += chunk
        if len(body) > max_bytes:
            raise OutgoingError("fetch.size")
    if response.length:  # the peer announced more than it sent
        raise OutgoingError("fetch.truncated")
    return bytes(body)
