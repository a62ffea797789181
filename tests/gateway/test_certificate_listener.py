"""The listener for clients with TLS certificates, in a real process with real handshakes (RFC 8705)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.own_keys import files as key_files
from gateway.settings import KeyPurpose
from tests.gateway.test_serving import starting, until
from tests.support.ports import free_base

CLIENT = """
client_id = "portal"
client_class = "fapi2"
name.de = "Portal"
operator.de = "Land"
purpose.de = "Antrag"
home_url = "https://portal.example/"
redirect_uris = ["https://portal.example/callback"]
token_endpoint_auth_method = "tls_client_auth"
tls_client_auth_subject_dn = "CN=portal"
tls_client_certificate_bound_access_tokens = true
means = []
required = ["family_name"]
"""
REQUEST = {
    "client_id": "portal",
    "redirect_uri": "https://portal.example/callback",
    "response_type": "code",
    "scope": "openid",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}


@dataclass(frozen=True)
class Listener:
    """The address of a running gateway's second listener; ``directory`` has the certificates."""

    address: str
    directory: Path


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """A gateway that knows one client by its certificate."""
    directory = tmp_path_factory.mktemp("gateway")
    for name in ("tls", "portal", "stranger"):
        key_files.create(
            directory / "keys", name, KeyPurpose.SAML_SIGNING, algorithm="p256", days=1, subject=name
        )
    (directory / "registry/clients").mkdir(parents=True)
    (directory / "registry/clients/portal.toml").write_text(CLIENT, encoding="utf-8")
    port = free_base(0)
    made = Listener(f"https://127.0.0.1:{port}", directory)
    with starting(directory) as start:
        start(
            1,
            'tls_certificate = "keys/tls.crt"\ntls_private_key = "file:keys/tls.key"\n'
            f'mtls_port = {port}\nmtls_url = "https://127.0.0.1:{port}"\nmtls_client_ca = "keys/portal.crt"',
        )
        until(lambda: push(made, "portal") is not None)
        yield made


def push(listener: Listener, name: str | None) -> httpx.Response | None:
    """Push a request showing the certificate ``name``; None if the connection was refused."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # whose certificate the client shows is under test
    if name is not None:
        context.load_cert_chain(*(listener.directory / f"keys/{name}.{ending}" for ending in ("crt", "key")))
    try:
        with httpx.Client(verify=context, trust_env=False, timeout=10) as client:
            return client.post(f"{listener.address}/par", data=REQUEST)
    except httpx.TransportError:
        return None


def test_client_is_known_by_the_certificate_it_shows(listener: Listener) -> None:
    """§2.1, with a certificate that is its own authority (§2.2)."""
    response = push(listener, "portal")
    assert response is not None
    assert (response.status_code, "request_uri" in response.json()) == (201, True)


def test_unknown_certificate_gets_no_connection(listener: Listener) -> None:
    """The handshake ends before a request is read."""
    assert push(listener, "stranger") is None


def test_nobody_is_known_by_no_certificate(listener: Listener) -> None:
    """The connection is made, because a client with private_key_jwt may push there; a name alone is nobody."""
    response = push(listener, None)
    assert response is not None
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
