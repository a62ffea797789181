"""What a session has set aside for a while, each under a number of its own: sealed under the session's secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.admin.session import Session
from gateway.store import Store

_NUMBER = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """Things of one kind; they end after ``life``, and with the session. Raises StoreUnavailable."""

    kind: str
    life: timedelta

    async def keep(
        self, store: Store, session: Session, octets: bytes, *, random: Callable[[int], bytes], now: datetime
    ) -> str:
        """The number under which this session finds ``octets`` again."""
        number = random(8).hex()
        until = min(now + self.life, session.until)
        await store.put(session.secret, self._purpose(number), octets, until=until)
        return number

    async def read(self, store: Store, session: Session, number: str) -> bytes | None:
        """None: there is none of this number, or not for this session."""
        if not _NUMBER.fullmatch(number):
            return None
        return await store.read(session.secret, self._purpose(number))

    async def drop(self, store: Store, session: Session, number: str) -> None:
        """It is done with."""
        await store.take(session.secret, self._purpose(number))

    def _purpose(self, number: str) -> str:
        return f"{self.kind}-{number}"
