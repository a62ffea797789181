"""Exchanges under way: a request was accepted, the citizen is still deciding."""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

LIFETIME = timedelta(minutes=30)
MOST = 1000

T = TypeVar("T")


class Exchanges(Generic[T]):
    """Exchanges by a handle that cannot be guessed; the oldest go first. Thread-safe."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[datetime, T]] = {}
        self._lock = threading.Lock()

    def open(self, exchange: T) -> str:
        """Remember an exchange; returns its handle."""
        now = datetime.now(UTC)
        handle = secrets.token_urlsafe(24)
        with self._lock:
            for old in [h for h, (since, _) in self._kept.items() if now - since > LIFETIME]:
                del self._kept[old]
            while len(self._kept) >= MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[handle] = (now, exchange)
        return handle

    def take(self, handle: str) -> T | None:
        """The exchange, once."""
        with self._lock:
            _, exchange = self._kept.pop(handle, (None, None))
        return exchange
