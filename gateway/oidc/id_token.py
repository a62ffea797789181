"""The ID token (Core §2): the claims settled at release, plus times and the access token's hash."""

from __future__ import annotations

import hashlib
from datetime import datetime

from pydantic import JsonValue

from gateway.jose import SigningKey, base64url
from gateway.oidc.grant import Grant


def id_token(grant: Grant, access_token: str, key: SigningKey, *, lifetime: int, now: datetime) -> str:
    """Sign the ID token of ``grant``, handed out beside ``access_token``; raises KeyUnavailable."""
    issued = int(now.timestamp())
    claims: dict[str, JsonValue] = {
        **grant.id_token,
        "iat": issued,
        "exp": issued + lifetime,
        "at_hash": at_hash(access_token),
    }
    return key.sign(claims)


def at_hash(access_token: str) -> str:
    """Left half of SHA-256 (Core §3.1.3.6); both of our algorithms, ES256 and RS256, use it.

    >>> at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")
    '77QmUPtjPfzWtF2AnpK9RQ'
    """
    return base64url(hashlib.sha256(access_token.encode("ascii")).digest()[:16])
