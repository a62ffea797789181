"""The task ``sources``: reads what sources list, and proposes what differs from what is in force.

Sources that two people have made automatic are followed by each node by itself (``trust.metadata_list``); this
task neither sees nor changes them. It runs once in the installation and only where the registry rules.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import monotonic

from connectors.peer_facts import PeerFacts, TellsPeers
from connectors.saml.surroundings import Surroundings, metadata_list
from gateway.background import Task
from gateway.bundle import Configuration
from gateway.following import rules
from gateway.live import Generation, Live
from gateway.proposals.machine import Wanted, propose_new, withdraw_overtaken
from gateway.proposals.pins import pin_edits
from gateway.proposals.sources import Listing, listed_edits
from gateway.sources import surroundings_of
from trust.commission_list import MAXIMUM_BYTES, read_commission_list
from trust.errors import MetadataError, TrustError
from trust.fetch import fetch
from trust.freshness import is_due
from trust.listed_anchors import listed_anchors
from trust.log import AppendOnlyLog
from trust.metadata import DroppedEntity
from trust.metadata_list import MetadataList
from trust.outgoing import FetchPolicy
from trust.registry import Fold, Registry, RegistryError
from trust.servicelist import ListedLocation
from trust.sources import Activation, SourceKind, SourceSettings

_log = logging.getLogger("gateway.sources")

NAME = "sources"
SECONDS = 60.0
_AGAIN = timedelta(minutes=5)
_LONGEST = 200
_PATIENCE = 60.0
"""Seconds for all files of one source: whoever ends the process waits for the turn under way."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_SAYS_NOTHING = frozenset({"entity.country-not-covered", "servicelist.suspended", "commission.inactive"})
"""Reasons to leave something out that are themselves a statement, not a doubt."""


@dataclass(slots=True)
class _Import:
    """One source with what it said last."""

    settings: SourceSettings
    directory: Path
    listing: MetadataList | None
    due: datetime
    said: Listing | None = None
    seen: datetime = _NEVER
    """When that was read at its origin."""
    reason: str | None = None


@dataclass(slots=True)
class SourceTask:
    """See the module docstring. ``run`` is for ``gateway.background.Task``."""

    live: Live
    registry: Registry
    surroundings: Callable[[Configuration], Surroundings]
    clock: Callable[[], datetime]
    _imports: dict[str, _Import] = field(default_factory=dict)

    async def run(self) -> None:
        await asyncio.to_thread(self.round)

    def round(self) -> None:
        """One look at everything; raises nothing that a source or the registry may cause."""
        generation, now = self.live.current, self.clock()
        fold = generation.fold
        if fold is None or not rules(fold):
            return
        try:
            wanted = [*self._from_sources(generation, fold, now), *_from_keys(generation, fold, now)]
            seen = {**self._seen(), **_held_since(generation, now)}
            for proposal in withdraw_overtaken(self.registry, wanted, seen, now=now):
                _log.info(
                    "withdrawn", extra={"peer": proposal.change.proposer, "reason": proposal.change_hash}
                )
            for proposal in propose_new(self.registry, wanted, now=now):
                _log.info(
                    "proposed", extra={"peer": proposal.change.proposer, "reason": proposal.change_hash}
                )
        except RegistryError as error:
            _log.warning("sources wait for the registry", extra={"reason": str(error)})

    def problems(self) -> Mapping[str, str]:
        """By source, why what it lists could not be read, as far as this process has tried."""
        return {name: found.reason for name, found in self._imports.items() if found.reason is not None}

    def _from_sources(self, generation: Generation, fold: Fold, now: datetime) -> Iterator[Wanted]:
        configuration = generation.configuration
        known, self._imports = self._imports, {}
        for name, source in configuration.sources.items():
            if source.activation is Activation.AUTOMATIC or not source.active_at(now):
                continue
            found = known.get(name)
            if found is None or (found.settings, found.directory) != (source, configuration.directory):
                found = self._import(source, generation, now)
            self._imports[name] = found
            self._read(found, generation, now)
            if found.said is None:
                continue
            for country, edits in listed_edits(fold.state, source, found.said, now=now):
                yield Wanted(
                    proposer=f"source/{name}",
                    edits=tuple(edits),
                    reason=f"{country}: the list of source {name} differs from what is in force",
                    evidence=found.said.evidence,
                    seen=found.seen,
                )

    def _seen(self) -> dict[str, datetime]:
        """Sources of which nothing is in doubt: what is not wanted of them is not listed."""
        return {
            f"source/{name}": found.seen
            for name, found in self._imports.items()
            if found.said is not None and not found.said.doubtful
        }

    def _import(self, source: SourceSettings, generation: Generation, now: datetime) -> _Import:
        surroundings = self.surroundings(generation.configuration)
        listing = None
        if source.kind is not SourceKind.COMMISSION:
            listing = metadata_list(source, surroundings, deviations=lambda _: (), now=now)
            listing.load(now)
        return _Import(source, generation.configuration.directory, listing, due=now)

    def _read(self, found: _Import, generation: Generation, now: datetime) -> None:
        if not is_due(found.due, now):
            return
        try:
            if found.listing is None:
                found.said = _commission(found.settings, self.surroundings(generation.configuration))
                found.seen = now
            else:
                found.said = _listed(found.listing, now)
                found.seen = _read_at(found.listing, now)
        except (TrustError, OSError) as error:
            found.said = None
            found.reason = error.reason if isinstance(error, TrustError) else "metadata.unreadable"
            found.due = now + _AGAIN
            _log.warning("list not read", extra={"peer": found.settings.id, "reason": found.reason})
        else:
            found.reason = None
            found.due = now + timedelta(minutes=found.settings.refresh_minutes)


