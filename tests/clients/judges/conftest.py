"""A sandbox with TLS, in which the judges are registered: a secret, keys, certificates, encryption, sessions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import ECKey, RSAKey

from sandbox.addresses import Addresses
from sandbox.authority import KeyPair, KeyStore, certificate_pem, certify, make_key, private_pem
from sandbox.launcher import Sandbox
from sandbox.services import epaybl
from sandbox.state import State
from sandbox.toml_text import document
from tests.clients.judges.receiver import Receiver
from tests.support.ports import SANDBOX, free_base
from tests.support.sandbox_keys import ready_directory

CALLBACK = "https://judge.example/callback"
LOGGED_OUT = "https://judge.example/logged-out"
SECRET = "a secret for judges, never used elsewhere"
RECEIVER = 40


@dataclass
class Registrations:
    """The judges as clients: what the operator writes down, and what each of them knows itself."""

    state: Path
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, client_id: str, *, registered: dict[str, Any], knows: dict[str, Any]) -> None:
        fields = {
            "client_id": client_id,
            "name": {"de": client_id},
            "operator": {"de": "Niemand"},
            "purpose": {"de": "Prüfung"},
            "home_url": "https://judge.example/",
            "redirect_uris": [CALLBACK],
            "sector_identifier": f"{client_id}.example",
            "required": ["family_name", "given_name", "date_of_birth"],
            **registered,
        }
        folder = self.state / "clients"
        folder.mkdir(exist_ok=True)
        (folder / f"{client_id}.toml").write_text(document(fields), encoding="utf-8")
        self.settings[client_id] = {
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "method": fields.get("token_endpoint_auth_method", "client_secret_basic"),
            "push": fields.get("client_class") == "fapi2",
            **knows,
        }

    def with_secret(self, client_id: str, *, knows: dict[str, Any] | None = None, **registered: Any) -> None:
        digest = sha256(SECRET.encode()).hexdigest()
        fields = {"client_secret_sha256": digest, **registered}
        self.add(client_id, registered=fields, knows={"secret": SECRET, **(knows or {})})

    def with_key(self, client_id: str, *, knows: dict[str, Any] | None = None, **registered: Any) -> None:
        key = ECKey.generate_key("P-256", {"kid": f"{client_id}-1", "use": "sig", "alg": "ES256"})
        keys = [key.as_dict(private=False), *registered.pop("more_keys", ())]
        fields = {
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks_file": self._key_set(client_id, keys),
            **registered,
        }
        known = {"key": key.as_dict(private=True), **(knows or {})}
        self.add(client_id, registered=fields, knows=known)

    def with_certificate(self, client_id: str, authority: KeyPair | None) -> None:
        pair = certify(client_id, make_key("p256"), authority)
        certificate = certificate_pem(pair.certificate)
        fields: dict[str, Any] = {"tls_client_certificate_bound_access_tokens": True, "client_class": "fapi2"}
        if authority is None:
            der = pair.certificate.public_bytes(serialization.Encoding.DER)
            public = ECKey.import_key(
                pair.key.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            ).as_dict(private=False, kid=f"{client_id}-1", x5c=[base64.b64encode(der).decode()])
            fields["token_endpoint_auth_method"] = "self_signed_tls_client_auth"
            fields["jwks_file"] = self._key_set(client_id, [public])
            (self.state / "clients" / f"{client_id}.crt").write_bytes(certificate)
        else:
            fields["token_endpoint_auth_method"] = "tls_client_auth"
            fields["tls_client_auth_subject_dn"] = pair.certificate.subject.rfc4514_string()
        tls = {"certificate": certificate.decode(), "key": private_pem(pair.key).decode()}
        self.add(client_id, registered=fields, knows={"tls": tls})

    def _key_set(self, client_id: str, keys: list[dict[str, Any]]) -> str:
        folder = self.state / "clients"
        folder.mkdir(exist_ok=True)
        (folder / f"{client_id}.jwks.json").write_text(json.dumps({"keys": keys}), encoding="utf-8")
        return f"registry/clients/{client_id}.jwks.json"


def _encrypted(registrations: Registrations, client_id: str, alg: str, enc: str) -> None:
    parameters = {"kid": f"{client_id}-enc", "use": "enc", "alg": alg}
    key: ECKey | RSAKey = (
        RSAKey.generate_key(3072, parameters)
        if alg.startswith("RSA")
        else ECKey.generate_key("P-256", parameters)
    )
    registrations.with_key(
        client_id,
        knows={"decryption": {"alg": alg, "enc": enc, "key": key.as_dict(private=True)}},
        more_keys=[key.as_dict(private=False)],
        id_token_encrypted_response_alg=alg,
        id_token_encrypted_response_enc=enc,
        userinfo_signed_response_alg="ES256",
        userinfo_encrypted_response_alg=alg,
        userinfo_encrypted_response_enc=enc,
    )


@pytest.fixture(scope="session")
def judges_addresses() -> Addresses:
    return Addresses(port_base=free_base(*SANDBOX, RECEIVER), tls=True)


@pytest.fixture(scope="session")
def registrations(tmp_path_factory: pytest.TempPathFactory, judges_addresses: Addresses) -> Registrations:
    """All of them, before the sandbox starts."""
    made = Registrations(ready_directory(tmp_path_factory, "judges"))
    authority = KeyStore(made.state / "tls", lambda _: None).obtain(
        "authority", "p256", "Sandbox authority", authority=True
    )
    dpop = {"client_class": "fapi2", "dpop_bound_access_tokens": True}
    made.with_secret("judge-basic")
    made.with_key("judge-fapi", **dpop)
    made.with_key(
        "judge-signing",
        **dpop,
        require_signed_request_object=True,
        authorization_signed_response_alg="ES256",
    )
    made.with_certificate("judge-self-signed", None)
    made.with_certificate("judge-pki", authority)
    _encrypted(made, "judge-ecdh", "ECDH-ES+A256KW", "A256GCM")
    _encrypted(made, "judge-ecdh-direct", "ECDH-ES", "A128CBC-HS256")
    _encrypted(made, "judge-rsa", "RSA-OAEP-256", "A256GCM")
    made.with_secret(
        "judge-logout",
        token_endpoint_auth_method="client_secret_post",
        session_seconds=600,
        post_logout_redirect_uris=[LOGGED_OUT],
        backchannel_logout_uri=f"https://localhost:{judges_addresses.port_base + RECEIVER}/logout",
        backchannel_logout_session_required=True,
        knows={"post_logout_redirect_uri": LOGGED_OUT},
    )
    resource = epaybl.resource_of(judges_addresses)
    made.with_secret("judge-payer", resources=[resource], knows={"resource": resource})
    return made


@pytest.fixture(scope="session")
def judged(registrations: Registrations, judges_addresses: Addresses) -> Iterator[Sandbox]:
    """The whole sandbox over https, with the listener for client certificates."""
    with Sandbox(State(registrations.state), judges_addresses, print) as running:
        yield running


@pytest.fixture
def receiver(judged: Sandbox) -> Iterator[Receiver]:
    """The back-channel logout endpoint of ``judge-logout``."""
    certificate, key = judged.state.tls_files
    with Receiver(judged.addresses.port_base + RECEIVER, certificate, key) as running:
        yield running
