"""The connection to the eID service: mutual TLS, one authority, limits (TR-03130-1 §3.1, security.md B.2)."""

import http.client
import socket
import ssl
import threading
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.errors import PeerUnavailable
from connectors.npa.soap.assembly import assemble
from connectors.npa.soap.tls import client_context
from connectors.npa.way import ServiceKeys, Surroundings
from connectors.peer_facts import KeyUse
from connectors.saml.keys import OwnKey
from tests.support.eid_service_peer import POLICY, now, own
from tests.trust.http_peer import HTTPPeer, body
from trust.errors import KeyUnavailable
from trust.keys import InMemoryKey


def test_connection_without_client_certificate_is_refused(peer):
    """§3.1: the server refuses whoever does not authenticate."""
    context = ssl.create_default_context(cafile=str(peer.store.path("authority", "crt")))
    port = peer.listener.server_address[1]
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=10)

    def ask():
        # with TLS 1.3 the refusal comes after the client believes to be connected
        connection.request("POST", "/eID", b"<x/>")
        connection.getresponse()

    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        ask()
    assert peer.asked == []
    connection.close()


def test_client_certificate_of_nobody_is_refused(peer):
    """§3.1: only certificates of the service's own authority."""
    stranger = peer.store.obtain("stranger-tls", "p256", "Stranger")
    with pytest.raises(PeerUnavailable, match="unreachable"):
        peer.service(tls=stranger).server_info(now=now())
    assert peer.asked == []


def test_server_below_another_authority_is_refused(peer):
    """§3.1: the configured authority and no other, the system's neither."""
    peer.store.obtain("elsewhere", "p256", "Another authority", authority=True)
    service = peer.service(peer.section(server_ca="elsewhere.crt"))
    with pytest.raises(PeerUnavailable) as caught:
        service.server_info(now=now())
    assert caught.value.detail == "fetch.tls"
    assert peer.asked == []


def test_certificate_for_another_name_is_refused(peer):
    """RFC 9525 §6: the certificate says localhost."""
    address = peer.address.replace("localhost", "127.0.0.1")
    with pytest.raises(PeerUnavailable) as caught:
        peer.service(peer.section(address=address)).server_info(now=now())
    assert caught.value.detail == "fetch.tls"


def test_context_offers_no_old_tls(peer):
    """A3_02: SSL 3, TLS 1.0 and 1.1 are not spoken; forward secrecy with authenticated encryption only."""
    context = client_context(own(peer.tls).key, peer.store.path("authority", "crt"))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    for cipher in context.get_ciphers():
        assert cipher["aead"], cipher["name"]


def test_authorities_are_those_that_people_were_shown(peer, tmp_path):
    """security.md D.7: OpenSSL reads more labels than whatever shows a proposed file."""
    ca, other = peer.store.path("authority", "crt"), peer.store.obtain("other-ca", "p256", "Other")
    hidden = other.certificate.public_bytes(Encoding.PEM).replace(b" CERTIFICATE", b" TRUSTED CERTIFICATE")
    file = tmp_path / "ca.pem"
    file.write_bytes(hidden + ca.read_bytes())
    assert client_context(own(peer.tls).key, file).cert_store_stats()["x509"] == 1
    openly = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    openly.load_verify_locations(cafile=file)
    assert openly.cert_store_stats()["x509"] == 2


def test_context_needs_key_and_certificate_in_this_process(peer):
    """Python's TLS takes no key behind a hardware module."""
    ca = peer.store.path("authority", "crt")
    with pytest.raises(KeyUnavailable, match="certificate"):
        client_context(InMemoryKey(peer.tls.key), ca)
    with pytest.raises(KeyUnavailable, match="process"):
        client_context(object(), ca)


