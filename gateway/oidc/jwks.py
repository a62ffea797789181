"""Publication of our signature keys (Core §10.1).

``MAX_AGE`` is a promise: a key is published as ``next`` at least this long before it signs, and stays
as ``retired`` at least this long, plus the life of a token, after it last did (Core §10.1.1).
"""

from __future__ import annotations

import json

from starlette.responses import Response

from gateway.jose import KeyRing

MAX_AGE = 3600


def jwks_octets(keys: KeyRing) -> bytes:
    """The JWK Set as it is served; from public numbers only."""
    return json.dumps(keys.document(), separators=(",", ":")).encode("ascii")


def published(octets: bytes, max_age: int) -> Response:
    """A public JSON document that pages of other origins may read too."""
    return Response(
        octets,
        media_type="application/json",
        headers={"Cache-Control": f"public, max-age={max_age}", "Access-Control-Allow-Origin": "*"},
    )
