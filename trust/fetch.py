"""One guarded GET for documents of partners (security.md B.2, eidas.md §7.4)."""

from __future__ import annotations

from trust.errors import MetadataError, OutgoingError
from trust.outgoing import FetchPolicy, Outgoing, Resolve, exchange, resolve_host

__all__ = ["FetchPolicy", "fetch", "resolve_host"]


def fetch(url: str, *, policy: FetchPolicy, max_bytes: int, resolve: Resolve = resolve_host) -> bytes:
    """The body behind ``url``; only a 200 without redirect counts.

    Raises MetadataError ``fetch.*``.
    """
    try:
        return exchange(url, Outgoing(method="GET"), policy=policy, max_bytes=max_bytes, resolve=resolve)
    except OutgoingError as error:
        raise MetadataError(error.reason, error.detail) from error
