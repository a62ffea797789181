"""What ends on the side of partners: anchors, sources, metadata, certificates, exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from connectors.accounts import AccountSettings
from connectors.eidas.settings import EIDASSettings
from connectors.peer_facts import KeyUse, PeerFacts, TellsPeers
from gateway.bundle import Configuration
from gateway.expiry import files
from gateway.expiry.kinds import FORGOTTEN, ExpiryKind, Found, InForce, end_of, page_of, path
from trust.anchors import AnchorState
from trust.metadata_source import SourceState


def anchors(configuration: Configuration) -> Iterator[Found]:
    for anchor in configuration.anchors.values():
        if anchor.state not in {AnchorState.ACTIVE, AnchorState.APPROVED}:
            continue
        link, country = (
            path("anchors", anchor.id),
            anchor.countries[0] if len(anchor.countries) == 1 else None,
        )
        yield Found(
            ExpiryKind.ANCHOR, anchor.id, anchor.id, end_of(anchor.valid_until), link, country, anchor.kind
        )
        for certificate in files.certificates(configuration, anchor.certificate):
            yield Found(
                ExpiryKind.ANCHOR_CERTIFICATE,
                f"{anchor.id}/{certificate.short}",
                anchor.id,
                certificate.until,
                link,
                country,
                certificate.short,
            )


def sources(configuration: Configuration) -> Iterator[Found]:
    for source in configuration.sources.values():
        if source.state not in {AnchorState.ACTIVE, AnchorState.APPROVED}:
            continue
        link = path("sources", source.id)
        yield Found(ExpiryKind.SOURCE, source.id, source.id, source.end, link, detail=source.kind)
        for file in source.certificates:
            for certificate in files.certificates(configuration, file):
                yield Found(
                    ExpiryKind.SOURCE,
                    f"{source.id}/{certificate.short}",
                    source.id,
                    certificate.until,
                    link,
                    detail=certificate.short,
                )


def peers(generation: InForce, now: datetime) -> Iterator[Found]:
    configuration = generation.configuration
    for name, connector in generation.connectors.items():
        if not isinstance(connector, TellsPeers):
            continue
        for source in connector.sources(now=now):
            if source.valid_until is not None:
                yield Found(
                    ExpiryKind.METADATA,
                    source.anchor,
                    source.anchor,
                    source.valid_until,
                    page_of(configuration, source.anchor),
                    detail=source.state,
                    pressing=source.state is not SourceState.OK,
                )
        for facts in connector.peer_facts():
            anchor = facts.anchor
            link = path("connectors", name) if anchor is None else page_of(configuration, anchor)
            yield from _peer(name, facts, link)


def _peer(connector: str, facts: PeerFacts, link: str) -> Iterator[Found]:
    for use in (KeyUse.SIGNING, KeyUse.ENCRYPTION, KeyUse.TLS_AUTHORITY):
        keys = [key for key in facts.keys if key.use is use]
        ends = [key.until for key in keys]
        for key in keys:
            if key.until is None:
                continue
            short = key.key.fingerprint[:16]
            yield Found(
                ExpiryKind.PEER_CERTIFICATE,
                f"{facts.anchor or connector}/{facts.peer}/{facts.role}/{use}/{short}/{key.until:%Y%m%d}",
                facts.peer,
                key.until,
                link,
                facts.country,
                f"{use} {short}",
                pressing=not any(end is None or end > key.until for end in ends),
            )


def exceptions(configuration: Configuration, now: datetime) -> Iterator[Found]:
    listed: list[tuple[str, str | None, Iterable[tuple[str, date]]]] = [
        (country.connector, country.country, [(row.kind.value, row.until) for row in country.exceptions])
        for country in configuration.countries
        if country.profile == "lenient"
    ]
    for name, connector in configuration.connectors.items():
        section = (
            connector
            if isinstance(connector, AccountSettings)
            else (
                connector.esaml if isinstance(connector, EIDASSettings) else connector.saml or connector.soap
            )
        )
        if section is not None:
            listed.append((name, None, [(row.kind.value, row.until) for row in section.exceptions]))
    for connector_id, code, rows in listed:
        parts = ("partners", connector_id, code) if code else ("connectors", connector_id)
        yield from _deviations(parts, rows, code, now)
    for source in configuration.sources.values():
        rows = [(row.kind, row.until) for row in source.exceptions]
        yield from _deviations(("sources", source.id), rows, None, now)


def _deviations(
    page: tuple[str, ...], rows: Iterable[tuple[str, date]], country: str | None, now: datetime
) -> Iterator[Found]:
    for kind, until in rows:
        if now - end_of(until) <= FORGOTTEN:
            yield Found(
                ExpiryKind.EXCEPTION,
                "/".join((*page[1:], kind)),
                kind,
                end_of(until),
                path(*page),
                country,
                page[1],
            )
