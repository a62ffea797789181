"""The two ways of FAPI 2.0 to bind a token to its holder, as the suite's variants ``sender_constrain``."""

from __future__ import annotations

import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from tests.certification.judge import CALLBACK, KEYS, Judge, Landed, Pair, sign


@dataclass
class Profile:
    """One variant; ``client`` and ``client2`` are its two registrations."""

    judge: Judge
    client: str
    client2: str
    pair: Pair = field(default_factory=Pair)

    def request(self, client_id: str | None = None, **changes: Any) -> dict[str, str]:
        """An authorization request as the plan's happy flow makes it."""
        values = {
            "client_id": client_id or self.client,
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "response_type": "code",
            "code_challenge": self.pair.challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in values.items() if value is not None}

    async def send(
        self, path: str, form: dict[str, str], client_id: str, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """POST with this variant's client authentication."""
        raise NotImplementedError

    def holding(self, method: str, path: str, **changes: Any) -> dict[str, str]:
        """Headers that prove possession."""
        raise NotImplementedError

    async def resource(self, found: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
        """UserInfo as the protected resource."""
        raise NotImplementedError

    async def push(self, asked: dict[str, str], **headers: str) -> httpx.Response:
        """POST /par."""
        return await self.send("/par", asked, asked["client_id"], headers)

    async def pushed(self, asked: dict[str, str], **headers: str) -> str:
        """The ``request_uri`` of a request that is accepted (RFC 9126 §2.2)."""
        response = await self.push(asked, **headers)
        assert response.status_code == 201, response.text
        assert "no-store" in response.headers["cache-control"]
        answer = response.json()
        assert 5 <= answer["expires_in"] < 600
        assert answer["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
        return str(answer["request_uri"])

    async def visit(self, request_uri: str, client_id: str | None = None, **options: Any) -> Landed:
        """The browser comes with a pushed request, and with nothing else."""
        query = {"client_id": client_id or self.client, "request_uri": request_uri}
        return await self.judge.walk(f"/authorize?{urlencode(query)}", **options)

    async def landed(self, asked: dict[str, str], **options: Any) -> Landed:
        """Push, then all of the citizen's pages."""
        return await self.visit(await self.pushed(asked), asked["client_id"], **options)

    async def redeem(
        self, landed: Landed, client_id: str | None = None, **changes: str | None
    ) -> httpx.Response:
        """The token request with all proofs; a change to None leaves a parameter out."""
        form = {
            "grant_type": "authorization_code",
            "code": landed.code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.pair.verifier,
            **changes,
        }
        sent = {name: value for name, value in form.items() if value is not None}
        return await self.send("/token", sent, client_id or self.client, self.holding("POST", "/token"))

    async def complete(self, asked: dict[str, str], landed: Landed) -> dict[str, Any]:
        """Redeem, check as in every positive module, and use the access token."""
        assert landed.parameters.get("state") == asked.get("state")
        found = await self.judge.checked(asked, await self.redeem(landed))
        self.judge.person(found, await self.resource(found))
        return found

    async def log_in(self, **changes: Any) -> dict[str, Any]:
        """A whole positive module."""
        asked = self.request(**changes)
        return await self.complete(asked, await self.landed(asked))


@dataclass
class DPoP(Profile):
    """``private_key_jwt`` and DPoP (RFC 9449)."""

    async def send(
        self, path: str, form: dict[str, str], client_id: str, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        sent = {**self.judge.assertion(client_id), "client_id": client_id, **form}
        return await self.judge.http.post(path, data=sent, headers=headers)

    def holding(self, method: str, path: str, **changes: Any) -> dict[str, str]:
        return {"dpop": self.judge.proof(method, path, **changes)}

    async def resource(self, found: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
        token = found["access_token"]
        sent = {
            "authorization": f"DPoP {token}",
            **self.holding("GET", "/userinfo", access_token=token),
            **(headers or {}),
        }
        return await self.judge.http.get("/userinfo", headers=sent)


@dataclass
class MutualTLS(Profile):
    """``tls_client_auth`` and certificate-bound tokens (RFC 8705)."""

    shows: str = "client"

    async def send(
        self, path: str, form: dict[str, str], client_id: str, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        name = "client2" if client_id == self.client2 else self.shows
        sent = {"client-cert": certificate(name), **(headers or {})}
        return await self.judge.mtls.post(path, data={"client_id": client_id, **form}, headers=sent)

    def holding(self, method: str, path: str, **changes: Any) -> dict[str, str]:
        return {}

    async def resource(self, found: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
        sent = {
            "authorization": f"Bearer {found['access_token']}",
            "client-cert": certificate("client"),
            **(headers or {}),
        }
        return await self.judge.mtls.get("/userinfo", headers=sent)


@cache
def certificate(name: str) -> str:
    """A certificate as the proxy hands it on (RFC 9440 §2.2)."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEYS[name].public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(KEYS[name], hashes.SHA256())
    )
    return f":{b64encode(made.public_bytes(serialization.Encoding.DER)).decode()}:"


def request_object(judge: Judge, asked: dict[str, str], **changes: Any) -> str:
    """A signed request object (RFC 9101) by the client of the request; None leaves a claim out."""
    header = changes.pop("header", {})
    claims = {
        "iss": asked["client_id"],
        "aud": "https://id.example",
        "iat": judge.now,
        "nbf": judge.now,
        "exp": judge.now + 300,
        **asked,
        **changes,
    }
    return sign(asked["client_id"], {"typ": "oauth-authz-req+jwt", **header}, claims)
