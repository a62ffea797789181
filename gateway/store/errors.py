"""What can go wrong with the store.

::

    GatewayError
    └── StoreUnavailable   no answer, or not the one Redis gives: 503, nothing was half done
    AlreadyClaimed         a replay key was claimed before
"""

from __future__ import annotations

from gateway.errors import CATALOGUE, GatewayError

STORE_UNAVAILABLE = CATALOGUE.add(
    "store.unavailable",
    "4001",
    "temporarily_unavailable",
    503,
    to_client=False,
    hint="The gateway cannot reach its short-term store at the moment; try again later",
    documentation=(
        "Redis or Valkey does not answer within [store] timeout_seconds, or refuses. Nothing was half "
        "done: single-use records are taken before they take effect. Check the server, its memory "
        "limit (noeviction) and the password; the gateway recovers by itself."
    ),
)


class StoreUnavailable(GatewayError):
    """The store did not answer as it must; the request fails closed."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(STORE_UNAVAILABLE, cause=cause)


class AlreadyClaimed(Exception):
    """At least one of the replay keys was claimed earlier: this is a replay (security.md A.13)."""
