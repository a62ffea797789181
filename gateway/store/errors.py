"""What can go wrong with the store.

::

    GatewayError
    └── StoreUnavailable   no answer, or not the one Redis gives: 503, nothing was half done
    AlreadyClaimed         a replay key was claimed before
"""

from __future__ import annotations

from gateway.errors import STORE_UNAVAILABLE, GatewayError


class StoreUnavailable(GatewayError):
    """The store did not answer as it must; the request fails closed."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(STORE_UNAVAILABLE, cause=cause)


class AlreadyClaimed(Exception):
    """At least one of the replay keys was claimed earlier: this is a replay (security.md A.13)."""
