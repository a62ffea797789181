"""ID tokens that come back to us, in ``id_token_hint`` (Core §3.1.2.1, RP-Initiated Logout §2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from gateway.client_settings import Client
from gateway.jose import InvalidToken, KeyRing, TokenPolicy, parse


def read_hint(
    hint: str, *, issuer: str, clients: Mapping[str, Client], keys: KeyRing, now: datetime
) -> tuple[Client, dict[str, JsonValue]]:
    """The client an ID token was issued to, and its claims; raises InvalidToken.

    It may have expired, and a retired key may have signed it; nothing else is forgiven.
    """
    token = parse(hint)
    client = clients.get(token.claimed("aud") or "")
    if client is None:
        raise InvalidToken("hint.audience")
    policy = TokenPolicy(
        algorithms=frozenset({"ES256", "RS256"}),
        types=frozenset({"jwt"}),
        issuer=issuer,
        audience=client.client_id,
        required=frozenset({"sub", "exp", "iat"}),
        skew=60,
        expired=True,
    )
    return client, token.verify(keys.public, policy, now=now)
