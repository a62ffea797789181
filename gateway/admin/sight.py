"""One look at what is in force: everything the views of the console are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.accounts import AccountSettings
from connectors.eidas.settings import CountrySettings, EIDASSettings, Role
from connectors.peer_facts import PeerFacts, TellsPeers
from gateway.bundle import Configuration
from gateway.expiry import Expiry, InForce
from trust.metadata_source import SourceStatus
from trust.registry import Fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouching:
    """What answers for a country: an anchor, or a source that lists it, or neither."""

    anchor: str | None = None
    source: str | None = None
    entity_id: str | None = None
    country: str = ""

    def covers(self, facts: PeerFacts) -> bool:
        """Whether ``facts`` are of the entity that answers."""
        if facts.anchor is None:
            return True  # one partner, for all countries, whose keys were exchanged by hand
        if self.entity_id not in {None, facts.peer} or facts.role == "sp":
            return False
        if self.source is not None:
            return facts.anchor.startswith(f"{self.source}.") and facts.country == self.country
        return facts.anchor == self.anchor

    @property
    def name(self) -> str | None:
        """As in ``SourceStatus.anchor``."""
        return self.anchor if self.source is None else f"source/{self.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Taken once for a page."""

    generation: InForce
    fold: Fold | None
    now: datetime
    ends: Sequence[Expiry]
    """``gateway.expiry.expiries`` of the same generation."""
    last_by_country: Mapping[str, datetime] = field(default_factory=dict)
    """Last login by ISO code."""
    last_by_connector: Mapping[str, datetime] = field(default_factory=dict)
    last_by_client: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def configuration(self) -> Configuration:
        return self.generation.configuration

    def vouching(self, country: CountrySettings) -> Vouching:
        settings = self.configuration.connectors.get(country.connector)
        if isinstance(settings, EIDASSettings) and settings.role is Role.NATIONAL:
            return Vouching(anchor=settings.national_anchor, entity_id=settings.national_peer)
        return Vouching(
            anchor=country.anchor,
            source=country.source,
            entity_id=country.entity_id,
            country=country.country,
        )

    def used_by(self, connector: str) -> Iterator[tuple[Vouching, str | None]]:
        """Whom ``connector`` believes, and for which country."""
        settings = self.configuration.connectors.get(connector)
        if isinstance(settings, AccountSettings):
            yield Vouching(anchor=settings.anchor, entity_id=settings.peer), None
        for country in self.configuration.countries:
            if country.connector == connector:
                yield self.vouching(country), country.country

    def facts(self, connector: str) -> Sequence[PeerFacts]:
        running: object = self.generation.connectors.get(connector)
        return running.peer_facts() if isinstance(running, TellsPeers) else ()

    def statuses(self) -> Iterator[tuple[str, SourceStatus]]:
        """Every anchor and list of every connector, with the connector."""
        for name, running in self.generation.connectors.items():
            if isinstance(running, TellsPeers):
                for status in running.sources(now=self.now):
                    yield name, status

    def ends_of(self, links: frozenset[str]) -> tuple[Expiry, ...]:
        """What is shown on one of these pages."""
        return tuple(one for one in self.ends if one.link in links)
