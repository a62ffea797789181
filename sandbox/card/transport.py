"""HTTP as an eID-Client speaks it (TR-03124-1 §2.5): every server's certificate is remembered, none is
traced to an authority, because its hash must be in the terminal's description (npa.md §3.4, §3.5).
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from sandbox import psk

TIMEOUT = 15.0
REDIRECTS = frozenset({302, 303, 307})
HOPS = 10
PORTS = {"https": 443, "http": 80}

Origin = tuple[str, str, int]


class Unreachable(Exception):
    """No answer, or none that can be read."""


class Untrusted(Exception):
    """The server's certificate or the way to it breaks a rule of TLS or of the eID-Client."""


class NotHTTPS(Untrusted):
    """An address without TLS, and nobody allowed that."""


def origin(url: str) -> Origin:
    """Scheme, host and port (RFC 6454 §4). Raises Untrusted for what is no address."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise Untrusted("no address of the web")
    try:
        port = parts.port
    except ValueError:
        raise Untrusted("no port") from None
    return parts.scheme, parts.hostname.lower(), port or PORTS[parts.scheme]


@dataclass(frozen=True, slots=True)
class Answer:
    url: str
    status: int
    content_type: str
    location: str
    body: bytes


def client_context() -> ssl.SSLContext:
    """No authority is asked: the hash in the description decides."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@dataclass(slots=True)
class Network:
    """The connections of one run. ``insecure`` allows http, for a sandbox without TLS."""

    insecure: bool = False
    met: dict[Origin, bytes] = field(default_factory=dict)
    """SHA-256 of the certificate by origin; nothing for http."""
    changed: set[Origin] = field(default_factory=set)
    """Origins that showed two certificates: both must be known, so none is."""
    _context: ssl.SSLContext = field(default_factory=client_context)
    _lines: dict[Origin, http.client.HTTPConnection] = field(default_factory=dict)
    _sessions: dict[Origin, ssl.SSLSession] = field(default_factory=dict)

    def close(self) -> None:
        for line in self._lines.values():
            line.close()
        self._lines.clear()

    def get(self, url: str) -> Answer:
        """One GET, no redirect followed. Raises Unreachable, Untrusted."""
        return self._ask("GET", url, None, {"Accept": "text/xml, text/html"})

    def post(self, url: str, body: bytes, headers: dict[str, str], *, same_session: bool) -> Answer:
        """One POST; ``same_session``: only in the TLS session there is already, kept or resumed."""
        if same_session and url.startswith("https") and origin(url) not in self._sessions | self._lines:
            raise Untrusted("no TLS session to go on with")
        return self._ask("POST", url, body, headers, same_session=same_session)

    def follow(self, url: str) -> Answer:
        """GET along redirects to https only (TR-03124-1 §2.5.1; A2_06…A2_10)."""
        for _ in range(HOPS):
            answer = self.get(url)
            if answer.status not in REDIRECTS:
                return answer
            url = urljoin(url, answer.location)
        raise Unreachable("too many redirects")

    def meet(self, url: str) -> None:
        """Connect without asking anything: the server's certificate counts. Raises as above."""
        where = self._checked(url)
        if where[0] == "https":
            self._line(where, same_session=False)

    def use_psk(self, url: str, identity: str, key: bytes) -> None:
        """Open TLS_RSA_PSK for what follows there. Raises Unreachable, Untrusted."""
        where = self._checked(url)
        if where[0] != "https":
            raise Untrusted("a pre-shared key is for TLS")
        try:
            connection = psk.connect(where[1], where[2], identity=identity, key=key)
        except psk.PSKRefused as error:
            raise Untrusted(str(error)) from error
        except OSError as error:
            raise Unreachable(str(error)) from error
        if connection.peer_certificate is None:
            raise Untrusted("no certificate")
        self._remember(where, connection.peer_certificate)
        line = http.client.HTTPConnection(where[1], where[2])
        # http.client takes whatever reads and writes like a socket.
        line.sock = connection
        self._lines[where] = line

    def _checked(self, url: str) -> Origin:
        where = origin(url)
        if where[0] != "https" and not self.insecure:
            raise NotHTTPS("an address without TLS")
        return where

    def _ask(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: dict[str, str],
        *,
        same_session: bool = False,
    ) -> Answer:
        where = self._checked(url)
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        for attempt in (1, 2):
            kept = where in self._lines
            line = self._line(where, same_session=same_session)
            try:
                line.request(method, path, body, headers)
                response = line.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._lines.pop(where, line).close()
                # A kept connection may have been closed meanwhile: once more, on a new one.
                if kept and attempt == 1 and isinstance(error, ConnectionError | http.client.BadStatusLine):
                    continue
                raise Unreachable(f"{type(error).__name__}: {error}") from error
            self._after(where, line, closes=response.will_close)
            return Answer(
                url,
                response.status,
                response.headers.get("content-type", ""),
                response.headers.get("location", ""),
                content,
            )
        raise Unreachable("the connection ends again and again")

    def _after(self, where: Origin, line: http.client.HTTPConnection, *, closes: bool) -> None:
        stream = line.sock
        if isinstance(stream, ssl.SSLSocket) and stream.session is not None:
            self._sessions[where] = stream.session
        if closes:
            self._lines.pop(where, line).close()

    def _line(self, where: Origin, *, same_session: bool) -> http.client.HTTPConnection:
        if where in self._lines:
            return self._lines[where]
        line = http.client.HTTPConnection(where[1], where[2], timeout=TIMEOUT)
        try:
            line.connect()
            if where[0] == "https":
                # TLS 1.2 as AusweisApp 2; its session is there as soon as the handshake is.
                session = self._sessions.get(where)
                line.sock = self._context.wrap_socket(line.sock, server_hostname=where[1], session=session)
                self._judge(where, line.sock, same_session=same_session)
        except OSError as error:
            line.close()
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        except Untrusted:
            line.close()
            raise
        self._lines[where] = line
        return line

    def _judge(self, where: Origin, stream: ssl.SSLSocket, *, same_session: bool) -> None:
        if same_session and not stream.session_reused:
            raise Untrusted("the server began another TLS session")
        octets = stream.getpeercert(binary_form=True)
        if octets is None:
            raise Untrusted("no certificate")
        self._remember(where, octets)
        if stream.session is not None:
            self._sessions[where] = stream.session

    def _remember(self, where: Origin, octets: bytes) -> None:
        check_certificate(octets, where[1])
        digest = hashlib.sha256(octets).digest()
        if self.met.setdefault(where, digest) != digest:
            self.changed.add(where)


def check_certificate(octets: bytes, host: str) -> None:
    """Name and dates; fatal for AusweisApp too, though the path to an authority is not.

    Raises Untrusted.
    """
    certificate = x509.load_der_x509_certificate(octets)
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Untrusted("the certificate is not valid today")
    if not _names(certificate, host):
        raise Untrusted("the certificate is for another host")


def _names(certificate: x509.Certificate, host: str) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return any(host == str(name.value).lower() for name in common)
    try:
        return ipaddress.ip_address(host) in found.get_values_for_type(x509.IPAddress)
    except ValueError:
        names = [name.lower() for name in found.get_values_for_type(x509.DNSName)]
        return host in names or f"*.{host.partition('.')[2]}" in names
