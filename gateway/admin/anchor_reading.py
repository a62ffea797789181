"""Views of anchors and of sources of metadata, with what they brought."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Protocol

from connectors.peer_facts import PeerFacts
from gateway.admin.certificates import CertificateView, days_left
from gateway.admin.decisions import standing
from gateway.admin.partner_views import AnchorView, DocumentView, ExceptionView, PeerView, SourceView
from gateway.admin.sight import Sight, Vouching
from gateway.expiry import end_of, files, path
from trust.algorithms import NONE, Deviations
from trust.anchors import TrustAnchor
from trust.metadata_source import SourceStatus
from trust.partner_lint import Finding, Verdict, lint_peer
from trust.registry import ObjectKey, ObjectKind
from trust.registry.diff import grouped, plain
from trust.sources import SourceSettings

_TOLD = frozenset({Verdict.REFUSED, Verdict.EXCEPTION})


class Deviating(Protocol):
    """What exceptions of every kind have in common."""

    @property
    def kind(self) -> str: ...

    @property
    def until(self) -> date: ...

    @property
    def reason(self) -> str: ...


def anchor_view(sight: Sight, anchor: TrustAnchor) -> AnchorView:
    """An anchor, its certificate and what is held of its metadata."""
    until = end_of(anchor.valid_until)
    return AnchorView(
        anchor=anchor,
        standing=standing(sight.fold, ObjectKey(ObjectKind.ANCHOR, anchor.id), sight.now),
        certificates=_certificates(sight, (anchor.certificate,)),
        document=grouped(anchor.metadata_sha256 or ""),
        until=until,
        days_left=days_left(until, sight.now),
        documents=tuple(_documents(sight, lambda name: name == anchor.id)),
        used_by=_used_by(sight, lambda found: found.anchor == anchor.id),
    )


def source_view(sight: Sight, source: SourceSettings) -> SourceView:
    """A source, its signers and what follows from it."""
    lists = [one for _, one in sight.statuses() if one.anchor == f"source/{source.id}"]
    return SourceView(
        settings=source,
        standing=standing(sight.fold, ObjectKey(ObjectKind.SOURCE, source.id), sight.now),
        certificates=_certificates(sight, source.certificates),
        until=source.end,
        days_left=days_left(source.end, sight.now),
        status=lists[0] if lists else None,
        documents=tuple(_documents(sight, lambda name: name.startswith(f"{source.id}."))),
        used_by=_used_by(sight, lambda found: found.source == source.id),
        exceptions=exception_views(source.exceptions, sight.now),
        ends=sight.ends_of(frozenset({path("sources", source.id)})),
    )


def peer_view(facts: PeerFacts, now: datetime, deviations: Deviations = NONE) -> PeerView:
    """One entity. ``deviations``: the exceptions it has."""
    return PeerView(
        peer=plain(facts.peer),
        country=facts.country,
        role=facts.role,
        valid_until=facts.valid_until,
        keys=tuple(CertificateView.of_peer(key, now) for key in facts.keys),
        addresses=tuple(plain(address) for address in facts.addresses),
        levels=tuple(plain(level) for level in facts.levels),
        versions=tuple(plain(version) for version in facts.versions),
        software=plain(facts.software or ""),
        alerts=facts.alerts,
        findings=_findings(facts, now, deviations),
    )


def exception_views(listed: Iterable[Deviating], now: datetime) -> tuple[ExceptionView, ...]:
    """Deviations with the days they have left."""
    return tuple(
        ExceptionView(
            kind=str(one.kind),
            until=end_of(one.until),
            days_left=days_left(end_of(one.until), now),
            reason=plain(one.reason),
        )
        for one in listed
    )


def told(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """What a page shows of a lint: whatever is refused, needs an exception, or ends soon; each once."""
    return tuple(dict.fromkeys(one for one in found if one.verdict in _TOLD or one.ends_soon))


def _findings(facts: PeerFacts, now: datetime, deviations: Deviations) -> tuple[Finding, ...]:
    if facts.metadata is None:
        return ()
    return told(lint_peer(facts.metadata, now=now, deviations=deviations))


def _certificates(sight: Sight, named: Iterable[str | None]) -> tuple[CertificateView, ...]:
    return tuple(
        CertificateView.of(seen.certificate, sight.now)
        for file in named
        for seen in files.certificates(sight.configuration, file)
    )


def _documents(sight: Sight, wanted: Callable[[str], bool]) -> Iterator[DocumentView]:
    for connector, status in sight.statuses():
        if wanted(status.anchor):
            yield _document(sight, connector, status)


def _document(sight: Sight, connector: str, status: SourceStatus) -> DocumentView:
    facts = [one for one in sight.facts(connector) if one.anchor == status.anchor]
    return DocumentView(
        connector=connector,
        status=status,
        peers=tuple(peer_view(one, sight.now) for one in facts),
        dropped=tuple((plain(one.entity_id), one.reason, plain(one.detail)) for one in status.dropped),
        alerts=tuple(plain(alert) for alert in status.alerts),
    )


def _used_by(sight: Sight, wanted: Callable[[Vouching], bool]) -> tuple[tuple[str, str | None], ...]:
    return tuple(
        (connector, country)
        for connector in sight.configuration.connectors
        for found, country in sight.used_by(connector)
        if wanted(found)
    )
