"""A whole gateway with the registrations that the plans of the certification ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from connectors.assurance import LevelOfAssurance
from gateway.client_settings import Client
from gateway.settings import ListenSection
from gateway.store import StoreAddress
from tests.certification.judge import CALLBACK, KEYS, MTLS, Judge
from tests.login.installation import client, install
from tests.oidc.tokens import jwk
from tests.support.running_gateway import address, anyio_backend

__all__ = ["address", "anyio_backend"]

LISTEN = ListenSection(mtls_port=8402, mtls_url=MTLS, trusted_proxies=("127.0.0.1",))
LOGGED_OUT = "https://suite.example/test/a/gateway/post_logout_redirect"
BACK_CHANNEL = "https://suite.example/test/a/gateway/backchannel_logout"


def basic(client_id: str, **changes: object) -> Client:
    """As for OpenID Connect's Basic plan: a secret, no PKCE, a short session."""
    fields: dict[str, object] = {
        "client_id": client_id,
        "redirect_uris": (CALLBACK,),
        "require_pkce": False,
        "session_seconds": 600,
        "post_logout_redirect_uris": (LOGGED_OUT,),
        "backchannel_logout_uri": BACK_CHANNEL,
        "sector_identifier": f"{client_id}.example",
        **changes,
    }
    return client(**fields)


def fapi(client_id: str, name: str, **changes: object) -> Client:
    """As for the FAPI 2.0 plans; ``name`` is that of the key, or of the certificate's subject."""
    keys = jwk(KEYS[name], kid=client_id, use="sig", alg="ES256")
    fields: dict[str, object] = {
        "client_id": client_id,
        "client_class": "fapi2",
        "redirect_uris": (CALLBACK,),
        "client_secret_sha256": None,
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [keys]},
        "sector_identifier": f"{client_id}.example",
        **changes,
    }
    return client(**fields)


def by_certificate(client_id: str, name: str, **changes: object) -> Client:
    return fapi(
        client_id,
        name,
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_subject_dn=f"CN={name}",
        tls_client_certificate_bound_access_tokens=True,
        **changes,
    )


def registered() -> list[Client]:
    """The clients of all plans."""
    signed = {"require_signed_request_object": True, "authorization_signed_response_alg": "ES256"}
    return [
        basic("suite"),
        basic("suite2"),
        basic("suite-post", token_endpoint_auth_method="client_secret_post"),
        fapi("client", "client", dpop_bound_access_tokens=True),
        fapi("client2", "client2", dpop_bound_access_tokens=True),
        fapi("key-and-mtls", "key-and-mtls", tls_client_certificate_bound_access_tokens=True),
        by_certificate("mtls-client", "client"),
        by_certificate("mtls-client2", "client2"),
        fapi("signing", "signing", dpop_bound_access_tokens=True, **signed),
    ]


class BackChannelPeer:
    """The suite's back-channel logout endpoint."""

    def __init__(self) -> None:
        self.requests: list[list[tuple[str, str]]] = []

    def __call__(self, url: str, form: bytes) -> None:
        assert url == BACK_CHANNEL
        self.requests.append(parse_qsl(form.decode("ascii")))


@pytest.fixture
def peer() -> BackChannelPeer:
    return BackChannelPeer()


@pytest.fixture
async def judge(tmp_path: Path, address: StoreAddress, peer: BackChannelPeer) -> AsyncIterator[Judge]:
    installation = install(tmp_path, address, *registered(), listen=LISTEN)
    object.__setattr__(installation.application.live.current.back_channel, "post", peer)
    installation.source.identity_changes = {"level": LevelOfAssurance.SUBSTANTIAL}
    yield Judge(installation)
    await installation.application.stop()
