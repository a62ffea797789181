"""What the installation provides to every SAML connector, and a peer's metadata inside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from trust.anchors import AnchorKind, TrustAnchor
from trust.approved_keys import approved_keys
from trust.fetch import FetchPolicy
from trust.listed_anchors import ListedAnchor
from trust.metadata import DatedDeviation
from trust.metadata_document import DocumentPolicy
from trust.metadata_list import MetadataList
from trust.metadata_source import Announce, MetadataSource, reader, source_for
from trust.servicelist import ListPolicy
from trust.sources import SourceSettings
from trust.xml import METADATA


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

    def read(name: str) -> bytes:
        return (surroundings.config_dir / name).read_bytes()

    signed = anchor.kind is AnchorKind.METADATA_SIGNER
    policy = DocumentPolicy(
        anchor=anchor,
        certificate=read(anchor.certificate) if signed and anchor.certificate is not None else None,
        further=tuple(map(read, anchor.further_certificates)) if signed else (),
        approved=approved_keys(
            anchor, {pin.certificate: read(pin.certificate) for pin in anchor.pinned if pin.certificate}
        ),
        deviations=deviations,
        country_required=country_required,
        allow_http_loopback=surroundings.development,
    )
    return _source(policy, surroundings, now)


def list_policy(source: SourceSettings, surroundings: Surroundings) -> ListPolicy:
    """How the list of ``source`` is believed; raises OSError for a certificate that cannot be read."""
    return ListPolicy(
        certificates=tuple((surroundings.config_dir / name).read_bytes() for name in source.certificates),
        countries=frozenset(source.countries),
        deviations=source.deviations,
        max_valid=timedelta(days=source.max_valid_days),
        allow_http_loopback=surroundings.development,
    )


def metadata_list(
    source: SourceSettings,
    surroundings: Surroundings,
    *,
    deviations: Callable[[str], tuple[DatedDeviation, ...]],
    now: datetime,
) -> MetadataList:
    """The anchors that ``source`` gives by itself, not yet loaded; ``deviations`` of a country's documents."""

    def make(listed: ListedAnchor) -> MetadataSource:
        policy = DocumentPolicy(
            anchor=listed.anchor,
            certificate=listed.certificates[0],
            further=listed.certificates[1:],
            deviations=deviations(listed.country),
            allow_http_loopback=surroundings.development,
        )
        return _source(policy, surroundings, now)

    kept = None if surroundings.state_dir is None else surroundings.state_dir / f"source-{source.id}.xml"
    return MetadataList(
        source,
        list_policy(source, surroundings),
        read=reader(
            source.url, source.file, surroundings.config_dir, surroundings.fetch_policy, METADATA.max_bytes
        ),
        make=make,
        kept=kept if source.url is not None else None,
        announce=surroundings.announce,
        started=now,
    )


def _source(policy: DocumentPolicy, surroundings: Surroundings, now: datetime) -> MetadataSource:
    return source_for(
        policy,
        config_dir=surroundings.config_dir,
        keep_dir=surroundings.state_dir,
        fetch_policy=surroundings.fetch_policy,
        announce=surroundings.announce,
        started=now,
    )
