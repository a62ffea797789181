"""The guarded GET, against real servers on loopback (security.md B.2)."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.self_signed import tls_files
from tests.trust.http_peer import HTTPPeer, body
from trust.errors import MetadataError
from trust.fetch import FetchPolicy, fetch

DEVELOPMENT = FetchPolicy(allow_http_loopback=True)
LOOPBACK = ("127.0.0.1",)


@pytest.fixture
def peer() -> Iterator[HTTPPeer]:
    server = HTTPPeer()
    yield server
    server.close()


def get(
    url: str, policy: FetchPolicy = DEVELOPMENT, *, addresses=LOOPBACK, max_bytes: int = 100_000
) -> bytes:
    return fetch(url, policy=policy, max_bytes=max_bytes, resolve=lambda _host, _port: addresses)


def refused(url: str, policy: FetchPolicy = DEVELOPMENT, **arguments) -> str:
    with pytest.raises(MetadataError) as caught:
        get(url, policy, **arguments)
    return caught.value.reason


def test_body_is_returned(peer: HTTPPeer) -> None:
    """The plain case, with path, query and Host as configured."""
    peer.answer = body(b"<metadata/>")
    assert get(peer.url(path="/md?cc=SE")) == b"<metadata/>"
    assert peer.asked == ["/md?cc=SE"]
    assert peer.hosts == [f"localhost:{peer.port}"]


def test_system_resolver_is_the_default(peer: HTTPPeer) -> None:
    """``localhost`` resolves on every machine."""
    peer.answer = body(b"<metadata/>")
    url = peer.url(host="127.0.0.1")
    assert fetch(url, policy=DEVELOPMENT, max_bytes=100) == b"<metadata/>"


def test_http_is_refused_outside_development(peer: HTTPPeer) -> None:
    """https only; nothing is sent."""
    assert refused(peer.url(), FetchPolicy()) == "fetch.scheme"
    assert peer.asked == []


def test_http_to_another_machine_is_refused_in_development_too() -> None:
    """The flag is for loopback, also when a name pretends."""
    assert refused("http://metadata.example/", addresses=("192.0.2.1",)) == "fetch.scheme"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fc00::1",
        "fe80::1%eth0",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "::ffff:0:7f00:1",
        "::7f00:1",
        "fec0::1",
        "3fff::1",
        "192.0.0.8",
        "192.88.99.1",
        "2002:7f00:1::",
    ],
)
def test_name_that_resolves_into_the_house_is_refused(address: str) -> None:
    """Not loopback, private, link-local, CGNAT, multicast, nor wrapped in IPv6."""
    assert refused("https://metadata.example/", FetchPolicy(), addresses=(address,)) == "fetch.address"


def test_one_private_address_among_public_ones_is_refused() -> None:
    """A mixed answer is a re-binding attempt."""
    mixed = ("9.9.9.9", "127.0.0.1")
    assert refused("https://metadata.example/", FetchPolicy(), addresses=mixed) == "fetch.address"


def test_multicast_is_refused_even_where_private_addresses_are_allowed() -> None:
    """Multicast and the unspecified address are no hosts."""
    closed = FetchPolicy(allow_private_addresses=True)
    assert refused("https://metadata.example/", closed, addresses=("224.0.0.1",)) == "fetch.address"
    assert refused("https://metadata.example/", closed, addresses=("0.0.0.0",)) == "fetch.address"


def test_name_is_resolved_once_and_the_checked_address_used(peer: HTTPPeer) -> None:
    """Re-binding: a second look-up would give another address; there is none."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> tuple[str, ...]:
        asked.append(host)
        return LOOPBACK if len(asked) == 1 else ("192.0.2.1",)

    peer.answer = body(b"<metadata/>")
    url = peer.url(host="does-not-exist.invalid")
    assert fetch(url, policy=DEVELOPMENT, max_bytes=100, resolve=resolve) == b"<metadata/>"
    assert asked == ["does-not-exist.invalid"]


def test_unresolvable_name_is_reported() -> None:
    """Its own reason for the operator."""
    assert refused("https://metadata.example/", addresses=()) == "fetch.name"
    assert refused("https://metadata.example/", addresses=("not an address",)) == "fetch.name"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://node.example/", "fetch.scheme"),
        ("file:///etc/hostname", "fetch.url"),
        ("https://", "fetch.url"),
        ("https://user:secret@node.example/", "fetch.url"),
        ("https://node.example/#fragment", "fetch.url"),
        ("https://[::1", "fetch.url"),
        ("https://node.example:port/", "fetch.url"),
        ("https://nöde.example/", "fetch.url"),
    ],
)
def test_url_that_is_no_plain_https_url_is_refused(url: str, reason: str) -> None:
    """Nothing but scheme, host, port, path and query."""
    assert refused(url) == reason


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_refused_and_not_followed(peer: HTTPPeer, status: int) -> None:
    """security.md D.2."""
    peer.answer = body(b"", status=status, Location=peer.url(path="/elsewhere"))
    assert refused(peer.url()) == "fetch.redirect"
    assert peer.asked == ["/metadata"]


