"""DPoP proofs: whoever sends the request holds the key (RFC 9449).

The address a proof is made for is ours as configured, never what ``Host`` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from pydantic import JsonValue

from gateway.jose import InvalidToken, TokenPolicy, base64url, numeric_date, parse
from gateway.oidc import token_errors
from gateway.store import AlreadyClaimed, Store

ALGORITHMS = ("ES256", "PS256", "EdDSA")
HEADER = "dpop"

_POLICY = TokenPolicy(
    algorithms=frozenset({*ALGORITHMS, "Ed25519"}),
    types=frozenset({"dpop+jwt"}),
    required=frozenset({"jti", "htm", "htu", "iat"}),
    skew=0,
)
_AHEAD = 30
"""Seconds ``iat`` may lie ahead: FAPI 2.0 SP §5.3.2.1(13) accepts 10 and refuses more than 60."""
_OLD = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a proof must have been made for."""

    method: str
    url: str
    """Of the endpoint, without query (RFC 9449 §4.3)."""
    access_token: str | None = None
    """At a resource: the token that the proof comes with."""


async def proof_key(store: Store, headers: Sequence[str], expected: Expected, *, now: datetime) -> str | None:
    """Thumbprint of the key whose possession the ``DPoP`` header proves; None if there is no header.

    Raises GatewayError ``dpop.proof_invalid``, ``dpop.proof_replayed``; StoreUnavailable.
    """
    if not headers:
        return None
    if len(headers) > 1:
        raise token_errors.DPOP_PROOF_INVALID()
    try:
        claims, jkt = parse(headers[0], brings_key=True).verify_possession(_POLICY)
        issued = _check(claims, expected, now)
    except InvalidToken as error:
        raise token_errors.DPOP_PROOF_INVALID(cause=error) from error
    until = datetime.fromtimestamp(issued, UTC) + timedelta(seconds=_OLD + 1)
    try:
        await store.claim([(f"dpop {jkt} {claims['jti']}", until)])
    except AlreadyClaimed as error:
        raise token_errors.DPOP_PROOF_REPLAYED(cause=error) from error
    return jkt


def _check(claims: dict[str, JsonValue], expected: Expected, now: datetime) -> float:
    """RFC 9449 §4.3, items 4 to 12; gives ``iat``. Raises InvalidToken."""
    jti, htu = claims["jti"], claims["htu"]
    if not isinstance(jti, str) or not 1 <= len(jti) <= 512:
        raise InvalidToken("dpop.jti")
    if claims["htm"] != expected.method:
        raise InvalidToken("dpop.htm")
    if not isinstance(htu, str) or _normalised(htu) != _normalised(expected.url):
        raise InvalidToken("dpop.htu")
    issued = numeric_date(claims, "iat")
    instant = now.timestamp()
    if issued is None or not instant - _OLD <= issued <= instant + _AHEAD:
        raise InvalidToken("dpop.iat")
    begins, expires = numeric_date(claims, "nbf"), numeric_date(claims, "exp")
    if (begins is not None and begins > instant + _AHEAD) or (expires is not None and expires <= instant):
        raise InvalidToken("dpop.validity")
    if expected.access_token is not None and claims.get("ath") != ath(expected.access_token):
        raise InvalidToken("dpop.ath")
    return issued


def ath(access_token: str) -> str:
    """Hash of an access token as proofs carry it (RFC 9449 §4.2)."""
    return base64url(sha256(access_token.encode("ascii")).digest())


def _normalised(url: str) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and path (RFC 3986 §6.2.2, §6.2.3); query and fragment do not count."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme.lower())
    except ValueError as error:
        raise InvalidToken("dpop.htu") from error
    return parts.scheme.lower(), (parts.hostname or "").lower(), port, parts.path or "/"
