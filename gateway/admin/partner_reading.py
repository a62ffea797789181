"""Views of countries, accounts and connectors; pure, nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from connectors.accounts import AccountSettings
from connectors.contract import PeerStatus
from connectors.eidas import countries as eidas_countries
from connectors.eidas.settings import CountrySettings, EIDASSettings
from connectors.npa import NPASettings
from gateway.admin.anchor_reading import Deviating, anchor_view, exception_views, peer_view
from gateway.admin.decisions import standing
from gateway.admin.partner_views import SUSPENDED, ConnectorView, CountryView, Overview, PartnerRow
from gateway.admin.protocol_order import protocol_position
from gateway.admin.sight import Sight, Vouching
from gateway.bundle import ConnectorSettings
from gateway.expiry import path
from trust.registry import ObjectKey, ObjectKind
from trust.registry.diff import plain


def overview(sight: Sight) -> Overview:
    """Every way a citizen may come."""
    means = [
        _connector_row(sight, name, settings)
        for name, settings in sight.configuration.connectors.items()
        if not isinstance(settings, EIDASSettings)
    ]
    return Overview(countries=_country_rows(sight, lambda _: True), means=tuple(means))


def country_view(sight: Sight, connector: str, code: str) -> CountryView | None:
    """None: there is no such country."""
    listed = (c for c in sight.configuration.countries if (c.connector, c.country) == (connector, code))
    found = next(listed, None)
    if found is None:
        return None
    vouching = sight.vouching(found)
    anchor = sight.configuration.anchors.get(vouching.anchor or "")
    facts = [one for one in sight.facts(connector) if vouching.covers(one)]
    settings = sight.configuration.connectors.get(connector)
    deviations = eidas_countries.deviations(eidas_countries.exceptions(found, sight.now))
    concerned = {vouching.name, *(one.anchor for one in facts)}
    return CountryView(
        row=_country_row(sight, found),
        settings=found,
        standing=standing(sight.fold, country_key(found), sight.now),
        connector_role=settings.role.value if isinstance(settings, EIDASSettings) else "",
        entity_id=plain(vouching.entity_id or (facts[0].peer if facts else "")),
        anchor=None if anchor is None else anchor_view(sight, anchor),
        source=vouching.source,
        statuses=tuple(
            status for name, status in sight.statuses() if name == connector and status.anchor in concerned
        ),
        peers=tuple(peer_view(one, sight.now, deviations) for one in facts),
        exceptions=exception_views(found.exceptions, sight.now),
        ends=sight.ends_of(_pages(found.connector, found.country, [vouching])),
    )


def connector_view(sight: Sight, identifier: str) -> ConnectorView | None:
    """None: there is no such connector."""
    settings = sight.configuration.connectors.get(identifier)
    if settings is None:
        return None
    used = [found for found, _ in sight.used_by(identifier)]
    anchors = {found.anchor for found in used}
    running = sight.generation.connectors.get(identifier)
    base = f"{sight.configuration.settings.gateway.issuer}/connectors/{identifier}"
    documents = () if running is None else running.documents(now=sight.now)
    rows = _country_rows(sight, lambda country: country.connector == identifier)
    return ConnectorView(
        rows=rows or (_connector_row(sight, identifier, settings),),
        settings=settings,
        standing=standing(sight.fold, ObjectKey(ObjectKind.CONNECTOR, identifier), sight.now),
        anchors=tuple(
            anchor_view(sight, anchor)
            for name, anchor in sorted(sight.configuration.anchors.items())
            if name in anchors
        ),
        sources=tuple(sorted({found.source for found in used if found.source is not None})),
        by_hand=tuple(peer_view(one, sight.now) for one in sight.facts(identifier) if one.anchor is None),
        documents=tuple(f"{base}/{document.name}" for document in documents),
        exceptions=exception_views(_deviations(settings), sight.now),
        ends=sight.ends_of(_pages(identifier, None, used)),
    )


def country_key(country: CountrySettings) -> ObjectKey:
    """The country in the registry."""
    return ObjectKey(ObjectKind.COUNTRY, f"{country.connector}.{country.country}".lower())


def _country_rows(sight: Sight, wanted: Callable[[CountrySettings], bool]) -> tuple[PartnerRow, ...]:
    rows = [_country_row(sight, country) for country in sight.configuration.countries if wanted(country)]
    return tuple(sorted(rows, key=lambda row: (protocol_position(row.country or ""), row.connector)))


def _country_row(sight: Sight, country: CountrySettings) -> PartnerRow:
    vouching = sight.vouching(country)
    return _row(
        sight,
        country.connector,
        country.country,
        [country_key(country)],
        [vouching],
        last_login=sight.last_by_country.get(country.country),
    )


def _connector_row(sight: Sight, name: str, settings: ConnectorSettings) -> PartnerRow:
    used = [found for found, _ in sight.used_by(name)]
    last = sight.last_by_connector.get(name)
    return _row(sight, name, None, [], used, names=settings.name, last_login=last)


def _row(
    sight: Sight,
    connector: str,
    country: str | None,
    keys: Sequence[ObjectKey],
    used: Sequence[Vouching],
    *,
    last_login: datetime | None,
    names: Mapping[str, str] | None = None,
) -> PartnerRow:
    status = _status(sight, connector, country)
    suspensions = {} if sight.fold is None else sight.fold.suspensions
    concerned = [*keys, ObjectKey(ObjectKind.CONNECTOR, connector), *_objects(used)]
    withdrawn = [suspensions[key] for key in concerned if key in suspensions]
    ends = sight.ends_of(_pages(connector, country, used))
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
        test=_test(sight, used),
    )


def _status(sight: Sight, connector: str, country: str | None) -> PeerStatus | None:
    running = sight.generation.connectors.get(connector)
    statuses = () if running is None else running.peers(now=sight.now)
    return next((one for one in statuses if country is None or one.country == country), None)


def _objects(used: Iterable[Vouching]) -> list[ObjectKey]:
    anchors = {found.anchor for found in used} - {None}
    sources = {found.source for found in used} - {None}
    return [
        *(ObjectKey(ObjectKind.ANCHOR, name) for name in anchors if name is not None),
        *(ObjectKey(ObjectKind.SOURCE, name) for name in sources if name is not None),
    ]


def _test(sight: Sight, used: Iterable[Vouching]) -> bool:
    found = [sight.configuration.anchors.get(one.anchor or "") for one in used]
    sources = [sight.configuration.sources.get(one.source or "") for one in used]
    return any(one is not None and one.test for one in (*found, *sources))


def _pages(connector: str, country: str | None, used: Sequence[Vouching]) -> frozenset[str]:
    """Pages that what ends here is linked to."""
    pages = {path(f"{key.kind}s", key.id) for key in _objects(used)}
    if country is not None:
        pages.add(path("partners", connector, country))
    if country is None or any(found.name is None for found in used):  # keys exchanged by hand
        pages.add(path("connectors", connector))
    return frozenset(pages)


def _deviations(settings: ConnectorSettings) -> Iterable[Deviating]:
    match settings:
        case AccountSettings():
            return settings.exceptions
        case EIDASSettings():
            return settings.esaml.exceptions if settings.esaml is not None else ()
        case NPASettings():
            section = settings.saml or settings.soap
            return section.exceptions if section is not None else ()
