"""What the installation provides to every SAML connector, and a peer's metadata inside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trust.anchors import AnchorKind, TrustAnchor
from trust.fetch import FetchPolicy
from trust.metadata import DatedDeviation
from trust.metadata_document import DocumentPolicy
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


def metadata_source(
    anchor: TrustAnchor,
    surroundings: Surroundings,
    *,
    deviations: tuple[DatedDeviation, ...],
    country_required: bool,
    now: datetime,
) -> MetadataSource:
    """The metadata of ``anchor``, not yet loaded. Raises MetadataError for an unusable anchor."""
    certificate = None
    if anchor.kind is AnchorKind.METADATA_SIGNER and anchor.certificate is not None:
        certificate = (surroundings.config_dir / anchor.certificate).read_bytes()
    policy = DocumentPolicy(
        anchor=anchor,
        certificate=certificate,
        deviations=deviations,
        country_required=country_required,
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
