"""Makes the views of partners from what is in force and the log; pure, nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from connectors.accounts import AccountSettings
from connectors.contract import PeerStatus
from connectors.eidas.settings import CountrySettings, EIDASSettings, Role
from connectors.npa import NPASettings
from connectors.peer_facts import PeerFacts, TellsPeers
from gateway.admin.certificates import CertificateView, days_left
from gateway.admin.decisions import standing
from gateway.admin.partner_views import (
    SUSPENDED,
    AnchorView,
    ConnectorView,
    CountryView,
    ExceptionView,
    Overview,
    PartnerRow,
    PeerView,
    SourceView,
)
from gateway.admin.protocol_order import protocol_position
from gateway.bundle import Configuration, ConnectorSettings
from gateway.expiry import Expiry, InForce, end_of
from gateway.expiry import files as expiry_files
from trust.anchors import TrustAnchor
from trust.metadata_source import SourceStatus
from trust.registry import Fold, ObjectKey, ObjectKind
from trust.registry.diff import grouped, plain


class _Deviation(Protocol):
    """What exceptions of every kind of connector have in common."""

    @property
    def kind(self) -> str: ...

    @property
    def until(self) -> date: ...

    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Partners:
    """Everything the views are made of, looked at once."""

    generation: InForce
    fold: Fold | None
    now: datetime
    ends: Sequence[Expiry]
    """``gateway.expiry.expiries`` of the same generation."""
    last_by_country: Mapping[str, datetime] = field(default_factory=dict)
    """Last login by ISO code."""
    last_by_connector: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def _configuration(self) -> Configuration:
        return self.generation.configuration

    def overview(self) -> Overview:
        """Every way a citizen may come."""
        means = [
            self._connector_row(name, settings)
            for name, settings in self._configuration.connectors.items()
            if not isinstance(settings, EIDASSettings)
        ]
        return Overview(countries=self._country_rows(lambda _: True), means=tuple(means))

    def country(self, connector: str, code: str) -> CountryView | None:
        """None: there is no such country."""
        listed = (c for c in self._configuration.countries if (c.connector, c.country) == (connector, code))
        found = next(listed, None)
        if found is None:
            return None
        anchor_id, entity_id = self._vouching(found)
        anchor = self._configuration.anchors.get(anchor_id or "")
        facts = [
            one
            for one in self._facts(connector)
            if one.anchor is None or (one.anchor == anchor_id and one.peer == entity_id)
        ]
        settings = self._configuration.connectors.get(connector)
        return CountryView(
            row=self._country_row(found),
            settings=found,
            standing=standing(self.fold, country_key(found), self.now),
            connector_role=settings.role.value if isinstance(settings, EIDASSettings) else "",
            entity_id=plain(entity_id or (facts[0].peer if facts else "")),
            anchor=None if anchor is None else self._anchor(anchor),
            peers=tuple(self._peer(one) for one in facts),
            exceptions=self._exceptions(found.exceptions),
            ends=self._ends(_of_country(found, anchor_id)),
        )

    def anchor(self, identifier: str) -> AnchorView | None:
        """None: there is no such anchor."""
        found = self._configuration.anchors.get(identifier)
        return None if found is None else self._anchor(found)

    def anchors(self) -> tuple[AnchorView, ...]:
        """All, by their identifiers."""
        return tuple(self._anchor(anchor) for _, anchor in sorted(self._configuration.anchors.items()))

    def connector(self, identifier: str) -> ConnectorView | None:
        """None: there is no such connector."""
        settings = self._configuration.connectors.get(identifier)
        if settings is None:
            return None
        names = {name for name, _ in self._used_anchors(identifier)}
        running = self.generation.connectors.get(identifier)
        base = f"{self._configuration.settings.gateway.issuer}/connectors/{identifier}"
        documents = () if running is None else running.documents(now=self.now)
        rows = self._country_rows(lambda country: country.connector == identifier)
        return ConnectorView(
            rows=rows or (self._connector_row(identifier, settings),),
            settings=settings,
            standing=standing(self.fold, ObjectKey(ObjectKind.CONNECTOR, identifier), self.now),
            anchors=tuple(view for view in map(self.anchor, sorted(names)) if view is not None),
            by_hand=tuple(self._peer(one) for one in self._facts(identifier) if one.anchor is None),
            documents=tuple(f"{base}/{document.name}" for document in documents),
            exceptions=self._exceptions(_deviations(settings)),
            ends=self._ends(_of_connector(identifier, names)),
        )

    def _country_rows(self, wanted: Callable[[CountrySettings], bool]) -> tuple[PartnerRow, ...]:
        rows = [self._country_row(country) for country in self._configuration.countries if wanted(country)]
        return tuple(sorted(rows, key=lambda row: (protocol_position(row.country or ""), row.connector)))

    def _country_row(self, country: CountrySettings) -> PartnerRow:
        anchor_id, _ = self._vouching(country)
        keys = [country_key(country), ObjectKey(ObjectKind.CONNECTOR, country.connector)]
        if anchor_id is not None:
            keys.append(ObjectKey(ObjectKind.ANCHOR, anchor_id))
        anchor = self._configuration.anchors.get(anchor_id or "")
        return self._row(
            country.connector,
            country.country,
            keys,
            last_login=self.last_by_country.get(country.country),
            ends=self._ends(_of_country(country, anchor_id)),
            test=anchor is not None and anchor.test,
        )

    def _connector_row(self, name: str, settings: ConnectorSettings) -> PartnerRow:
        names = {anchor for anchor, _ in self._used_anchors(name)}
        keys = [ObjectKey(ObjectKind.CONNECTOR, name), *(ObjectKey(ObjectKind.ANCHOR, one) for one in names)]
        return self._row(
            name,
            None,
            keys,
            names=settings.name,
            last_login=self.last_by_connector.get(name),
            ends=self._ends(_of_connector(name, names)),
            test=any(
                self._configuration.anchors[one].test for one in names if one in self._configuration.anchors
            ),
        )

    def _row(
        self,
        connector: str,
        country: str | None,
        keys: Iterable[ObjectKey],
        *,
        last_login: datetime | None,
        ends: Sequence[Expiry],
        test: bool,
        names: Mapping[str, str] | None = None,
    ) -> PartnerRow:
        status = self._status(connector, country)
        withdrawn = [
            self.fold.suspensions[key]
            for key in keys
            if self.fold is not None and key in self.fold.suspensions
        ]
        return PartnerRow(
            connector=connector,
            country=country,
            names=names or {},
            state=SUSPENDED if withdrawn else (status.state if status else "down"),
            reason=None if withdrawn or status is None else status.reason,
            since=min((one.since for one in withdrawn), default=None if status is None else status.since),
            valid_until=None if status is None else status.valid_until,
            next_refresh=None if status is None else status.next_refresh,
            last_login=last_login,
            next_end=next((one for one in ends if one.pressing), None),
            test=test,
        )

    def _status(self, connector: str, country: str | None) -> PeerStatus | None:
        running = self.generation.connectors.get(connector)
        statuses = () if running is None else running.peers(now=self.now)
        return next((one for one in statuses if country is None or one.country == country), None)

    def _vouching(self, country: CountrySettings) -> tuple[str | None, str | None]:
        """Anchor and entityID that answer for ``country``."""
        settings = self._configuration.connectors.get(country.connector)
        if isinstance(settings, EIDASSettings) and settings.role is Role.NATIONAL:
            return settings.national_anchor, settings.national_peer
        return country.anchor, country.entity_id

    def _used_anchors(self, connector: str) -> Iterator[tuple[str, str | None]]:
        """The anchors that ``connector`` believes, and for which country."""
        settings = self._configuration.connectors.get(connector)
        if isinstance(settings, AccountSettings):
            yield settings.anchor, None
        for country in self._configuration.countries:
            anchor, _ = self._vouching(country)
            if country.connector == connector and anchor is not None:
                yield anchor, country.country

    def _facts(self, connector: str) -> Sequence[PeerFacts]:
        running: object = self.generation.connectors.get(connector)
        return running.peer_facts() if isinstance(running, TellsPeers) else ()

    def _anchor(self, anchor: TrustAnchor) -> AnchorView:
        until = end_of(anchor.valid_until)
        return AnchorView(
            anchor=anchor,
            standing=standing(self.fold, ObjectKey(ObjectKind.ANCHOR, anchor.id), self.now),
            certificates=tuple(
                CertificateView.of(seen.certificate, self.now)
                for seen in expiry_files.certificates(self._configuration, anchor.certificate)
            ),
            document=grouped(anchor.metadata_sha256 or ""),
            until=until,
            days_left=days_left(until, self.now),
            sources=tuple(self._sources(anchor.id)),
            used_by=tuple(
                (connector, country)
                for connector in self._configuration.connectors
                for name, country in self._used_anchors(connector)
                if name == anchor.id
            ),
        )

    def _sources(self, anchor: str) -> Iterator[SourceView]:
        for name, running in self.generation.connectors.items():
            if not isinstance(running, TellsPeers):
                continue
            for status in running.sources(now=self.now):
                if status.anchor == anchor:
                    yield self._source(name, status)

    def _source(self, connector: str, status: SourceStatus) -> SourceView:
        facts = [one for one in self._facts(connector) if one.anchor == status.anchor]
        return SourceView(
            connector=connector,
            status=status,
            peers=tuple(self._peer(one) for one in facts),
            dropped=tuple((plain(one.entity_id), one.reason, plain(one.detail)) for one in status.dropped),
            alerts=tuple(plain(alert) for alert in status.alerts),
        )

    def _peer(self, facts: PeerFacts) -> PeerView:
        return PeerView(
            peer=plain(facts.peer),
            country=facts.country,
            role=facts.role,
            valid_until=facts.valid_until,
            keys=tuple(CertificateView.of_peer(key, self.now) for key in facts.keys),
            addresses=tuple(plain(address) for address in facts.addresses),
            levels=tuple(plain(level) for level in facts.levels),
            versions=tuple(plain(version) for version in facts.versions),
            software=plain(facts.software or ""),
            alerts=facts.alerts,
        )

    def _exceptions(self, listed: Iterable[_Deviation]) -> tuple[ExceptionView, ...]:
        return tuple(
            ExceptionView(
                kind=str(one.kind),
                until=end_of(one.until),
                days_left=days_left(end_of(one.until), self.now),
                reason=plain(one.reason),
            )
            for one in listed
        )

    def _ends(self, links: frozenset[str]) -> tuple[Expiry, ...]:
        return tuple(one for one in self.ends if one.link in links)


def country_key(country: CountrySettings) -> ObjectKey:
    """The country in the registry."""
    return ObjectKey(ObjectKind.COUNTRY, f"{country.connector}.{country.country}".lower())


def _of_country(country: CountrySettings, anchor: str | None) -> frozenset[str]:
    """Pages that what ends for ``country`` is linked to."""
    return frozenset({f"/partners/{country.connector}/{country.country}", f"/anchors/{anchor}"})


def _of_connector(name: str, anchors: Iterable[str]) -> frozenset[str]:
    return frozenset({f"/connectors/{name}", *(f"/anchors/{anchor}" for anchor in anchors)})


def _deviations(settings: ConnectorSettings) -> Iterable[_Deviation]:
    match settings:
        case AccountSettings():
            return settings.exceptions
        case EIDASSettings():
            return settings.esaml.exceptions if settings.esaml is not None else ()
        case NPASettings():
            section = settings.saml or settings.soap
            return section.exceptions if section is not None else ()
