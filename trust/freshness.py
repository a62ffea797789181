"""How fresh something is that is fetched again and again: taken when, refused since when, due when.

::

    fetched ──▶ ``accepted`` (new) or ``confirmed`` (not modified) ──▶ next refresh as its own dates say
       └──▶ ``failed``: what is held stays in use, and is tried again after ``SHORTEST_REFRESH``

Held by the metadata of an anchor and by the list of a source alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trust.errors import MetadataError, TrustError

SHORTEST_REFRESH = timedelta(minutes=5)
LONGEST_REFRESH = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """Everything that a refresh changes besides what it brings; nothing is known before the first."""

    accepted_at: datetime | None = None
    failed_since: datetime | None = None
    reason: str | None = None
    """Why the last refresh failed; None: it did not."""
    next_refresh: datetime | None = None
    refreshed_at: datetime | None = None
    tried_at: datetime | None = None

    @classmethod
    def of_kept_copy(cls, now: datetime) -> Freshness:
        """Of what an earlier run left, and this one believes from ``now`` on: to be refreshed at once."""
        return cls(accepted_at=now, next_refresh=now)

    @property
    def since(self) -> datetime | None:
        """When it became as it is."""
        return self.failed_since or self.accepted_at

    def accepted(self, now: datetime, *, next_refresh: datetime) -> Freshness:
        """Something new is in use."""
        return replace(self.confirmed(now, next_refresh=next_refresh), accepted_at=now)

    def confirmed(self, now: datetime, *, next_refresh: datetime) -> Freshness:
        """What is held is current, and lives no longer for that."""
        return replace(
            self,
            failed_since=None,
            reason=None,
            next_refresh=next_refresh,
            refreshed_at=now,
            tried_at=now,
        )

    def failed(self, reason: str, now: datetime) -> Freshness:
        return replace(
            self,
            failed_since=self.failed_since or now,
            reason=reason,
            next_refresh=now + SHORTEST_REFRESH,
            tried_at=now,
        )


@contextmanager
def failures_told(fail: Callable[[str], None]) -> Iterator[None]:
    """Tell ``fail`` the reason of whatever ends a refresh, then raise it.

    An OSError becomes MetadataError ``metadata.unreadable``; anything that is no TrustError either is told as
    ``metadata.internal`` and raised as it is.
    """
    try:
        yield
    except (TrustError, OSError) as error:
        fail(reason_of(error))
        if isinstance(error, TrustError):
            raise
        raise MetadataError("metadata.unreadable", type(error).__name__) from error
    except Exception:  # a defect of ours must not look fresh
        fail("metadata.internal")
        raise


def is_due(next_refresh: datetime, now: datetime) -> bool:
    """Whether it is time. What lies further ahead than ever planned was planned by a clock that was wrong."""
    return next_refresh <= now or next_refresh > now + LONGEST_REFRESH


def reason_of(error: TrustError | OSError) -> str:
    return error.reason if isinstance(error, TrustError) else "metadata.unreadable"


def spent(begin: datetime, end: datetime, now: datetime) -> float:
    """How much of the life between ``begin`` and ``end`` is over at ``now``, 0 to 1."""
    life = (end - begin).total_seconds()
    return min(1.0, max(0.0, (now - begin).total_seconds() / life)) if life > 0 else 1.0
