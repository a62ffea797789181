"""The eIDAS metadata service list, MDSL (Message Format Appendix A; eidas.md §6.3).

A signed list of where each territory's node metadata are and with which keys to verify them. It
is read to *propose* anchors, never to believe a node by itself: what comes out becomes trust only
through the registry, within the countries of the anchor that signed the list (security.md D.3).
Real lists are signed with ``rsa-sha256``, which takes a dated exception of the anchor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trust import xml
from trust.anchors import AnchorKind, TrustAnchor
from trust.errors import MetadataError, TrustError
from trust.metadata import DatedDeviation, DroppedEntity, deviations_at
from trust.metadata_document import require_active
from trust.metadata_entity import embedded_certificates
from trust.schema_types import boolean, instant
from trust.signatures import PinnedKey, verify_enveloped
from trust.xml import DS, Element

PROXY_SERVICE = "http://eidas.europa.eu/metadata/ept/ProxyService"
CONNECTOR = "http://eidas.europa.eu/metadata/ept/Connector"

_SER = "{http://eidas.europa.eu/metadata/servicelist}"
_KEY_INFO = "{" + DS + "}KeyInfo"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEndpoint:
    endpoint_type: str
    entity_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLocation:
    """One place with metadata."""

    country: str
    """ISO 3166-1 alpha-2."""
    location: str
    endpoints: tuple[ListedEndpoint, ...]
    """Empty when the location may hold several entities that the list does not name."""
    keys: tuple[PinnedKey, ...]
    """What verifies the metadata found there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataServiceList:
    issuer_name: str
    scheme_identifier: str
    issued: datetime
    next_update: datetime | None
    locations: tuple[ListedLocation, ...]
    dropped: tuple[DroppedEntity, ...]
    """Territories and locations left out, by name, with the reason."""


def verify_service_list(
    octets: bytes,
    anchor: TrustAnchor,
    certificate: bytes,
    *,
    now: datetime,
    deviations: Sequence[DatedDeviation] = (),
) -> MetadataServiceList:
    """Verify a list by the anchor's own certificate and read what the anchor may speak for.

    Raises MetadataError ``servicelist.*`` or ``metadata.anchor-inactive``, and VerificationError.
    """
    require_active(anchor, now)
    if anchor.kind is not AnchorKind.METADATA_SIGNER:
        raise MetadataError("servicelist.anchor", "a pinned file signs no list")
    root = verify_enveloped(
        xml.parse(octets, xml.METADATA),
        (PinnedKey.from_certificate(certificate),),
        now=now,
        allow_empty_uri=True,
        deviations=deviations_at(tuple(deviations), now),
    )
    if root.tag != _SER + "MetadataServiceList" or not root.get("Version"):
        raise MetadataError("servicelist.root")
    issued = instant(root.get("IssueDate") or "")
    if issued > now:
        raise MetadataError("servicelist.issue-date", "in the future")
    update = root.get("NextUpdate")
    next_update = None if update is None else instant(update)
    if next_update is not None and next_update <= now:
        raise MetadataError("servicelist.outdated")
    scheme = xml.only_child(root, _SER + "SchemeInformation")
    locations, dropped = _territories(root, anchor)
    return MetadataServiceList(
        issuer_name=xml.text(xml.only_child(scheme, _SER + "IssuerName")),
        scheme_identifier=xml.text(xml.only_child(scheme, _SER + "SchemeIdentifier")),
        issued=issued,
        next_update=next_update,
        locations=tuple(locations),
        dropped=tuple(dropped),
    )


def _territories(root: Element, anchor: TrustAnchor) -> tuple[list[ListedLocation], list[DroppedEntity]]:
    locations: list[ListedLocation] = []
    dropped: list[DroppedEntity] = []
    for territory in root.findall(_SER + "MetadataList"):
        code = territory.get("Territory") or ""
        country = "GR" if code == "EL" else code
        try:
            if country not in anchor.countries:
                raise MetadataError("entity.country-not-covered")
            if boolean(territory.get("Suspend")):
                raise MetadataError("servicelist.suspended")
        except TrustError as error:
            dropped.append(DroppedEntity(entity_id=code[:64], reason=error.reason))
            continue
        for element in territory.findall(_SER + "MetadataLocation"):
            try:
                locations.append(_location(element, country))
            except TrustError as error:
                name = (element.get("Location") or "")[:1024]
                dropped.append(DroppedEntity(entity_id=name, reason=error.reason))
    return locations, dropped


def _location(element: Element, country: str) -> ListedLocation:
    location = element.get("Location") or ""
    if not location.startswith("https://"):
        raise MetadataError("servicelist.location", "https only")
    certificates = [der for info in element.findall(_KEY_INFO) for der in embedded_certificates(info)]
    if not certificates:
        raise MetadataError("servicelist.key", "none")
    return ListedLocation(
        country=country,
        location=location,
        endpoints=tuple(
            ListedEndpoint(endpoint_type=e.get("EndpointType") or "", entity_id=e.get("EntityID") or "")
            for e in element.findall(_SER + "Endpoint")
        ),
        keys=tuple(dict.fromkeys(PinnedKey.from_certificate(der) for der in certificates)),
    )
