"""The two sockets of the eID service (TR-03130-1 §2.3.2, §3.1)."""

import http.client
import ssl
import warnings
from collections.abc import Iterator

import pytest

from sandbox import psk
from sandbox.authority import KeyStore
from sandbox.eid_service.listeners import MAXIMUM, paos_listener, soap_listener
from sandbox.eid_service.process import running

IDENTITY, KEY = "AB" * 16, bytes(range(32))


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> KeyStore:
    made = KeyStore(tmp_path_factory.mktemp("keys"), lambda _: None)
    authority = made.obtain("authority", "p256", "authority", authority=True)
    made.obtain("server", "p256", "localhost", authority, hosts=("localhost",))
    made.obtain("client", "p256", "client", authority)
    made.obtain("stranger", "p256", "stranger")
    made.obtain("paos", "rsa-3072", "localhost", hosts=("localhost",))
    return made


@pytest.fixture(scope="module")
def soap(store) -> Iterator[int]:
    listener = soap_listener(
        ("127.0.0.1", 0),
        (store.path("server", "crt"), store.path("server", "key")),
        store.path("authority", "crt"),
        lambda octets, operation: operation.encode() + b":" + octets,
    )
    with running(listener):
        yield listener.server_address[1]


def context(store, client=None):
    made = ssl.create_default_context(cafile=str(store.path("authority", "crt")))
    if client is not None:
        made.load_cert_chain(store.path(client, "crt"), store.path(client, "key"))
    return made


def posted(port, tls, body=b"x", **headers):
    connection = http.client.HTTPSConnection("localhost", port, context=tls, timeout=10)
    try:
        connection.request("POST", "/eID", body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_client_with_a_certificate_is_answered(store, soap):
    """§3.1: and the operation is taken from SOAPAction without its quotation marks."""
    answer = posted(soap, context(store, "client"), SOAPAction='"http://bsi.bund.de/eID/useID"')
    assert answer == (200, b"useID:x")


@pytest.mark.parametrize("client", [None, "stranger"])
def test_client_without_a_certificate_of_the_authority_is_refused(store, soap, client):
    """§3.1: on failed client authentication the server refuses."""
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        posted(soap, context(store, client))


def test_old_tls_is_refused(store, soap):
    """A3_02: TLS 1.1 and older; a client that could is told so."""
    tls = context(store, "client")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.minimum_version = ssl.TLSVersion.TLSv1
        tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        posted(soap, tls)


def test_message_without_end_is_not_read(store, soap):
    """A bound before anything is parsed."""
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        posted(soap, context(store, "client"), **{"Content-Length": str(MAXIMUM + 1)})


@pytest.fixture(scope="module")
def paos(store) -> Iterator[int]:
    listener = paos_listener(
        ("127.0.0.1", 0),
        store.load("paos"),
        {IDENTITY: KEY}.get,
        lambda octets, identity: identity.encode() + b":" + octets,
    )
    with running(listener):
        yield listener.server_address[1]


def test_channel_tells_whose_it_is(paos):
    """§2.3.2: psk_identity is the SessionIdentifier, so a message belongs to the session of its channel."""
    connection = http.client.HTTPConnection("localhost", paos)
    connection.sock = psk.connect("127.0.0.1", paos, identity=IDENTITY, key=KEY)
    for body in (b"one", b"two"):
        connection.request("POST", "/paos", body)
        assert connection.getresponse().read() == IDENTITY.encode() + b":" + body
    connection.close()


@pytest.mark.parametrize(("identity", "key"), [("CD" * 16, KEY), (IDENTITY, bytes(32))])
def test_channel_without_the_key_of_a_session_is_refused(paos, identity, key):
    """§2.3.2: an unknown session, or the wrong key for it."""
    with pytest.raises(psk.PSKRefused):
        psk.connect("127.0.0.1", paos, identity=identity, key=key)


def test_plain_tls_does_not_reach_paos(paos):
    """§2.3.2: TLS_RSA_PSK and nothing else."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    with pytest.raises((ssl.SSLError, ConnectionError)):
        posted(paos, tls)
