"""Put an eIDAS connector together from its registration files, anchors and keys."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType

from connectors.eidas.countries import DEVIATIONS, Countries
from connectors.eidas.esaml import ESAMLConnector
from connectors.eidas.flow import EIDASConnector
from connectors.eidas.settings import CountrySettings, EIDASSettings, Role
from connectors.saml.keys import SAMLKeys
from connectors.saml.metadata import Contact
from connectors.saml.request import HTTP_POST
from connectors.saml.surroundings import Surroundings, metadata_list, metadata_source
from connectors.saml.tr03130.partner import PartnerSection, load
from connectors.saml.tr03130.publication import OwnDocument
from trust.anchors import TrustAnchor
from trust.metadata import DatedDeviation
from trust.metadata_list import MetadataList
from trust.metadata_registry import MetadataRegistry
from trust.sources import Activation, SourceSettings


def assemble(
    settings: EIDASSettings,
    countries: Sequence[CountrySettings],
    anchors: Mapping[str, TrustAnchor],
    keys: SAMLKeys,
    surroundings: Surroundings,
    *,
    now: datetime,
    sources: Mapping[str, SourceSettings] = MappingProxyType({}),
) -> EIDASConnector | ESAMLConnector:
    """The connector, with kept metadata loaded; the network is first touched by ``refresh``.

    Raises MetadataError when an anchor cannot be used at all; role esaml: OSError, VerificationError
    for the files about the eID-Server.
    """
    # our own citizens come through the German means, never through our own node (eidas.md §11.3)
    own = {
        c.country: c for c in countries if c.connector == settings.id and c.country != settings.node_country
    }
    if settings.esaml is not None:
        return _esaml(settings, settings.esaml, own, keys, surroundings)
    national = settings.role is Role.NATIONAL
    # a country whose anchor is not there is down, and only that country
    names = [settings.national_anchor] if national else [c.anchor for c in own.values()]
    documents = [
        metadata_source(
            anchors[name],
            surroundings,
            deviations=_document_deviations(anchors[name], own.values(), national=national),
            country_required=not national,
            now=now,
        )
        for name in sorted({n for n in names if n is not None and n in anchors})
    ]
    lists = [] if national else _lists(sources, own.values(), surroundings, now)
    registry = MetadataRegistry(documents, lists)
    registry.load(now)
    return EIDASConnector(
        settings=settings,
        countries=Countries(settings, own, registry, _of_tests(anchors, sources)),
        keys=keys,
        issuer_url=surroundings.issuer_url,
        random=secrets.token_bytes,
    )


def _lists(
    sources: Mapping[str, SourceSettings],
    countries: Iterable[CountrySettings],
    surroundings: Surroundings,
    now: datetime,
) -> list[MetadataList]:
    """The sources that countries name; one that only proposes is nobody's."""
    by_source: dict[str, dict[str, CountrySettings]] = {}
    for country in countries:
        source = sources.get(country.source or "")
        if source is not None and source.activation is Activation.AUTOMATIC:
            by_source.setdefault(source.id, {})[country.country] = country

    def deviations(named: Mapping[str, CountrySettings], country: str) -> tuple[DatedDeviation, ...]:
        return _dated([named[country]] if country in named else [])

    return [
        metadata_list(
            _narrowed(sources[name], named), surroundings, deviations=partial(deviations, named), now=now
        )
        for name, named in sorted(by_source.items())
    ]


def _narrowed(source: SourceSettings, named: Mapping[str, CountrySettings]) -> SourceSettings:
    """To the countries that citizens may choose: nobody's metadata are fetched for nothing."""
    countries = tuple(country for country in source.countries if country in named)
    return source.model_copy(update={"countries": countries})


def _of_tests(anchors: Mapping[str, TrustAnchor], sources: Mapping[str, SourceSettings]) -> frozenset[str]:
    return frozenset(
        [name for name, anchor in anchors.items() if anchor.test]
        + [f"source/{name}" for name, source in sources.items() if source.test]
    )


def _esaml(
    settings: EIDASSettings,
    section: PartnerSection,
    countries: Mapping[str, CountrySettings],
    keys: SAMLKeys,
    surroundings: Surroundings,
) -> ESAMLConnector:
    base = f"{surroundings.issuer_url}/connectors/{settings.id}"
    return ESAMLConnector(
        settings=settings,
        countries=countries,
        partner=load(section, surroundings.config_dir),
        keys=keys,
        own=OwnDocument(
            keys=keys,
            entity_id=section.entity_id or settings.entity_id or f"{base}/metadata",
            acs_url=f"{base}/acs",
            acs_binding=HTTP_POST,
            name=settings.organization_name,
            url=settings.organization_url,
            contacts=[Contact(kind=c.kind, name=c.name, email=c.email) for c in settings.contacts],
        ),
        test=surroundings.development,
    )


def _document_deviations(
    anchor: TrustAnchor, countries: Iterable[CountrySettings], *, national: bool
) -> tuple[DatedDeviation, ...]:
    """The dated exceptions of the countries this anchor speaks for, as far as they concern keys."""
    return _dated(country for country in countries if national or country.anchor == anchor.id)


def _dated(countries: Iterable[CountrySettings]) -> tuple[DatedDeviation, ...]:
    return tuple(
        DatedDeviation(kind=DEVIATIONS[exception.kind], until=exception.until)
        for country in countries
        if country.profile == "lenient"
        for exception in country.exceptions
        if exception.kind in DEVIATIONS
    )
