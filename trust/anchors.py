"""Whom we believe: trust anchors as the registry bundle declares them.

One file ``registry/anchors/<id>.toml`` is one decision: which octets, for which countries, in
which role, from when to when, on what evidence. Key equality is SPKI equality, so a renewed
certificate on the same key is the same anchor.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Annotated, Literal

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


class KeyChanges(StrEnum):
    """What happens when an entity's signed metadata come with other signing keys."""

    AUTOMATIC = "automatic"
    """They count at once: whoever may sign the metadata may say which keys the node has."""
    PROPOSE = "propose"
    """Keys listed under ``pinned`` stay in force; others wait for two people."""


MetadataRoleName = Literal["idp", "sp"]
BOTH_ROLES: tuple[MetadataRoleName, ...] = ("idp", "sp")


class MetadataLocation(BaseModel):
    """Where the anchor's metadata are fetched and how strictly they are taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    """Exactly one of ``url``, ``file`` and ``mdq``."""
    file: str | None = None
    """Relative to the configuration."""
    mdq: str | None = None
    """Base address of a metadata query service: it is asked for the one entity of ``entity_ids``."""
    mdq_sha1: bool = False
    """Ask for ``{sha1}`` of the entityID, for services that know that form only."""
    entity_ids: tuple[str, ...] = ()
    """The entityIDs this document may describe; empty only for an aggregate."""
    aggregate: bool = False
    """A signed EntitiesDescriptor of several nodes."""
    max_valid_days: int = Field(default=14, ge=1, le=30)


class PinnedSigningKey(BaseModel):
    """One signing key of an entity that two people have approved, for ``key_changes = "propose"``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity_id: str
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the public key (SubjectPublicKeyInfo)."""
    certificate: str | None = None
    """PEM file with this key: it stays in force also when the metadata name none but others."""


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
    further_certificates: tuple[str, ...] = ()
    """Further signers beside ``certificate``, for a roll-over of the metadata signer."""
    metadata_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """For ``pinned-metadata``."""
    metadata: MetadataLocation
    roles: tuple[MetadataRoleName, ...] = Field(default=BOTH_ROLES, min_length=1)
    """Roles it speaks for: ``idp`` answers logins, ``sp`` asks for them."""
    key_changes: KeyChanges = KeyChanges.AUTOMATIC
    pinned: tuple[PinnedSigningKey, ...] = ()
    """An entity without any is believed as with ``automatic``, and its keys are proposed to be pinned."""
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
