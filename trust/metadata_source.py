"""The metadata of one anchor over time: load, refresh, keep, expire.

::

    octets ──verify_document──▶ newer than the copy held? ──▶ announce ──▶ written down ──▶ in use
       │                             │
       └── any refusal ──────────────┴──▶ the copy held stays in use until its own validUntil

What is read by logins is one immutable snapshot, swapped in one assignment: nobody ever waits
for the network. The last good octets lie in a file, so that a restart while the peer is away
still has them; they are verified again in full before use.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from trust.anchors import TrustAnchor
from trust.errors import MetadataError, TrustError
from trust.fetch import ConditionalFetch, FetchPolicy
from trust.freshness import (
    LONGEST_REFRESH,
    SHORTEST_REFRESH,
    Freshness,
    failures_told,
    is_due,
    reason_of,
    spent,
)
from trust.kept_copy import holds, keep
from trust.mdq import address
from trust.metadata import DroppedEntity, MetadataDocument, MetadataRole, PeerMetadata
from trust.metadata_document import DocumentPolicy, require_active, verify_document
from trust.pinned import PinnedKey

_log = logging.getLogger(__name__)


class SourceState(StrEnum):
    OK = "ok"
    STALE = "stale"
    """A valid copy is in use, but it could not be refreshed."""
    DOWN = "down"
    """Nothing valid is held: logins through this anchor are impossible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """For health, metrics and the operator."""

    anchor: str
    state: SourceState
    since: datetime
    reason: str | None
    """Why it is not ``ok``."""
    valid_until: datetime | None
    next_refresh: datetime
    refreshed_at: datetime | None
    """When a document was last fetched and taken; None: not since the start, the copy is of an earlier run."""
    tried_at: datetime | None
    spent: float
    """How much of the copy's life is over, 0 to 1; the alarms ring at 0.5 and 0.8 when stale."""
    entities: int
    dropped: tuple[DroppedEntity, ...]
    alerts: tuple[str, ...]
    """``<entityID> <alert>``, e.g. certificates outside their dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataChange:
    """What taking a new document changes; announced before the change has any effect."""

    anchor: str
    sha256: str
    previous_sha256: str | None
    valid_until: datetime
    added: tuple[str, ...]
    removed: tuple[str, ...]
    rekeyed: tuple[str, ...]
    """entityIDs whose signing keys are others than before."""


Announce = Callable[[MetadataChange], None]


class Read(Protocol):
    """Brings octets or raises; where what it brought last is in use, it may say None: that is current."""

    def __call__(self, *, held: bool) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class _State:
    """Everything that changes, in one immutable piece."""

    document: MetadataDocument | None = None
    freshness: Freshness = field(default_factory=Freshness)


class MetadataSource:
    """One anchor's metadata. Reading is lock-free; ``load`` and ``refresh`` exclude each other."""

    def __init__(
        self,
        policy: DocumentPolicy,
        *,
        read: Read,
        kept: Path | None = None,
        announce: Announce | None = None,
        started: datetime,
    ) -> None:
        """``kept`` is the file of the last good copy.

        ``announce`` runs before a new document takes effect; if it raises, nothing changes.
        """
        self.policy = policy
        self._read = read
        self._kept = kept
        self._announce = announce
        self._started = started
        self._state = _State()
        self._working = threading.Lock()
        self._taken = False
        """Whether what ``read`` brought last is the copy in use."""

    @property
    def anchor(self) -> TrustAnchor:
        return self.policy.anchor

    @property
    def name(self) -> str:
        """As the log calls it."""
        return self.anchor.id

    def load(self, now: datetime) -> None:
        """Take the kept copy of an earlier run, if it still verifies; raises nothing."""
        if self._kept is None:
            return
        with self._working:
            try:
                octets = self._kept.read_bytes()
                document = verify_document(octets, self.policy, now=now)
            except FileNotFoundError:
                return
            except (TrustError, OSError) as error:
                _log.warning("kept metadata of %s not used: %s", self.anchor.id, reason_of(error))
                return
            # announced when it was fetched
            self._state = _State(document, Freshness.of_kept_copy(now))

    def refresh(self, now: datetime) -> None:
        """Fetch, verify and take the current document.

        Raises TrustError when it was refused; the copy held before then stays in use.
        """
        with self._working:
            with failures_told(lambda reason: self._fail(reason, now)):
                require_active(self.anchor, now)
                octets = self._read(held=self._taken)
                if octets is None:
                    self._confirm(now)
                    return
                self._taken = False
                self._accept(verify_document(octets, self.policy, now=now), now)
                self._taken = True
            self._keep(octets)

    def document(self, now: datetime) -> MetadataDocument:
        """The document in use.

        Raises MetadataError ``metadata.anchor-inactive``, ``metadata.unavailable`` (never had
        one) or ``metadata.expired``.
        """
        require_active(self.anchor, now)
        document = self._state.document
        if document is None:
            raise MetadataError("metadata.unavailable", self.anchor.id)
        if document.valid_until <= now:
            raise MetadataError("metadata.expired", self.anchor.id)
        return document

    def peer(self, entity_id: str, now: datetime, role: MetadataRole) -> PeerMetadata:
        """One peer of the document in use.

        Raises MetadataError as ``document`` does, ``metadata.unknown-entity``,
        ``metadata.entity-dropped`` with the reason as detail, or ``metadata.expired``.
        """
        document = self.document(now)
        peer = document.peers.get((entity_id, role))
        if peer is None:
            for entity in document.dropped:
                if entity.entity_id == entity_id:
                    raise MetadataError("metadata.entity-dropped", entity.reason)
            raise MetadataError("metadata.unknown-entity", self.anchor.id)
        if peer.valid_until <= now:
            raise MetadataError("metadata.expired", entity_id)
        return peer

    def peers(self, now: datetime) -> tuple[PeerMetadata, ...]:
        """Every peer usable at ``now``; none when the source is down. Raises nothing."""
        try:
            document = self.document(now)
        except MetadataError:
            return ()
        return tuple(peer for peer in document.peers.values() if peer.valid_until > now)

    def held(self) -> MetadataDocument | None:
        """The copy held, valid or not: for people who look at it, never for a login."""
        return self._state.document

    def due(self, now: datetime) -> bool:
        return is_due(self.next_refresh(), now)

    def next_refresh(self) -> datetime:
        """When ``refresh`` is due again."""
        return self._state.freshness.next_refresh or self._started

    def status(self, now: datetime) -> SourceStatus:
        """How this source is at ``now``."""
        state = self._state
        document, freshness = state.document, state.freshness
        reason, since = freshness.reason, freshness.since or self._started
        try:
            self.document(now)
            word = SourceState.OK if reason is None else SourceState.STALE
        except MetadataError as error:
            word = SourceState.DOWN
            reason = freshness.reason or error.reason
            if error.reason == "metadata.anchor-inactive":
                reason = error.reason
            elif document is not None:
                since = document.valid_until
        return SourceStatus(
            anchor=self.anchor.id,
            state=word,
            since=since,
            reason=reason,
            valid_until=None if document is None else document.valid_until,
            next_refresh=self.next_refresh(),
            refreshed_at=freshness.refreshed_at,
            tried_at=freshness.tried_at,
            spent=_spent(state, now),
            entities=0 if document is None else len(document.peers),
            dropped=() if document is None else document.dropped,
            alerts=()
            if document is None
            else tuple(f"{p.entity_id} {alert}" for p in document.peers.values() for alert in p.alerts),
        )

    def _accept(self, document: MetadataDocument, now: datetime) -> None:
        held = self._state.document
        if held is not None and document.older_than(held):
            raise MetadataError("metadata.rollback", "older than the copy held")
        new = held is None or held.sha256 != document.sha256
        # kept means announced: by this process, by an earlier one, or by another one of this host
        if self._announce is not None and new and not holds(self._kept, document.sha256):
            self._announce(_change(held, document))
        taken = self._state.freshness.accepted(now, next_refresh=refresh_time(document, now))
        self._state = _State(document, taken)

    def _fail(self, reason: str, now: datetime) -> None:
        self._state = replace(self._state, freshness=self._state.freshness.failed(reason, now))

    def _confirm(self, now: datetime) -> None:
        """Not modified: the copy held is current, and lives no longer for that."""
        due = refresh_time(self.document(now), now)
        self._state = replace(self._state, freshness=self._state.freshness.confirmed(now, next_refresh=due))

    def _keep(self, octets: bytes) -> None:
        """For the next start; a full disk must not stop logins."""
        if self._kept is not None:
            keep(self._kept, octets, what=f"metadata of {self.anchor.id}")


