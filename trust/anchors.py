"""Whom we believe: trust anchors as the registry bundle declares them.

One file ``registry/anchors/<id>.toml`` is one decision: which octets, for which countries, in
which role, from when to when, on what evidence. Key equality is SPKI equality, so a renewed
certificate on the same key is the same anchor.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class AnchorKind(StrEnum):
    METADATA_SIGNER = "metadata-signer"
    """The certificate (or the root above it) that signs a peer's metadata."""
    PINNED_METADATA = "pinned-metadata"
    """An unsigned file handed over directly (eIDAS middleware); believed by its SHA-256."""


class AnchorState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"
    REVOKED = "revoked"


class MetadataLocation(BaseModel):
    """Where the anchor's metadata are fetched and how strictly they are taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    file: str | None = None
    """Either ``url`` or ``file`` (relative to the configuration)."""
    entity_ids: tuple[str, ...] = ()
    """The entityIDs this document may describe; empty only for an aggregate."""
    aggregate: bool = False
    """A signed EntitiesDescriptor of several nodes."""
    max_valid_days: int = Field(default=14, ge=1, le=30)


class TrustAnchor(BaseModel):
    """One anchor. Only ``active`` and inside its dates does it verify anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
    kind: AnchorKind
    state: AnchorState = AnchorState.PROPOSED
    countries: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], ...]
    """ISO 3166-1 alpha-2; the anchor speaks for no other country."""
    certificate: str | None = None
    """PEM file of the signer or root; for ``metadata-signer``."""
    metadata_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """For ``pinned-metadata``."""
    metadata: MetadataLocation
    valid_from: date
    valid_until: date
    test: bool = False
    """A test anchor; refused in production mode."""
    source: str
    """How the octets reached us, e.g. ``handed over by ... on paper``."""
    evidence: str
    """What the approvers compared, e.g. a file number."""
    approved_by: tuple[str, ...] = ()

    def active_at(self, now: datetime) -> bool:
        """Whether this anchor may verify anything at ``now`` (UTC)."""
        begin = datetime.combine(self.valid_from, time.min, UTC)
        end = datetime.combine(self.valid_until, time.max, UTC)
        return self.state is AnchorState.ACTIVE and begin <= now <= end
