"""All metadata sources together; ``gateway.metadata_refresh`` asks them when they are due.

Sources are refreshed side by side with their own time limits: a slow or broken peer delays and
spoils no other (design.md §3 invariant 10).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from trust.errors import MetadataError, TrustError
from trust.metadata import MetadataRole, PeerMetadata
from trust.metadata_source import MetadataSource, SourceStatus

_log = logging.getLogger(__name__)

_PARALLEL = 4


class MetadataRegistry:
    """Peers by entityID. Reading never waits for the network; safe between threads."""

    def __init__(self, sources: Iterable[MetadataSource]) -> None:
        self._sources = {source.anchor.id: source for source in sources}

    def load(self, now: datetime) -> None:
        """Take the kept copies of an earlier run; raises nothing."""
        for source in self._sources.values():
            source.load(now)

    def refresh(self, now: datetime, *, force: bool = False) -> None:
        """Refresh every source that is due, or all with ``force``; raises nothing.

        Failures are in ``status``.
        """
        due = [s for s in self._sources.values() if force or s.next_refresh() <= now]
        if not due:
            return
        with ThreadPoolExecutor(min(_PARALLEL, len(due)), thread_name_prefix="metadata") as pool:
            list(pool.map(lambda source: _refresh_one(source, now), due))

    def peer(
        self,
        entity_id: str,
        now: datetime,
        *,
        anchor: str | None = None,
        role: MetadataRole = MetadataRole.IDENTITY_PROVIDER,
    ) -> PeerMetadata:
        """The peer ``entity_id``, as ``anchor`` describes it.

        Without ``anchor`` it must be known through exactly one: two anchors that vouch for the
        same entity are a question for people, not for an order of files.

        Raises MetadataError ``metadata.*``.
        """
        if anchor is not None:
            source = self._sources.get(anchor)
            if source is None:
                raise MetadataError("metadata.unknown-anchor", anchor)
            return source.peer(entity_id, now, role)
        found: list[PeerMetadata] = []
        failure = MetadataError("metadata.unknown-entity")
        for source in self._sources.values():
            try:
                found.append(source.peer(entity_id, now, role))
            except MetadataError as error:
                if error.reason != "metadata.unknown-entity" and _concerns(source, entity_id):
                    failure = error
        if len(found) > 1:
            raise MetadataError("metadata.ambiguous", "several anchors")
        if not found:
            raise failure
        return found[0]

    def peers(
        self, now: datetime, *, role: MetadataRole = MetadataRole.IDENTITY_PROVIDER
    ) -> tuple[PeerMetadata, ...]:
        """Every usable peer of ``role``, for selection lists and availability."""
        return tuple(p for s in self._sources.values() for p in s.peers(now) if p.role is role)

    def held(self) -> tuple[PeerMetadata, ...]:
        """Every peer of every copy held, valid or not: for people who look, never for a login."""
        documents = (source.held() for source in self._sources.values())
        return tuple(peer for found in documents if found is not None for peer in found.peers.values())

    def status(self, now: datetime) -> tuple[SourceStatus, ...]:
        """One row per anchor, in the order of the configuration."""
        return tuple(source.status(now) for source in self._sources.values())


def _concerns(source: MetadataSource, entity_id: str) -> bool:
    location = source.anchor.metadata
    return location.aggregate or entity_id in location.entity_ids


def _refresh_one(source: MetadataSource, now: datetime) -> None:
    try:
        source.refresh(now)
    except TrustError as error:
        _log.warning("metadata of %s not refreshed: %s", source.anchor.id, error.reason)
    except Exception:  # noqa: BLE001  one source's defect must not end the refresh of the others
        _log.exception("metadata of %s not refreshed", source.anchor.id)
