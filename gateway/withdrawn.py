"""What is suspended, as the login and the OpenID Provider ask it.

A suspension closes a way at once, for journeys under way too: no exchange begins, no answer is taken, nothing
is released, no code is redeemed, no access token opens UserInfo or is active
for a resource server that asks. For a suspended *anchor* that holds for whom it
has vouched for until then; afterwards the metadata it signed are down by themselves, and another
anchor may serve the country, minutes later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from connectors.identity import Identity

_TAKEN_MEANWHILE = timedelta(minutes=5)
"""A node takes answers until it has learnt of a suspension, and when a person was identified is told by a clock that is not ours."""
Way = tuple[str, str | None]
"""A connector and a country (ISO 3166-1 alpha-2), or None: the whole connector."""


class SourceSuspended(Exception):
    """Nobody who was identified this way may go on; ``since`` when it was suspended."""

    def __init__(self, since: datetime) -> None:
        super().__init__("source.suspended")
        self.since = since


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an identity came from, without anything about the person."""

    connector: str
    country: str | None
    at: datetime
    """When the person was identified."""

    @staticmethod
    def of(identity: Identity) -> Origin:
        """The origin of ``identity``."""
        source = identity.source
        return Origin(connector=source.connector, country=source.country, at=source.authenticated_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """Suspended ways, and those whose anchor was suspended."""

    ways: Mapping[Way, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """Closed since."""
    vouched: Mapping[Way, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """Whoever was identified before, or within minutes after, must not go on."""

    def since(self, connector: str, country: str | None) -> datetime | None:
        """Since when nobody may begin or come back this way; None: it is open."""
        return self.ways.get((connector, None)) or self.ways.get((connector, country))

    def check_way(self, connector: str, country: str | None) -> None:
        """Raises SourceSuspended."""
        since = self.since(connector, country)
        if since is not None:
            raise SourceSuspended(since)

    def check(self, origin: Origin) -> None:
        """Whether an identity may still be used; raises SourceSuspended."""
        self.check_way(origin.connector, origin.country)
        for way in ((origin.connector, None), (origin.connector, origin.country)):
            since = self.vouched.get(way)
            if since is not None and origin.at <= since + _TAKEN_MEANWHILE:
                raise SourceSuspended(since)


NOTHING = Withdrawn()