def refresh_time(document: MetadataDocument, now: datetime) -> datetime:
    """min(cacheDuration, (validUntil − now) / 2), but at least 5 minutes and at most 24 hours."""
    wait = (document.valid_until - now) / 2
    if document.cache_duration is not None:
        wait = min(wait, document.cache_duration)
    return now + min(max(wait, SHORTEST_REFRESH), LONGEST_REFRESH)


def source_for(
    policy: DocumentPolicy,
    *,
    config_dir: Path,
    keep_dir: Path | None,
    fetch_policy: FetchPolicy,
    announce: Announce | None = None,
    started: datetime,
) -> MetadataSource:
    """The source of an anchor as the bundle declares it: by ``url``, ``mdq``, or ``file`` under ``config_dir``.

    Raises MetadataError ``metadata.location`` unless it is exactly one of them.
    """
    location = policy.anchor.metadata
    url = _address(policy.anchor)
    return MetadataSource(
        policy,
        read=reader(url, location.file, config_dir, fetch_policy, policy.shape.max_bytes),
        # a file is its own copy
        kept=None if keep_dir is None or url is None else keep_dir / f"{policy.anchor.id}.xml",
        announce=announce,
        started=started,
    )


def reader(
    url: str | None, file: str | None, config_dir: Path, fetch_policy: FetchPolicy, max_bytes: int
) -> Read:
    """What brings the octets of ``url`` or of ``file``."""
    if url is not None:
        return ConditionalFetch(url, fetch_policy, max_bytes)
    path = config_dir / (file or "")

    def read(*, held: bool) -> bytes:  # noqa: ARG001  a file is read anew each time
        with path.open("rb") as opened:
            return opened.read(max_bytes + 1)

    return read


