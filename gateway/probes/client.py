"""The client that logs in with test identities, and why nobody else can use it.

Its private key is derived from the installation's subject key (HKDF, with the issuer and a purpose of its own), so
every worker has the same one, it is in memory only, and it is nowhere to be copied from. Its requests must be pushed (RFC 9126), which takes that
key: whoever has not got it cannot even begin a login of this client. Its redirect URI is on our own issuer
and nobody answers there; the code is bound to PKCE and, again, to the key. It asks for no attribute, so
its tokens name nobody. It is not part of the registry, and no registration may take its identifier.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.bundle import Configuration
from gateway.client_settings import (
    BACK_THROUGH_GATEWAY,
    PROBE_CLIENT,
    AccountPresentation,
    Client,
    RepresentationPolicy,
)
from gateway.jose import base64url
from gateway.oidc.client import ASSERTION_TYPE
from gateway.probes.targets import targets
from gateway.settings import KeyPurpose, KeyState

_SECONDS = 60
_NAME = {"de": "Probeanmeldung", "en": "Probe login"}


@dataclass(frozen=True, slots=True)
class ProbeKey:
    """The client's key and what it signs."""

    issuer: str
    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def derived(cls, subject_key: bytes, issuer: str) -> ProbeKey:
        """The key of the installation ``issuer``."""
        info = b"eid-gateway probe client\0" + issuer.encode()
        seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(subject_key)
        return cls(issuer, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def jwk(self) -> dict[str, str]:
        """The public half (RFC 8037 §2)."""
        octets = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(octets), "use": "sig", "alg": "EdDSA"}

    def authentication(self, now: datetime) -> list[tuple[str, str]]:
        """Parameters of ``private_key_jwt`` (RFC 7523 §2.2), good for one request."""
        header = {"alg": "EdDSA", "typ": "client-authentication+jwt"}
        claims = {
            "iss": PROBE_CLIENT,
            "sub": PROBE_CLIENT,
            "aud": self.issuer,
            "jti": secrets.token_urlsafe(16),
            "exp": int(now.timestamp()) + _SECONDS,
        }
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = base64url(self._private.sign(signed.encode("ascii")))
        return [
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", f"{signed}.{signature}"),
            ("client_id", PROBE_CLIENT),
        ]


@dataclass(frozen=True, slots=True)
class Challenge:
    """PKCE (RFC 7636) of one probe."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def value(self) -> str:
        return base64url(hashlib.sha256(self.verifier.encode("ascii")).digest())


def redirect_uri(issuer: str) -> str:
    """Where the answer would go: nothing is there, the probe's browser stops before it."""
    return f"{issuer}/probe/answer"


def token_algorithm(configuration: Configuration) -> Literal["ES256", "RS256"]:
    """What the ID token is signed with: ES256 where there is a key for it."""
    elliptic = any(
        isinstance(key.key.public_key, ec.EllipticCurvePublicKey) and key.state is KeyState.ACTIVE
        for key in configuration.keys[KeyPurpose.OIDC_SIGNING]
    )
    return "ES256" if elliptic else "RS256"


def probe_client(configuration: Configuration) -> Client:
    """The registration, made anew at each start."""
    issuer = configuration.settings.gateway.issuer
    key = ProbeKey.derived(configuration.subject_key, issuer)
    probed = targets(configuration).values()
    means = dict.fromkeys(target.connector for target in probed)
    accounts = {
        name: AccountPresentation(
            display_name=_NAME["de"],
            online_service_id=account.probe.online_service_id,
            back_url=BACK_THROUGH_GATEWAY,
        )
        for name, account in configuration.accounts.items()
        if account.probe is not None
    }
    return Client(
        client_id=PROBE_CLIENT,
        name=_NAME,
        operator=dict(configuration.settings.gateway.operator),
        purpose={
            "de": "Prüft mit einer Testidentität, ob die Anmeldung geht; behält nichts",
            "en": "Tries with a test identity whether logging in works; keeps nothing",
        },
        home_url=f"{issuer}/",
        redirect_uris=(redirect_uri(issuer),),
        token_endpoint_auth_method="private_key_jwt",  # noqa: S106 - the name of a method
        token_endpoint_auth_signing_alg="EdDSA",  # noqa: S106 - the name of an algorithm
        jwks={"keys": [{**key.jwk}]},
        require_pushed_authorization_requests=True,
        sector_identifier=f"probe.{urlsplit(issuer).hostname}",
        means=tuple(means),
        persons=("natural", "legal"),
        representation=RepresentationPolicy.ACCEPT,
        id_token_signed_response_alg=token_algorithm(configuration),
        minimum_level="low",
        accept_non_notified=True,
        accounts=accounts,
    )


def clients_of(configuration: Configuration) -> Mapping[str, Client]:
    """What the provider works with: the registered clients, and our own where there is something to probe."""
    if not targets(configuration):
        return configuration.clients
    return {**configuration.clients, PROBE_CLIENT: probe_client(configuration)}