def _listed(listing: MetadataList, now: datetime) -> Listing:
    listing.refresh(now)
    held = listing.held()
    if held is None:  # a query service: what is asked for is decided, only anchors are missing
        return Listing(anchors=listing.listed(now), evidence="entities as the source names them")
    number = "" if held.sequence is None else f", number {held.sequence}"
    return Listing(
        anchors=listing.listed(now),
        doubtful=_doubtful(held.dropped),
        evidence=f"{_name(held.scheme_identifier)} of {_name(held.issuer_name)}, issued {held.issued:%Y-%m-%dT%H:%M:%SZ}"
        f"{number}, SHA-256 {held.sha256}; signature verified",
    )


def _read_at(listing: MetadataList, now: datetime) -> datetime:
    """When its origin said so; where nothing is held, it follows from the settings, which are those of now."""
    if listing.held() is None:
        return now
    return listing.status(now).refreshed_at or _NEVER


def _name(text: str) -> str:
    """What a list calls itself, as a part of a sentence that people sign: it neither ends nor hides the rest."""
    return "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text[:_LONGEST])


def _commission(source: SourceSettings, surroundings: Surroundings) -> Listing:
    """All countries, or none: a list that was read by half says nothing."""
    locations: list[ListedLocation] = []
    dropped: list[DroppedEntity] = []
    digests = []
    for octets in _octets(source, surroundings.config_dir, surroundings.fetch_policy):
        found = read_commission_list(
            octets,
            countries=frozenset(source.countries),
            environment=source.environment,
            allow_http_loopback=surroundings.development,
        )
        locations += found.locations
        dropped += found.dropped
        digests.append(found.sha256)
    return Listing(
        anchors=listed_anchors(source, locations),
        doubtful=_doubtful(dropped),
        evidence=f"unsigned list, SHA-256 {', '.join(digests)}; compare the fingerprints by another way",
    )


def _octets(source: SourceSettings, directory: Path, policy: FetchPolicy) -> Iterator[bytes]:
    place = source.url or source.file or ""
    codes = ["EL" if country == "GR" else country for country in source.countries]
    places = [place.replace("{country}", code) for code in codes] if "{country}" in place else [place]
    json = replace(policy, content_types=frozenset({"application/json"}))
    end = monotonic() + _PATIENCE
    for name in places:
        if monotonic() > end:
            raise MetadataError("fetch.timeout", "all countries together")
        if source.url is not None:
            yield fetch(name, policy=json, max_bytes=MAXIMUM_BYTES)
        else:
            with (directory / name).open("rb") as file:
                yield file.read(MAXIMUM_BYTES + 1)


def _doubtful(dropped: list[DroppedEntity] | tuple[DroppedEntity, ...]) -> frozenset[str]:
    return frozenset(
        "GR" if entry.entity_id == "EL" else entry.entity_id
        for entry in dropped
        if entry.reason not in _SAYS_NOTHING
    )


def _from_keys(generation: Generation, fold: Fold, now: datetime) -> Iterator[Wanted]:
    since = _held_since(generation, now)
    for peer, edit in pin_edits(fold.state, _facts(generation, now)):
        yield Wanted(
            proposer=f"anchor/{peer.anchor}",
            edits=(edit,),
            reason=f"signing keys in the signed metadata of {peer.peer}",
            evidence="the metadata verify with the anchor; compare the fingerprints by another way",
            seen=since.get(f"anchor/{peer.anchor}", _NEVER),
        )


def _facts(generation: Generation, now: datetime) -> list[PeerFacts]:
    return [
        peer
        for connector in generation.connectors.values()
        if isinstance(connector, TellsPeers)
        for peer in connector.peer_facts()
        if peer.valid_until is not None and peer.valid_until > now
    ]


def _held_since(generation: Generation, now: datetime) -> dict[str, datetime]:
    """Anchors whose metadata are held, and when they were read; of several copies, the oldest."""
    held = {peer.anchor for peer in _facts(generation, now)}
    since: dict[str, datetime] = {}
    for connector in generation.connectors.values():
        if not isinstance(connector, TellsPeers):
            continue
        for status in connector.sources(now=now):
            if status.anchor in held:
                name = f"anchor/{status.anchor}"
                since[name] = min(status.refreshed_at or _NEVER, since.get(name, now))
    return since


def source_task(live: Live, registry: Registry, log: AppendOnlyLog, *, clock: Callable[[], datetime]) -> Task:
    """Once in the installation, each minute."""
    work = SourceTask(
        live=live, registry=registry, surroundings=partial(surroundings_of, log=log), clock=clock
    )
    return Task(name=NAME, seconds=SECONDS, run=work.run)
