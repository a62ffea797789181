"""What verified metadata say about a peer, as frozen data (eidas.md §6.1).

Objects of these classes exist only after verification: ``trust.metadata_document`` makes them,
``trust.metadata_source`` keeps them, ``trust.metadata_registry`` hands them out. One peer is one
role of one entity, because keys and endpoints belong to a role: a node that is Proxy-Service and
Connector under one entityID is two peers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from trust.algorithms import Deviation, Deviations
from trust.pinned import PinnedKey

REQUESTER_ID_REQUIRED = "http://eidas.europa.eu/entity-attributes/termsofaccess/requesterid"
HIDE_FROM_DISCOVERY = "http://refeds.org/category/hide-from-discovery"


class MetadataRole(StrEnum):
    IDENTITY_PROVIDER = "idp"
    """``md:IDPSSODescriptor``: an eIDAS Proxy-Service or Middleware, a national connector."""
    SERVICE_PROVIDER = "sp"
    """``md:SPSSODescriptor``: an eIDAS Connector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedDeviation:
    """A deviation an anchor's documents may show, up to and including ``until``."""

    kind: Deviation
    until: date


def deviations_at(rows: tuple[DatedDeviation, ...], now: datetime) -> Deviations:
    """The kinds that are still in force at ``now``."""
    return frozenset(row.kind for row in rows if now.date() <= row.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """``SingleSignOnService`` or ``AssertionConsumerService``."""

    binding: str
    location: str
    index: int | None = None
    is_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionKey:
    """A key to encrypt to, with the ``md:EncryptionMethod`` algorithms published beside it."""

    key: PinnedKey
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerMetadata:
    """One role of one entity, as its verified metadata describe it."""

    entity_id: str
    role: MetadataRole
    anchor: str
    """Id of the anchor that vouches for this."""
    valid_until: datetime
    """Earliest validUntil of the document, the entity, the role and the anchor."""
    node_country: str | None
    """ISO 3166-1 alpha-2 (``GR``), or ``EU``; None only where the anchor's policy allows it."""
    node_code: str | None
    """The same as the node writes it (``EL``)."""
    protocol_versions: tuple[str, ...] = ()
    application_identifier: str | None = None
    levels: tuple[str, ...] = ()
    """``assurance-certification`` URIs, exactly as published; bare words are left out."""
    entity_categories: tuple[str, ...] = ()
    sp_type: str | None = None
    supported_attributes: frozenset[str] = frozenset()
    """``Name`` of every ``saml:Attribute`` an identity provider publishes."""
    name_id_formats: tuple[str, ...] = ()
    single_sign_on: tuple[Endpoint, ...] = ()
    assertion_consumers: tuple[Endpoint, ...] = ()
    want_authn_requests_signed: bool = False
    signing_algorithms: tuple[str, ...] = ()
    """Advertised ``alg:SigningMethod``; a hint only, the policy table decides."""
    signing_keys: tuple[PinnedKey, ...]
    """All ``use="signing"`` keys in document order that are in force: several are normal during a roll-over."""
    pending_keys: tuple[PinnedKey, ...] = ()
    """Published signing keys that two people have not approved yet (``key_changes = "propose"``)."""
    encryption_keys: tuple[EncryptionKey, ...] = ()
    alerts: tuple[str, ...] = ()
    """What an operator should know, e.g. ``signing:certificate.expired``; sorted, no duplicates."""

    @property
    def requester_id_required(self) -> bool:
        """Whether requests of private services must carry a RequesterID (eidas.md §2.2)."""
        return REQUESTER_ID_REQUIRED in self.entity_categories

    @property
    def hidden(self) -> bool:
        """Whether the peer asks to be left out of selection lists."""
        return HIDE_FROM_DISCOVERY in self.entity_categories

    def sso_location(self, binding: str) -> str | None:
        """Where an AuthnRequest goes by ``binding``; the first published one."""
        return next((e.location for e in self.single_sign_on if e.binding == binding), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedEntity:
    """An entity or a role that could not be used; the rest of the document is untouched."""

    entity_id: str
    reason: str
    detail: str = ""


PeerKey = tuple[str, MetadataRole]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataDocument:
    """One verified document of one anchor."""

    anchor: str
    sha256: str
    """Of the octets as they came."""
    stated_valid_until: datetime | None
    """``validUntil`` of the document element; None only for a pinned file without one."""
    valid_until: datetime
    """The same, but never beyond the anchor's own end."""
    created: datetime | None
    """``mdrpi:PublicationInfo/@creationInstant``, where published."""
    cache_duration: timedelta | None
    peers: Mapping[PeerKey, PeerMetadata]
    dropped: tuple[DroppedEntity, ...] = ()

    def older_than(self, held: MetadataDocument) -> bool:
        """Whether taking this document after ``held`` would be a step back (security.md D.2)."""
        if self.created is not None and held.created is not None:
            return self.created < held.created
        if self.stated_valid_until is None or held.stated_valid_until is None:
            return False
        return self.stated_valid_until < held.stated_valid_until
