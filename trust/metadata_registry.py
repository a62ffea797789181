"""All metadata sources together; ``gateway.metadata_refresh`` asks them when they are due.

Sources are refreshed side by side with their own time limits: a slow or broken peer delays and
spoils no other (design.md §3 invariant 10).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from trust.errors import MetadataError, TrustError
from trust.metadata import MetadataDocument, MetadataRole, PeerMetadata
from trust.metadata_list import MetadataList
from trust.metadata_source import MetadataSource, SourceStatus

_log = logging.getLogger(__name__)

_PARALLEL = 4


class MetadataRegistry:
    """Peers by entityID. Reading never waits for the network; safe between threads."""

    def __init__(self, sources: Iterable[MetadataSource], lists: Iterable[MetadataList] = ()) -> None:
        """``lists`` know further sources, which come and go with what they list."""
        self._sources = {source.anchor.id: source for source in sources}
        self._lists = {listing.id: listing for listing in lists}

    def load(self, now: datetime) -> None:
        """Take the kept copies of an earlier run; raises nothing."""
        for source in self._sources.values():
            source.load(now)
        for listing in self._lists.values():
            listing.load(now)

    def refresh(self, now: datetime, *, force: bool = False) -> None:
        """Refresh every source that is due, or all with ``force``; raises nothing.

        Failures are in ``status``.
        """
        # First what is known by itself, then what lists have just told.
        _refresh_all(
            [
                *(listing for listing in self._lists.values() if force or listing.due(now)),
                *(source for source in self._sources.values() if force or source.due(now)),
            ],
            now,
        )
        listed = (source for listing in self._lists.values() for source in listing.sources())
        _refresh_all([source for source in listed if force or source.due(now)], now)

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
            if source is None:  # what a list names is asked for by ``listed_peer``
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

    def listed_peer(
        self, name: str, country: str, now: datetime, *, entity_id: str | None = None
    ) -> PeerMetadata:
        """The identity provider that the source ``name`` knows for ``country``; ``entity_id``: that one only.

        Raises MetadataError ``source.*``, ``servicelist.*``, ``metadata.*``.
        """
        listing = self._lists.get(name)
        if listing is None:
            raise MetadataError("metadata.unknown-anchor", f"source/{name}")
        found: list[PeerMetadata] = []
        failure = MetadataError("servicelist.country-missing", country)
        for source in listing.for_country(country, now):
            try:
                document = source.document(now)
            except MetadataError as error:
                failure = error
                continue
            found += [
                peer
                for peer in document.peers.values()
                if peer.role is MetadataRole.IDENTITY_PROVIDER
                and peer.node_country == country
                and peer.valid_until > now
                and entity_id in {None, peer.entity_id}
            ]
        if len(found) > 1:
            raise MetadataError("metadata.ambiguous", "name the entityID in the country's file")
        if not found:
            raise failure
        return found[0]

    def peers(
        self, now: datetime, *, role: MetadataRole = MetadataRole.IDENTITY_PROVIDER
    ) -> tuple[PeerMetadata, ...]:
        """Every usable peer of ``role``, for selection lists and availability."""
        listed = [s for listing in self._lists.values() if listing.usable(now) for s in listing.sources()]
        sources = (*self._sources.values(), *listed)
        return tuple(p for s in sources for p in s.peers(now) if p.role is role)

    def held(self) -> tuple[PeerMetadata, ...]:
        """Every peer of every copy held, valid or not: for people who look, never for a login."""
        documents = (source.held() for source in self._all())
        return tuple(peer for found in documents if found is not None for peer in found.peers.values())

    def status(self, now: datetime) -> tuple[SourceStatus, ...]:
        """One row per anchor and list, in the order of the configuration."""
        lists = [listing.status(now) for listing in self._lists.values()]
        return (*lists, *(source.status(now) for source in self._all()))

    def held_by(self, anchor: str) -> MetadataDocument | None:
        """The copy held of one anchor, valid or not: for people who look, never for a login."""
        return next((source.held() for source in self._all() if source.anchor.id == anchor), None)

    def _all(self) -> tuple[MetadataSource, ...]:
        listed = (source for listing in self._lists.values() for source in listing.sources())
        return (*self._sources.values(), *listed)


def _concerns(source: MetadataSource, entity_id: str) -> bool:
    location = source.anchor.metadata
    return location.aggregate or entity_id in location.entity_ids


def _refresh_all(due: Sequence[MetadataSource | MetadataList], now: datetime) -> None:
    if not due:
        return
    with ThreadPoolExecutor(min(_PARALLEL, len(due)), thread_name_prefix="metadata") as pool:
        list(pool.map(lambda source: _refresh_one(source, now), due))


def _refresh_one(source: MetadataSource | MetadataList, now: datetime) -> None:
    try:
        source.refresh(now)
    except TrustError as error:
        _log.warning("metadata of %s not refreshed: %s", source.name, error.reason)
    except Exception:  # noqa: BLE001  one source's defect must not end the refresh of the others
        _log.exception("metadata of %s not refreshed", source.name)
