"""Metadata of the requesters: fetched over HTTP and kept for a while, as real peers do."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

import httpx

KEPT = timedelta(minutes=5)

T = TypeVar("T")


class ProviderMetadata(Generic[T]):
    """What was read from each address; thread-safe. Who is believed, and why, the reader decides."""

    def __init__(self, authority: Path | None = None, *, kept: timedelta = KEPT) -> None:
        """``authority``: file of the TLS authority; None for the usual ones."""
        self._keep = kept
        self._tls = ssl.create_default_context(cafile=authority) if authority else None
        self._kept: dict[str, tuple[datetime, T]] = {}
        self._lock = threading.Lock()

    def get(self, address: str, read: Callable[[bytes], T], *, fresh: bool = False) -> T:
        """What ``read`` makes of the document there; ``fresh`` fetches it whatever is kept.

        Raises httpx.HTTPError, and what ``read`` raises.
        """
        now = datetime.now(UTC)
        with self._lock:
            kept = self._kept.get(address)
            if kept and not fresh and now - kept[0] < self._keep:
                return kept[1]
        answer = httpx.get(address, timeout=10, verify=self._tls or _usual(), trust_env=False)
        answer.raise_for_status()
        found = read(answer.content)
        with self._lock:
            self._kept[address] = (now, found)
        return found


@cache
def _usual() -> ssl.SSLContext:
    """Kept: reading all the authorities of the web takes longer than fetching a document here."""
    return httpx.create_ssl_context(trust_env=False)