def test_key_file_does_not_stay_on_disk(peer, tmp_path, monkeypatch):
    """The key is written for a moment, encrypted, and gone with the context made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    client_context(own(peer.tls).key, peer.store.path("authority", "crt"))
    assert set(tmp_path.iterdir()) == before


@pytest.fixture
def web(peer):
    """An HTTPS server with the right certificate that is no eID service."""
    server = HTTPPeer((peer.store.path("server", "crt"), peer.store.path("server", "key")))
    server.posted = lambda asked: (
        asked.rfile.read(int(asked.headers["Content-Length"])),
        server.answer(asked),
    )
    yield server
    server.close()


def refused_by(peer, web, **section):
    with pytest.raises(PeerUnavailable) as caught:
        peer.service(peer.section(address=web.url(path="/eID"), **section)).server_info(now=now())
    assert caught.value.reason == "npa.service.unreachable"
    return caught.value.detail


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (body(b"x", status=500), "fetch.status"),
        (body(b"x", status=403), "fetch.status"),
        (body(b"", status=302, Location="https://elsewhere.example/"), "fetch.redirect"),
        (body(b"<x/>", Content_Type="text/html"), "fetch.content-type"),
        (body(b"x" * 300_000, Content_Type="text/xml"), "fetch.size"),
        (body(b"x", Content_Type="text/xml", Content_Encoding="gzip"), "fetch.content-encoding"),
        (body(b"x", Content_Type="text/xml", Content_Length="9"), "fetch.truncated"),
    ],
)
def test_anything_but_one_answer_of_bounded_size_is_refused(peer, web, answer, detail):
    """security.md B.2: no redirects, no codings, limits."""
    web.answer = answer
    assert refused_by(peer, web) == detail


def test_silent_service_is_given_up(peer, web):
    """One deadline for the whole call."""
    release = threading.Event()
    web.answer = lambda _handler: release.wait(30)
    try:
        assert refused_by(peer, web, timeout_seconds=1) == "fetch.timeout"
    finally:
        release.set()


def test_closed_port_is_unreachable(peer):
    """The service is away: later, not our request's fault."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"https://localhost:{probe.getsockname()[1]}/eID"
        with pytest.raises(PeerUnavailable, match="unreachable"):
            peer.service(peer.section(address=address)).server_info(now=now())


def test_request_names_operation_and_content_type(peer, web):
    """§3.1: SOAP 1.1 with SOAPAction in quotation marks."""
    seen = {}

    def remember(handler):
        seen.update(handler.headers.items())
        body(b"x", status=500)(handler)

    web.answer = remember
    refused_by(peer, web)
    assert seen["SOAPAction"] == '"http://bsi.bund.de/eID/getServerInfo"'
    assert seen["Content-Type"] == "text/xml;charset=UTF-8"
    assert seen["Accept-Encoding"] == "identity"


def test_hardware_key_signs_and_software_key_connects(peer):
    """security.md D.9: whatever signs goes through Signer; nothing asks for the private key."""

    class Module:
        """A signer that gives nothing away but signatures."""

        def __init__(self, key):
            self._key = key
            self.public_key, self.certificate, self.chain = key.public_key, key.certificate, key.chain

        def sign(self, data, scheme):
            return self._key.sign(data, scheme)

    service = peer.service()
    interface = replace(service.interface, signer=Module(own(peer.signing).key))
    assert replace(service, interface=interface).server_info(now=now()).version == (2, 4, 0)


def test_missing_keys_and_files_are_named_at_start(peer, tmp_path):
    """style.md §6: a configuration mistake is found before the first citizen."""
    here = Surroundings(
        issuer_url="https://g.example",
        config_dir=peer.directory,
        state_dir=None,
        fetch_policy=POLICY,
        development=True,
    )
    keys = ServiceKeys(signing=[own(peer.signing)], tls=[own(peer.tls)])
    retired = OwnKey(id="k", state="retired", key=own(peer.signing).key)
    with pytest.raises(KeyUnavailable, match="eid-signing"):
        assemble(peer.section(), (), ServiceKeys(signing=[retired], tls=keys.tls), here)
    with pytest.raises(KeyUnavailable, match="eid-tls"):
        assemble(peer.section(), (), ServiceKeys(signing=keys.signing), here)
    with pytest.raises(ValueError, match=r"nothing\.pem"):
        assemble(peer.section(server_ca="nothing.pem"), (), keys, here)
    for name in ("nothing.pem", "server.key"):
        with pytest.raises(ValueError, match=name):
            assemble(peer.section(signers=[{"certificate": name}]), (), keys, here)
    bare = OwnKey(id="k", state="active", key=InMemoryKey(peer.signing.key))
    with pytest.raises(KeyUnavailable, match="certificate"):
        assemble(peer.section(), (), ServiceKeys(signing=[bare], tls=keys.tls), here)


def test_way_tells_the_services_keys_and_the_authority_of_its_tls(peer):
    """What ends on a Friday evening: signers of its answers, and who certifies its TLS."""
    [facts] = peer.way().facts
    assert (facts.peer, facts.country, facts.anchor) == (peer.address, "DE", None)
    assert [key.use for key in facts.keys] == [KeyUse.SIGNING, KeyUse.TLS_AUTHORITY]
    assert all(key.until is not None for key in facts.keys)
