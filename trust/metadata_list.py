"""A source of metadata at work: each node fetches its list, verifies it, and follows it by itself.

::

    list ──verify──▶ newer than the one held? ──▶ announce ──▶ anchors, each with a ``MetadataSource``

Nothing but the source's settings and the signature on the list says what is believed. A list that is refused
leaves the one held in use until its ``NextUpdate``; after that nothing of it is (freeze). The last good list
lies in a file; an outdated one there still says what would be a step back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from trust.errors import MetadataError, TrustError
from trust.freshness import SHORTEST_REFRESH, Freshness, failures_told, is_due, reason_of, spent
from trust.kept_copy import holds, keep
from trust.listed_anchors import ListedAnchor, listed_anchors, queried_anchors
from trust.metadata_source import (
    Announce,
    MetadataChange,
    MetadataSource,
    Read,
    SourceState,
    SourceStatus,
)
from trust.pinned import PinnedKey
from trust.servicelist import ListPolicy, MetadataServiceList, verify_service_list
from trust.sources import SourceKind, SourceSettings

_log = logging.getLogger(__name__)

MakeSource = Callable[[ListedAnchor], MetadataSource]


@dataclass(frozen=True, slots=True)
class _State:
    held: MetadataServiceList | None = None
    floor: MetadataServiceList | None = None
    """The newest ever verified here, perhaps outdated."""
    sources: tuple[tuple[ListedAnchor, MetadataSource], ...] = ()
    freshness: Freshness = field(default_factory=Freshness)


class MetadataList:
    """What one automatic source makes us believe. Reading is lock-free."""

    def __init__(
        self,
        settings: SourceSettings,
        policy: ListPolicy,
        *,
        read: Read,
        make: MakeSource,
        kept: Path | None = None,
        announce: Announce | None = None,
        started: datetime,
    ) -> None:
        """``make`` gives the metadata of an anchor, not yet loaded; ``kept`` is the file of the last list."""
        self.settings = settings
        self._policy = policy
        self._read = read
        self._make = make
        self._kept = kept
        self._announce = announce
        self._started = started
        self._state = _State()
        self._working = threading.Lock()
        self._taken = False

    @property
    def id(self) -> str:
        return self.settings.id

    @property
    def name(self) -> str:
        """As status and log call it."""
        return f"source/{self.id}"

    def load(self, now: datetime) -> None:
        """Take the kept list of an earlier run, if it still verifies; raises nothing."""
        with self._working:
            if self.settings.kind is SourceKind.MDQ:
                self._follow(queried_anchors(self.settings, self._policy.certificates), now)
                return
            if self._kept is None:
                return
            try:
                listed = verify_service_list(self._kept.read_bytes(), self._policy, now=now)
            except FileNotFoundError:
                return
            except (TrustError, OSError) as error:
                _log.warning("kept list of %s not used: %s", self.name, reason_of(error))
                return
            kept = Freshness.of_kept_copy(now)
            self._state = replace(self._state, held=listed, floor=listed, freshness=kept)
            self._follow(listed_anchors(self.settings, listed.locations), now)

    def due(self, now: datetime) -> bool:
        return self.settings.kind is not SourceKind.MDQ and is_due(self.next_refresh(), now)

    def next_refresh(self) -> datetime:
        return self._state.freshness.next_refresh or self._started

    def refresh(self, now: datetime) -> None:
        """Fetch, verify and follow the current list. Raises TrustError when it was refused."""
        if self.settings.kind is SourceKind.MDQ:
            return
        with self._working:
            with failures_told(lambda reason: self._fail(reason, now)):
                self._require_active(now)
                octets = self._read(held=self._taken)
                if octets is None:
                    self._confirm(now)
                    return
                self._taken = False
                listed = verify_service_list(octets, self._policy, now=now)
                self._accept(listed, now)
                self._taken = True
            if self._kept is not None:
                keep(self._kept, octets, what=f"list of {self.name}")

    def listed(self, now: datetime) -> tuple[ListedAnchor, ...]:
        """What the list says at ``now``; raises MetadataError as ``for_country`` does."""
        self._require_usable(now)
        return tuple(anchor for anchor, _ in self._state.sources)

    def held(self) -> MetadataServiceList | None:
        """The list held, outdated or not: for evidence."""
        return self._state.held

    def sources(self) -> tuple[MetadataSource, ...]:
        """The metadata of every listed anchor, usable or not."""
        return tuple(source for _, source in self._state.sources)

    def usable(self, now: datetime) -> bool:
        """Whether what is listed may be believed at ``now``."""
        try:
            self._require_usable(now)
        except MetadataError:
            return False
        return True

    def for_country(self, country: str, now: datetime) -> tuple[MetadataSource, ...]:
        """The metadata that the list names for ``country``.

        Raises MetadataError ``source.inactive``, ``servicelist.unavailable`` or ``servicelist.outdated``.
        """
        self._require_usable(now)
        return tuple(source for anchor, source in self._state.sources if anchor.country == country)

    def status(self, now: datetime) -> SourceStatus:
        """The list itself; its anchors have their own."""
        state = self._state
        freshness = state.freshness
        reason, since = freshness.reason, freshness.since or self._started
        word = SourceState.OK if reason is None else SourceState.STALE
        try:
            self._require_usable(now)
        except MetadataError as error:
            word, reason = SourceState.DOWN, freshness.reason or error.reason
            if state.held is not None:
                since = min(now, state.held.next_update)
        return SourceStatus(
            anchor=self.name,
            state=word,
            since=since,
            reason=reason,
            valid_until=self.settings.end if state.held is None else state.held.next_update,
            next_refresh=self.next_refresh(),
            refreshed_at=freshness.refreshed_at,
            tried_at=freshness.tried_at,
            spent=_spent(state, now) if self.settings.kind is not SourceKind.MDQ else 0.0,
            entities=len(state.sources),
            dropped=() if state.held is None else state.held.dropped,
            alerts=(),
        )

    def _require_active(self, now: datetime) -> None:
        if not self.settings.active_at(now):
            raise MetadataError(
                "source.inactive", f"{self.name} is {self.settings.state} or out of its dates"
            )

    def _require_usable(self, now: datetime) -> None:
        self._require_active(now)
        if self.settings.kind is SourceKind.MDQ:
            return
        if self._state.held is None:
            raise MetadataError("servicelist.unavailable", self.name)
        self._state.held.require_current(now)

    def _accept(self, listed: MetadataServiceList, now: datetime) -> None:
        listed.require_current(now)
        held, floor = self._state.held, self._state.floor
        if floor is not None and listed.older_than(floor):
            raise MetadataError("servicelist.rollback", "older than the list held")
        new = held is None or held.sha256 != listed.sha256
        if self._announce is not None and new and not holds(self._kept, listed.sha256):
            self._announce(_change(self.settings, self.name, held, listed))
        self._state = replace(
            self._state,
            held=listed,
            floor=listed,
            freshness=self._state.freshness.accepted(now, next_refresh=self._next(listed, now)),
        )
        self._follow(listed_anchors(self.settings, listed.locations), now)

    def _confirm(self, now: datetime) -> None:
        """Not modified: the list held is current, and lives no longer for that."""
        if self._state.held is None:
            raise MetadataError("servicelist.unavailable", self.name)
        self._state.held.require_current(now)
        due = self._next(self._state.held, now)
        self._state = replace(self._state, freshness=self._state.freshness.confirmed(now, next_refresh=due))

    def _next(self, listed: MetadataServiceList, now: datetime) -> datetime:
        wait = min((listed.next_update - now) / 2, timedelta(minutes=self.settings.refresh_minutes))
        return now + max(wait, SHORTEST_REFRESH)

    def _fail(self, reason: str, now: datetime) -> None:
        self._state = replace(self._state, freshness=self._state.freshness.failed(reason, now))

    def _follow(self, wanted: tuple[ListedAnchor, ...], now: datetime) -> None:
        """Metadata of what stays are kept; of what is new they are loaded; the others are gone."""
        known = dict(self._state.sources)
        sources = []
        for anchor in wanted:
            source = known.get(anchor)
            if source is None:
                source = self._make(anchor)
                source.load(now)
            sources.append((anchor, source))
        self._state = replace(self._state, sources=tuple(sources))


def _spent(state: _State, now: datetime) -> float:
    if state.held is None:
        return 1.0
    return spent(state.held.issued, state.held.next_update, now)


def _change(
    settings: SourceSettings, name: str, held: MetadataServiceList | None, new: MetadataServiceList
) -> MetadataChange:
    before = {} if held is None else _keys(settings, held)
    after = _keys(settings, new)
    return MetadataChange(
        anchor=name,
        sha256=new.sha256,
        previous_sha256=None if held is None else held.sha256,
        valid_until=new.next_update,
        added=tuple(sorted(set(after) - set(before))),
        removed=tuple(sorted(set(before) - set(after))),
        rekeyed=tuple(sorted(place for place in set(after) & set(before) if after[place] != before[place])),
    )


def _keys(settings: SourceSettings, listed: MetadataServiceList) -> dict[str, set[tuple[str, str]]]:
    """By address: for which country which keys count. A list may name an address twice, so what is told is
    read from what is followed, and not once more from the list."""
    found: dict[str, set[tuple[str, str]]] = {}
    for followed in listed_anchors(settings, listed.locations):
        keys = (PinnedKey.from_certificate(der).fingerprint for der in followed.certificates)
        found.setdefault(followed.anchor.metadata.url or "", set()).update(
            (followed.country, k) for k in keys
        )
    return found
