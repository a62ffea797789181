"""From what a source lists to the anchors that follow from it, within its countries, roles and dates."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from trust.anchors import AnchorKind, AnchorState, MetadataLocation, MetadataRoleName, TrustAnchor
from trust.errors import MetadataError
from trust.servicelist import ListedEndpoint, ListedLocation
from trust.sources import SourceKind, SourceSettings

MOST_LOCATIONS = 8
"""Of one country: who signs a list does not make us ask a thousand addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAnchor:
    """An anchor as a source has it; its certificates are in no file yet."""

    anchor: TrustAnchor
    certificates: tuple[bytes, ...]
    """DER."""

    @property
    def country(self) -> str:
        return self.anchor.countries[0]


def listed_anchors(source: SourceSettings, locations: Iterable[ListedLocation]) -> tuple[ListedAnchor, ...]:
    """One anchor for each location with a role that ``source`` is for, in the order of the list."""
    found = []
    seen: set[str] = set()
    counts: Counter[str] = Counter()
    for place in locations:
        endpoints = [endpoint for endpoint in place.endpoints if endpoint.role in source.roles]
        if place.country not in source.countries or (place.endpoints and not endpoints):
            continue
        name = _name(source.id, place.country, place.location)
        counts[place.country] += 1
        if name in seen or counts[place.country] > MOST_LOCATIONS:
            continue
        seen.add(name)
        found.append(
            ListedAnchor(
                anchor=_anchor(
                    source,
                    name,
                    place.country,
                    _where(place, endpoints, source),
                    tuple(
                        role
                        for role in source.roles
                        if not endpoints or role in {endpoint.role for endpoint in endpoints}
                    ),
                ),
                certificates=tuple(_der(key.certificate) for key in place.keys),
            )
        )
    return tuple(found)


def queried_anchors(source: SourceSettings, certificates: tuple[bytes, ...]) -> tuple[ListedAnchor, ...]:
    """One anchor for each entity that a metadata query service is asked for."""
    if source.kind is not SourceKind.MDQ:
        raise MetadataError("source.kind", "no query service")
    return tuple(
        ListedAnchor(
            anchor=_anchor(
                source,
                _name(source.id, entity.country, entity.entity_id),
                entity.country,
                MetadataLocation(
                    mdq=source.url,
                    mdq_sha1=source.mdq_sha1,
                    entity_ids=(entity.entity_id,),
                    max_valid_days=source.max_valid_days,
                ),
                source.roles,
            ),
            certificates=certificates,
        )
        for entity in source.entities
        if entity.country in source.countries
    )


def _where(
    place: ListedLocation, endpoints: list[ListedEndpoint], source: SourceSettings
) -> MetadataLocation:
    # Without endpoints eIDAS's own rule holds: the entityID is the address (Message Format §2.1.1).
    names = tuple(dict.fromkeys(endpoint.entity_id for endpoint in endpoints)) or (place.location,)
    return MetadataLocation(
        url=place.location,
        entity_ids=names,
        aggregate=len(names) > 1,
        max_valid_days=source.max_valid_days,
    )


def _anchor(
    source: SourceSettings,
    name: str,
    country: str,
    where: MetadataLocation,
    roles: tuple[MetadataRoleName, ...],
) -> TrustAnchor:
    return TrustAnchor(
        id=name,
        kind=AnchorKind.METADATA_SIGNER,
        state=source.state if source.state is AnchorState.SUSPENDED else AnchorState.ACTIVE,
        countries=(country,),
        metadata=where,
        roles=roles,
        valid_from=source.valid_from,
        valid_until=source.valid_until,
        test=source.test,
        source=f"source/{source.id}",
        evidence=source.evidence,
    )


def _name(source: str, country: str, place: str) -> str:
    """The same for the same place, whatever the order of the list."""
    return f"{source}.{country.lower()}.{hashlib.sha256(place.encode()).hexdigest()[:8]}"


def _der(certificate: bytes | None) -> bytes:
    if certificate is None:
        raise MetadataError("source.certificate", "a key without certificate")
    return certificate
