"""What people look at when they ask whom a connector speaks to: keys, addresses, levels, and where it is from.

For the console and for warnings of what ends. A login never reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self, runtime_checkable

from trust.metadata import PeerMetadata
from trust.metadata_source import SourceStatus
from trust.pinned import PinnedKey


class KeyUse(StrEnum):
    SIGNING = "signing"
    ENCRYPTION = "encryption"
    TLS_AUTHORITY = "tls-authority"
    """Certifies the peer's TLS; no other authority counts."""
    PENDING = "pending"
    """Signs already, but waits for two people: nothing it signed is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerKey:
    """One key of a peer; ``key.certificate`` is what fingerprints are compared of."""

    use: KeyUse
    key: PinnedKey
    ends: datetime | None = None
    """When we stop believing it, where that is earlier than the certificate's own end."""

    @property
    def until(self) -> datetime | None:
        """Its last moment; None: a bare key, which does not end."""
        return min((end for end in (self.ends, self.key.not_after) if end is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFacts:
    """One peer, as its verified metadata describe it or as its operator told us."""

    peer: str
    """As in ``PeerStatus`` and the audit log: entityID or address."""
    country: str | None
    """ISO 3166-1 alpha-2, as the metadata say it; None: they name none, or there are none."""
    anchor: str | None
    """Whose metadata these are; None: exchanged by hand."""
    role: str | None = None
    """``idp`` or ``sp``; None where there are no roles."""
    valid_until: datetime | None = None
    keys: tuple[PeerKey, ...] = ()
    addresses: tuple[str, ...] = ()
    """Where requests go to."""
    levels: tuple[str, ...] = ()
    """URIs, as published."""
    versions: tuple[str, ...] = ()
    """Protocol versions, as published."""
    software: str | None = None
    """eIDAS ApplicationIdentifier."""
    alerts: tuple[str, ...] = ()
    metadata: PeerMetadata | None = field(default=None, repr=False)
    """Where this is from; None: exchanged by hand."""

    @classmethod
    def of_metadata(cls, peer: PeerMetadata) -> Self:
        signing = [PeerKey(use=KeyUse.SIGNING, key=key) for key in peer.signing_keys]
        encryption = [PeerKey(use=KeyUse.ENCRYPTION, key=entry.key) for entry in peer.encryption_keys]
        pending = [PeerKey(use=KeyUse.PENDING, key=key) for key in peer.pending_keys]
        endpoints = peer.single_sign_on or peer.assertion_consumers
        return cls(
            peer=peer.entity_id,
            country=peer.node_country,
            anchor=peer.anchor,
            role=peer.role.value,
            valid_until=peer.valid_until,
            keys=(*signing, *encryption, *pending),
            addresses=tuple(dict.fromkeys(endpoint.location for endpoint in endpoints)),
            levels=peer.levels,
            versions=peer.protocol_versions,
            software=peer.application_identifier,
            alerts=peer.alerts,
            metadata=peer,
        )


@runtime_checkable
class TellsPeers(Protocol):
    """A connector that can say more of its peers than ``PeerStatus``. Nothing is fetched, nothing raised."""

    def sources(self, *, now: datetime) -> Sequence[SourceStatus]:
        """How each anchor's metadata stand."""
        ...

    def peer_facts(self) -> Sequence[PeerFacts]:
        """Every peer it holds keys of, usable or not."""
        ...
