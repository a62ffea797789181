"""Reading what a service got."""

from __future__ import annotations

import base64
import json

import httpx


def id_token_claims(response: httpx.Response) -> dict[str, object]:
    """The claims of the ID token in a token response."""
    assert response.status_code == 200, response.text
    payload: str = response.json()["id_token"].split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
