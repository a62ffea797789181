"""One guarded GET for documents of partners (security.md B.2, eidas.md §7.4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from trust.errors import MetadataError, OutgoingError
from trust.outgoing import FetchPolicy, Outgoing, Resolve, converse, exchange, resolve_host

__all__ = ["ConditionalFetch", "FetchPolicy", "fetch", "resolve_host"]

_LONGEST_TAG = 512


def fetch(url: str, *, policy: FetchPolicy, max_bytes: int, resolve: Resolve = resolve_host) -> bytes:
    """The body behind ``url``; only a 200 without redirect counts.

    Raises MetadataError ``fetch.*``.
    """
    try:
        return exchange(url, Outgoing(method="GET"), policy=policy, max_bytes=max_bytes, resolve=resolve)
    except OutgoingError as error:
        raise MetadataError(error.reason, error.detail) from error


@dataclass(slots=True)
class ConditionalFetch:
    """GET of one address that tells the peer which edition is held (RFC 9110 §13.1.2).

    Whoever holds nothing must not ask so: a peer that says *not modified* would leave it with nothing.
    """

    url: str
    policy: FetchPolicy
    max_bytes: int
    resolve: Resolve = resolve_host
    _tag: str | None = field(default=None, init=False)

    def __call__(self, *, held: bool) -> bytes | None:
        """The body, or None: what this object fetched last is still current. Raises MetadataError ``fetch.*``."""
        tag = self._tag if held else None
        outgoing = Outgoing(
            method="GET",
            headers={} if tag is None else {"If-None-Match": tag},
            accepted=frozenset({200} if tag is None else {200, 304}),
        )
        try:
            reply = converse(
                self.url, outgoing, policy=self.policy, max_bytes=self.max_bytes, resolve=self.resolve
            )
        except OutgoingError as error:
            raise MetadataError(error.reason, error.detail) from error
        if reply.status == 304:
            return None
        new = reply.header("etag")
        self._tag = new if _is_tag(new) else None
        return reply.body


def _is_tag(value: str | None) -> bool:
    """An ETag that may be sent back: printable, quoted, of bounded length (RFC 9110 §8.8.3)."""
    if value is None or len(value) > _LONGEST_TAG:
        return False
    inner = value.removeprefix("W/")
    return len(inner) >= 2 and inner[0] == inner[-1] == '"' and inner.isascii() and inner.isprintable()