def _address(anchor: TrustAnchor) -> str | None:
    """Where to fetch, None for a file. Raises MetadataError ``metadata.location``."""
    location = anchor.metadata
    if sum(place is not None for place in (location.url, location.file, location.mdq)) != 1:
        raise MetadataError("metadata.location", f"{anchor.id}: exactly one of url, file and mdq")
    if location.mdq is None:
        return location.url
    if location.aggregate or len(location.entity_ids) != 1:
        raise MetadataError("metadata.location", f"{anchor.id}: mdq is for exactly one entity")
    return address(location.mdq, location.entity_ids[0], sha1=location.mdq_sha1)


def _spent(state: _State, now: datetime) -> float:
    if state.document is None or state.freshness.accepted_at is None:
        return 1.0
    return spent(state.freshness.accepted_at, state.document.valid_until, now)


def _change(held: MetadataDocument | None, new: MetadataDocument) -> MetadataChange:
    before = {} if held is None else dict(held.peers)
    names = {entity_id for entity_id, _ in new.peers}
    names_before = {entity_id for entity_id, _ in before}
    rekeyed = {
        key[0] for key, peer in new.peers.items() if key in before and _keys(before[key]) != _keys(peer)
    }
    return MetadataChange(
        anchor=new.anchor,
        sha256=new.sha256,
        previous_sha256=None if held is None else held.sha256,
        valid_until=new.valid_until,
        added=tuple(sorted(names - names_before)),
        removed=tuple(sorted(names_before - names)),
        rekeyed=tuple(sorted(rekeyed)),
    )


def _keys(peer: PeerMetadata) -> tuple[frozenset[PinnedKey], frozenset[PinnedKey]]:
    return frozenset(peer.signing_keys), frozenset(peer.pending_keys)
