"""Certificates of clients beside the authorities: none opens another client's door (RFC 8705 §2.1, §7.3)."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.bundle import load
from tests.gateway.test_bundle import CLIENT, directory, edit, keys, problems
from tests.oidc.tokens import jwk
from tests.support.self_signed import self_signed

__all__ = ["directory", "keys"]

LISTEN = """
[listen]
tls_certificate = "tls.crt"
tls_private_key = "file:keys/saml-metadata.key"
mtls_port = 8402
mtls_url = "https://mtls.id.example"
mtls_client_ca = "clients.pem"
"""


def accept(directory: Path, common_name: str, *, ca: bool | None) -> None:
    """Two clients, one known by the name ``portal``, one by a self-signed certificate in ``clients.pem``."""
    key = ec.generate_private_key(ec.SECP256R1())
    constraints = None if ca is None else x509.BasicConstraints(ca=ca, path_length=None)
    made = self_signed(key, common_name, constraints=constraints)
    (directory / "clients.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (directory / "tls.crt").write_bytes(made.public_bytes(Encoding.PEM))
    x5c = base64.b64encode(made.public_bytes(Encoding.DER)).decode()
    (directory / "own.jwks.json").write_text(json.dumps({"keys": [jwk(key, x5c=[x5c])]}), encoding="utf-8")
    edit(directory, "gateway.toml", '[[keys]]\nid = "oidc"', f'{LISTEN}[[keys]]\nid = "oidc"')
    clients = directory / "registry/clients"
    by_name = 'token_endpoint_auth_method = "tls_client_auth"\ntls_client_auth_subject_dn = "CN=portal"\n'
    (clients / "amt24.toml").write_text(CLIENT + by_name, encoding="utf-8")
    own = 'token_endpoint_auth_method = "self_signed_tls_client_auth"\njwks_file = "own.jwks.json"\n'
    text = CLIENT.replace("amt24", "own").replace("service.example", "own.example")
    (clients / "own.toml").write_text(text + own, encoding="utf-8")


def test_self_signed_certificate_that_issues_nothing_is_accepted(directory: Path) -> None:
    accept(directory, "own", ca=False)
    assert set(load(directory).clients) == {"amt24", "own"}


@pytest.mark.parametrize("ca", [True, None])
def test_clients_certificate_that_could_issue_one_for_another_client_is_refused(
    directory: Path, ca: bool | None
) -> None:
    """As an authority of the listener it would vouch for any name."""
    accept(directory, "own", ca=ca)
    assert "own.toml: token_endpoint_auth_method: the certificate in mtls_client_ca can issue" in problems(
        directory
    )


def test_clients_certificate_with_another_clients_name_is_refused(directory: Path) -> None:
    accept(directory, "portal", ca=False)
    assert "has the name that amt24 is known by" in problems(directory)
