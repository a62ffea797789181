"""Sender-constrained access tokens: the key a token is bound to (RFC 7800 ``cnf``)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pydantic import JsonValue

from gateway.jose import base64url
from gateway.oidc import token_errors
from gateway.oidc.client_request import Call
from gateway.oidc.provider import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What whoever uses the token must prove to hold; neither: it is a bearer token."""

    jkt: str | None = None
    """RFC 7638 thumbprint of a DPoP key (RFC 9449 §6.1)."""
    x5t: str | None = None
    """``x5t#S256``: digest of a TLS client certificate (RFC 8705 §3.1)."""

    @property
    def bound(self) -> bool:
        return self.jkt is not None or self.x5t is not None

    @property
    def claim(self) -> dict[str, JsonValue]:
        """The member ``cnf`` (RFC 7800 §3.1)."""
        members = {"jkt": self.jkt, "x5t#S256": self.x5t}
        return {name: value for name, value in members.items() if value is not None}

    @property
    def token_type(self) -> str:
        """``token_type`` of the token response: mTLS keeps the scheme Bearer (RFC 8705 §3)."""
        return "Bearer" if self.jkt is None else "DPoP"


async def proven(provider: Provider, call: Call) -> Confirmation:
    """The key that a token request proves to hold; raises GatewayError where the client must and does not."""
    client = call.client
    jkt = await call.proof_key(provider)
    x5t = thumbprint_of(call.certificate) if client.tls_client_certificate_bound_access_tokens else None
    missing = (client.dpop_bound_access_tokens and jkt is None) or (
        client.tls_client_certificate_bound_access_tokens and x5t is None
    )
    if missing or (client.fapi and jkt is None and x5t is None):
        raise token_errors.PROOF_OF_POSSESSION_MISSING()
    return Confirmation(jkt=jkt, x5t=x5t)


def thumbprint_of(certificate: bytes | None) -> str | None:
    """``x5t#S256`` of a DER certificate (RFC 8705 §3.1)."""
    return None if certificate is None else base64url(hashlib.sha256(certificate).digest())
