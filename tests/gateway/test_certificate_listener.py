"""The listener for clients with TLS certificates, in a real process with real handshakes (RFC 8705)."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gateway.own_keys import files as key_files
from gateway.settings import KeyPurpose
from tests.gateway.test_serving import start, until
from tests.support.ports import free_base

__all__ = ["start"]

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


@pytest.fixture
def listener(start: Callable[[int, str], object], tmp_path: Path) -> str:
    """A running gateway that knows one client by its certificate; the listener's address."""
    for name in ("tls", "portal", "stranger"):
        key_files.create(
            tmp_path / "keys", name, KeyPurpose.SAML_SIGNING, algorithm="p256", days=1, subject=name
        )
    (tmp_path / "registry/clients").mkdir(parents=True)
    (tmp_path / "registry/clients/portal.toml").write_text(CLIENT, encoding="utf-8")
    port = free_base(0)
    start(
        1,
        'tls_certificate = "keys/tls.crt"\ntls_private_key = "file:keys/tls.key"\n'
        f'mtls_port = {port}\nmtls_url = "https://127.0.0.1:{port}"\nmtls_client_ca = "keys/portal.crt"',
    )
    address = f"https://127.0.0.1:{port}"
    until(lambda: push(address, tmp_path, "portal") is not None)
    return address


def push(address: str, directory: Path, name: str | None) -> httpx.Response | None:
    """Push a request showing the certificate ``name``; None if the connection was refused."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # whose certificate the client shows is under test
    if name is not None:
        context.load_cert_chain(directory / f"keys/{name}.crt", directory / f"keys/{name}.key")
    try:
        with httpx.Client(verify=context, trust_env=False, timeout=10) as client:
            return client.post(f"{address}/par", data=REQUEST)
    except httpx.TransportError:
        return None


def test_client_is_known_by_the_certificate_it_shows(listener: str, tmp_path: Path) -> None:
    """§2.1, with a certificate that is its own authority (§2.2)."""
    response = push(listener, tmp_path, "portal")
    assert response is not None
    assert (response.status_code, "request_uri" in response.json()) == (201, True)


def test_unknown_certificate_gets_no_connection(listener: str, tmp_path: Path) -> None:
    """The handshake ends before a request is read."""
    assert push(listener, tmp_path, "stranger") is None


def test_nobody_is_known_by_no_certificate(listener: str, tmp_path: Path) -> None:
    """The connection is made, because a client with private_key_jwt may push there; a name alone is nobody."""
    response = push(listener, tmp_path, None)
    assert response is not None
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
