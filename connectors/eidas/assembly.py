"""Put an eIDAS connector together from its registration files, anchors and keys."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.eidas.countries import DEVIATIONS, Countries
from connectors.eidas.flow import EIDASConnector
from connectors.eidas.settings import CountrySettings, EIDASSettings, Role
from connectors.saml.keys import SAMLKeys
from trust.anchors import AnchorKind, TrustAnchor
from trust.fetch import FetchPolicy
from trust.metadata import DatedDeviation
from trust.metadata_document import DocumentPolicy
from trust.metadata_registry import MetadataRegistry
from trust.metadata_source import Announce, MetadataSource, source_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the installation provides to every connector."""

    issuer_url: str
    config_dir: Path
    state_dir: Path | None
    """Where last good metadata copies are kept."""
    fetch_policy: FetchPolicy
    development: bool
    """http on loopback is tolerated."""
    announce: Announce | None = None
    """Told of a metadata change before it takes effect; raising prevents it."""


def assemble(
    settings: EIDASSettings,
    countries: Sequence[CountrySettings],
    anchors: Mapping[str, TrustAnchor],
    keys: SAMLKeys,
    surroundings: Surroundings,
    *,
    now: datetime,
) -> EIDASConnector:
    """The connector, with kept metadata loaded; the network is first touched by ``refresh``.

    Raises MetadataError when an anchor cannot be used at all.
    """
    # our own citizens come through the German means, never through our own node (eidas.md §11.3)
    own = {
        c.country: c for c in countries if c.connector == settings.id and c.country != settings.node_country
    }
    national = settings.role is Role.NATIONAL
    # a country whose anchor is not there is down, and only that country
    names = [settings.national_anchor] if national else [c.anchor for c in own.values()]
    sources = [
        _source(anchors[name], own.values(), surroundings, national=national, now=now)
        for name in sorted({n for n in names if n is not None and n in anchors})
    ]
    registry = MetadataRegistry(sources)
    registry.load(now)
    return EIDASConnector(
        settings=settings,
        countries=Countries(
            settings, own, registry, frozenset(name for name, anchor in anchors.items() if anchor.test)
        ),
        keys=keys,
        issuer_url=surroundings.issuer_url,
        random=secrets.token_bytes,
    )


def _source(
    anchor: TrustAnchor,
    countries: Iterable[CountrySettings],
    surroundings: Surroundings,
    *,
    national: bool,
    now: datetime,
) -> MetadataSource:
    certificate = None
    if anchor.kind is AnchorKind.METADATA_SIGNER and anchor.certificate is not None:
        certificate = (surroundings.config_dir / anchor.certificate).read_bytes()
    policy = DocumentPolicy(
        anchor=anchor,
        certificate=certificate,
        deviations=_document_deviations(anchor, countries, national=national),
        country_required=not national,
        allow_http_loopback=surroundings.development,
    )
    return source_for(
        policy,
        config_dir=surroundings.config_dir,
        keep_dir=surroundings.state_dir,
        fetch_policy=surroundings.fetch_policy,
        announce=surroundings.announce,
        started=now,
    )


def _document_deviations(
    anchor: TrustAnchor, countries: Iterable[CountrySettings], *, national: bool
) -> tuple[DatedDeviation, ...]:
    """The dated exceptions of the countries this anchor speaks for, as far as they concern keys."""
    return tuple(
        DatedDeviation(kind=DEVIATIONS[exception.kind], until=exception.until)
        for country in countries
        if (national or country.anchor == anchor.id) and country.profile == "lenient"
        for exception in country.exceptions
        if exception.kind in DEVIATIONS
    )