@pytest.mark.parametrize("status", [204, 206, 403, 404, 500, 503])
def test_only_status_200_counts(peer: HTTPPeer, status: int) -> None:
    """A partial or error body is no metadata."""
    peer.answer = body(b"" if status == 204 else b"<x/>", status=status)
    assert refused(peer.url()) == "fetch.status"


def test_announced_size_is_refused_before_reading(peer: HTTPPeer) -> None:
    """100 MiB announced."""
    peer.answer = body(b"", Content_Length=str(100 * 1024 * 1024))
    assert refused(peer.url()) == "fetch.size"


def test_endless_body_is_cut_off(peer: HTTPPeer) -> None:
    """100 MiB without announcement: at most one block more than allowed is read."""
    sent = 0

    def answer(handler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.send_header("Content-Type", "text/xml")
        handler.end_headers()
        for _ in range(1600):
            handler.wfile.write(b"x" * 65536)
            sent += 65536

    peer.answer = answer
    assert refused(peer.url()) == "fetch.size"
    assert sent < 100 * 1024 * 1024


def test_truncated_body_is_refused(peer: HTTPPeer) -> None:
    """Fewer octets than announced."""
    peer.answer = body(b"<half", Content_Length="5000")
    assert refused(peer.url()) in {"fetch.truncated", "fetch.connection"}


def test_compressed_body_is_refused(peer: HTTPPeer) -> None:
    """No content coding was offered; no decompression bomb is possible."""
    peer.answer = body(b"\x1f\x8b", Content_Encoding="gzip")
    assert refused(peer.url()) == "fetch.content-encoding"


def test_html_page_is_refused(peer: HTTPPeer) -> None:
    """A login or maintenance page in place of metadata."""
    peer.answer = body(b"<html/>", Content_Type="text/html; charset=utf-8")
    assert refused(peer.url()) == "fetch.content-type"


@pytest.mark.parametrize("content_type", ["", "text/xml; charset=UTF-8", "application/xml"])
def test_usual_content_types_are_taken(peer: HTTPPeer, content_type: str) -> None:
    """What nodes really send."""
    peer.answer = body(b"<x/>", Content_Type=content_type)
    assert get(peer.url()) == b"<x/>"


def test_nobody_listening_is_a_connection_failure(peer: HTTPPeer) -> None:
    """Refused by the operating system."""
    url = peer.url()
    silent = HTTPPeer()
    port = silent.port
    silent.close()
    assert refused(url.replace(str(peer.port), str(port))) == "fetch.connection"


@pytest.mark.parametrize("where", ["header", "body"])
def test_slow_peer_meets_the_deadline(peer: HTTPPeer, where: str) -> None:
    """Slow loris: each octet comes in time, the whole never; one deadline for everything."""
    over = threading.Event()

    def answer(handler) -> None:
        if where == "body":
            handler.send_response(200)
            handler.send_header("Content-Type", "text/xml")
            handler.end_headers()
        while not over.wait(0.02):
            handler.wfile.write(b"x")

    peer.answer = answer
    try:
        hurried = FetchPolicy(allow_http_loopback=True, total_seconds=0.3)
        assert refused(peer.url(), hurried) == "fetch.timeout"
    finally:
        over.set()


class TestTLS:
    """The certificate is checked for the name, although the connection goes to an address."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> tuple[Path, Path]:
        names = x509.SubjectAlternativeName([x509.DNSName("node.example")])
        return tls_files(tmp_path, "tls", names, x509.BasicConstraints(ca=True, path_length=0))

    @pytest.fixture
    def secure_peer(self, files: tuple[Path, Path]) -> Iterator[HTTPPeer]:
        server = HTTPPeer(files)
        server.answer = body(b"<metadata/>")
        yield server
        server.close()

    def test_certificate_for_the_name_is_accepted(self, secure_peer: HTTPPeer, files) -> None:
        """Server name indication and verification use the name of the URL."""
        policy = FetchPolicy(ca_file=files[0], allow_private_addresses=True)
        assert get(secure_peer.url(host="node.example"), policy) == b"<metadata/>"

    def test_certificate_for_another_name_is_refused(self, secure_peer: HTTPPeer, files) -> None:
        """RFC 9525."""
        policy = FetchPolicy(ca_file=files[0], allow_private_addresses=True)
        assert refused(secure_peer.url(host="other.example"), policy) == "fetch.tls"
        assert secure_peer.asked == []

    def test_certificate_of_an_unknown_authority_is_refused(self, secure_peer: HTTPPeer) -> None:
        """The system's authorities do not know the test's."""
        policy = FetchPolicy(allow_private_addresses=True)
        assert refused(secure_peer.url(host="node.example"), policy) == "fetch.tls"

    def test_peer_that_never_finishes_the_handshake_meets_the_deadline(self, peer: HTTPPeer) -> None:
        """A plain-HTTP server stays silent when TLS greets it."""
        policy = FetchPolicy(total_seconds=0.3, allow_private_addresses=True)
        url = f"https://node.example:{peer.port}/"
        assert refused(url, policy) in {"fetch.timeout", "fetch.tls", "fetch.connection"}
