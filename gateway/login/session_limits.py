"""How long a login through a user account may be used (BSI TR-03160-1, as quoted in bundid.md §1.14).

| level | in all | without activity |
|---|---|---|
| high | 30 minutes | 5 minutes |
| substantial | 2 hours | 30 minutes |
| low, basic | 12 hours | 60 minutes |

The gateway holds a login only from the answer to the release, never across services: there is no single
sign-on. Sessions of the services themselves are theirs to limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.assurance import LevelOfAssurance
from connectors.identity import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimit:
    total: timedelta
    idle: timedelta


_HALF_A_DAY = SessionLimit(total=timedelta(hours=12), idle=timedelta(minutes=60))
SESSION_LIMITS: Mapping[LevelOfAssurance, SessionLimit] = {
    LevelOfAssurance.HIGH: SessionLimit(total=timedelta(minutes=30), idle=timedelta(minutes=5)),
    LevelOfAssurance.SUBSTANTIAL: SessionLimit(total=timedelta(hours=2), idle=timedelta(minutes=30)),
    LevelOfAssurance.LOW: _HALF_A_DAY,
    LevelOfAssurance.BASIC: _HALF_A_DAY,
}


def usable_until(identity: Identity, *, now: datetime) -> datetime | None:
    """Until when this login may wait for the citizen's next step; None if nothing but the journey ends it."""
    if identity.account is None:
        return None
    limit = SESSION_LIMITS[identity.assurance.level]
    return min(now + limit.idle, identity.source.authenticated_at + limit.total)
