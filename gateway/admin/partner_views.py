"""What the pages on partners show: a list of countries and accounts, a country, an anchor, a connector.

``partner_reading`` and ``anchor_reading`` make them. Texts of strangers (names in certificates, entityIDs) are without
control and bidirectional characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.eidas.settings import CountrySettings
from gateway.admin.certificates import CertificateView
from gateway.admin.decisions import Standing
from gateway.bundle import ConnectorSettings
from gateway.expiry import Expiry
from trust.anchors import TrustAnchor
from trust.metadata_source import SourceStatus
from trust.partner_lint import Finding
from trust.sources import SourceSettings

SUSPENDED = "suspended"
"""State of a partner that people have withdrawn; the others are those of ``PeerStatus``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRow:
    """One line of the list."""

    connector: str
    country: str | None
    """None: an account or a card, which have no countries to choose from."""
    names: Mapping[str, str]
    """Of the connector, by language; may be empty."""
    state: str
    """``ok``, ``stale``, ``down`` or ``suspended``."""
    reason: str | None
    since: datetime | None
    valid_until: datetime | None
    next_refresh: datetime | None
    last_login: datetime | None
    next_end: Expiry | None
    """What of it ends first and stops something."""
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    countries: tuple[PartnerRow, ...]
    """In the Union's protocol order."""
    means: tuple[PartnerRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerView:
    """One entity with its keys."""

    peer: str
    country: str | None
    role: str | None
    valid_until: datetime | None
    keys: tuple[CertificateView, ...]
    addresses: tuple[str, ...]
    levels: tuple[str, ...]
    versions: tuple[str, ...]
    software: str
    alerts: tuple[str, ...]
    findings: tuple[Finding, ...]
    """What is refused, needs an exception, or ends within two years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """The metadata of an anchor, as one connector holds them."""

    connector: str
    status: SourceStatus
    peers: tuple[PeerView, ...]
    dropped: tuple[tuple[str, str, str], ...]
    """entityID, stable word, detail."""
    alerts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorView:
    anchor: TrustAnchor
    standing: Standing
    certificates: tuple[CertificateView, ...]
    document: str
    """Fingerprint of a pinned document in groups; empty for a signer."""
    until: datetime
    days_left: int
    documents: tuple[DocumentView, ...]
    used_by: tuple[tuple[str, str | None], ...]
    """Connector and country that it vouches for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionView:
    kind: str
    until: datetime
    days_left: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """Somebody who knows many documents."""

    settings: SourceSettings
    standing: Standing
    certificates: tuple[CertificateView, ...]
    until: datetime
    days_left: int
    status: SourceStatus | None
    """Of the list itself; None: none is kept, since it only proposes, or no country names it."""
    documents: tuple[DocumentView, ...]
    used_by: tuple[tuple[str, str | None], ...]
    exceptions: tuple[ExceptionView, ...]
    ends: tuple[Expiry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryView:
    row: PartnerRow
    settings: CountrySettings
    standing: Standing
    connector_role: str
    entity_id: str
    anchor: AnchorView | None
    source: str | None
    """The source that vouches in place of an anchor."""
    statuses: tuple[SourceStatus, ...]
    """Of the metadata that its entity is from, and of the list that names them."""
    peers: tuple[PeerView, ...]
    """The entity that answers for this country."""
    exceptions: tuple[ExceptionView, ...]
    ends: tuple[Expiry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorView:
    rows: tuple[PartnerRow, ...]
    settings: ConnectorSettings
    standing: Standing
    anchors: tuple[AnchorView, ...]
    sources: tuple[str, ...]
    by_hand: tuple[PeerView, ...]
    """Peers whose keys were exchanged without metadata."""
    documents: tuple[str, ...]
    """Addresses of what we publish for its peers."""
    exceptions: tuple[ExceptionView, ...]
    ends: tuple[Expiry, ...]
