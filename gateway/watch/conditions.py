"""Which alerts hold: pure functions of an ``Observation``.

An alert about the whole installation has the same key in every process that sees it. One about a machine (its
clock, its keys, its view of the registry) ends in ``@<machine>``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.expiry import Band, ExpiryKind
from gateway.settings.watch import Severity
from gateway.watch.alerts import Alert, clean
from gateway.watch.observation import Observation
from gateway.watch.registry_conditions import registry_alerts
from gateway.watch.words import at
from trust.approved_keys import PENDING, WITHDRAWN

FAILED_REFRESH = timedelta(minutes=15)
"""One attempt that fails is no news; the third is."""
STALE, NEARLY_DOWN = 0.5, 0.8
"""Share of the copy's life that is over (security.md D.2)."""
JUMP = timedelta(seconds=60)
_NO_DATABASE = {"registry.unavailable", "registry.not-followed"}
PROBES = 2
TASK_TURNS = 3

_BANDS = {
    Band.DAYS_90: (Severity.INFORMATION, 1),
    Band.DAYS_30: (Severity.INFORMATION, 2),
    Band.DAYS_14: (Severity.WARNING, 3),
    Band.DAYS_7: (Severity.WARNING, 4),
    Band.DAYS_1: (Severity.CRITICAL, 5),
    Band.EXPIRED: (Severity.CRITICAL, 6),
}
_ELSEWHERE = {ExpiryKind.METADATA, ExpiryKind.PROPOSAL, ExpiryKind.REVIEW, ExpiryKind.OWN_KEY}
"""Told with more than their day, below; a step of an own key's calendar happens by itself."""
_SUSPENDED = {"metadata.anchor-inactive", "source.inactive", "suspended"}
"""Not a fault: somebody decided it."""
_WITH_THEIR_METADATA = {"metadata.unavailable", "metadata.expired"}


def alerts(seen: Observation) -> tuple[Alert, ...]:
    """Everything that holds, each key once."""
    found = (
        *_expiries(seen),
        *_sources(seen),
        *_waiting_keys(seen),
        *_peers(seen),
        *(() if seen.registry is None else registry_alerts(seen.registry, seen.node, seen.now)),
        *_machine(seen),
        *_log(seen),
        *_background(seen),
    )
    # A database that is away explains why nobody can follow the registry; one alert is enough.
    return tuple(
        {
            alert.key: alert
            for alert in found
            if seen.database is None or alert.values.get("reason", "").partition(":")[0] not in _NO_DATABASE
        }.values()
    )


def _expiries(seen: Observation) -> Iterator[Alert]:
    for expiry in seen.expiries:
        if not expiry.pressing or expiry.kind in _ELSEWHERE or expiry.band not in _BANDS:
            continue
        severity, level = _BANDS[expiry.band]
        yield Alert(
            key=f"expiry/{expiry.key}",
            kind="expired" if expiry.band is Band.EXPIRED else "expiry",
            severity=severity,
            level=level,
            values={
                "what": f"@what.{expiry.kind.value}",
                "subject": clean(expiry.subject),
                "detail": clean(expiry.detail or "–"),
                "when": at(expiry.when),
                "days": str(max(0, (expiry.when - seen.now).days)),
            },
            link=expiry.link,
        )


def _sources(seen: Observation) -> Iterator[Alert]:
    # Anchors that a source made have no page of their own; the list of ends knows whose they have.
    pages = {one.key: one.link for one in seen.expiries}
    for source in seen.sources:
        state, reason = source.state.value, source.reason or ""
        if state == "ok" or reason in _SUSPENDED:
            continue
        if state == "down":
            kind, severity, level = "metadata-down", Severity.CRITICAL, 3
        elif source.spent >= NEARLY_DOWN:
            kind, severity, level = "metadata-stale", Severity.CRITICAL, 2
        elif source.spent >= STALE:
            kind, severity, level = "metadata-stale", Severity.WARNING, 1
        elif seen.now - source.since >= FAILED_REFRESH:
            kind, severity, level = "metadata-refresh", Severity.INFORMATION, 0
        else:
            continue
        yield Alert(
            key=f"metadata/{source.anchor}",
            kind=kind,
            severity=severity,
            level=level,
            values={
                "anchor": source.anchor,
                "reason": clean(reason),
                "percent": str(round(source.spent * 100)),
                "when": at(source.valid_until),
            },
            link=pages.get(f"{ExpiryKind.METADATA}/{source.anchor}", "/expiry"),
        )


def _waiting_keys(seen: Observation) -> Iterator[Alert]:
    """New signing keys of peers that two people have not approved (``key_changes = "propose"``)."""
    for source in seen.sources:
        words = [alert.rpartition(" ") for alert in source.alerts]
        waiting = sorted({peer for peer, _, word in words if word == PENDING})
        if not waiting:
            continue
        only_old = any(word == WITHDRAWN for _, _, word in words)
        yield Alert(
            key=f"keys/{source.anchor}",
            kind="keys-changed" if only_old else "keys-waiting",
            severity=Severity.CRITICAL if only_old else Severity.WARNING,
            level=int(only_old),
            values={"anchor": source.anchor, "peers": clean(", ".join(waiting))},
            link="/changes",
        )


def _peers(seen: Observation) -> Iterator[Alert]:
    """Peers that are out although their metadata, if there are any, are not."""
    gone = {source.since for source in seen.sources if source.state.value == "down"}
    for connector, statuses in seen.peers.items():
        out: dict[str, list[str]] = {}
        why: dict[str, str] = {}
        for status in statuses:
            told = status.reason in _WITH_THEIR_METADATA and status.since in gone
            if status.state == "down" and status.reason not in _SUSPENDED and not told:
                out.setdefault(status.peer, []).append(status.country or "")
                why[status.peer] = status.reason or ""
        for peer, countries in out.items():
            yield Alert(
                key=f"peer/{connector}/{peer}",
                kind="peer-down",
                severity=Severity.CRITICAL,
                values={
                    "connector": connector,
                    "peer": clean(peer),
                    "countries": clean(", ".join(sorted(filter(None, countries))) or "–"),
                    "reason": clean(why[peer]),
                },
                link=f"/connectors/{connector}",
            )


def _machine(seen: Observation) -> Iterator[Alert]:
    node = seen.node
    if seen.store is not None:
        yield _here("store", node, Severity.CRITICAL, reason=seen.store)
    if seen.database is not None:
        yield _here("database", node, Severity.CRITICAL, reason=seen.database)
    for name, reason in seen.keys.items():
        yield _here("key", node, Severity.CRITICAL, about=name, key=name, reason=reason)
    for name, purpose in seen.staying.items():
        yield Alert(
            key=f"key-stays/{name}",
            kind="key-stays",
            severity=Severity.WARNING,
            values={"key": name, "purpose": purpose},
            link="/keys",
        )
    if abs(seen.jump) >= JUMP:
        yield _here("clock-jump", node, Severity.WARNING, seconds=f"{seen.jump.total_seconds():+.0f}")


def _here(kind: str, node: str, severity: Severity, *, about: str = "", **values: str) -> Alert:
    return Alert(
        key=f"{kind}/{about}@{node}" if about else f"{kind}@{node}",
        kind=kind,
        severity=severity,
        values={name: clean(value) for name, value in values.items()} | {"node": clean(node)},
        link="/health",
    )


def _log(seen: Observation) -> Iterator[Alert]:
    for one in seen.log:
        tree = one.tree
        if one.broken is not None:
            yield _of_log("log-broken", "broken", tree, Severity.CRITICAL, reason=clean(one.broken))
        if one.late_since is not None:
            yield _of_log("log-late", "late", tree, Severity.WARNING, since=at(one.late_since))
        for target, failing in one.unexported.items():
            yield _of_log(
                "log-export",
                f"export/{target}",
                tree,
                Severity.WARNING,
                target=clean(target),
                reason=clean(failing.reason),
                since=at(failing.since),
            )


def _of_log(kind: str, about: str, tree: str, severity: Severity, **values: str) -> Alert:
    return Alert(
        key=f"log/{tree}/{about}", kind=kind, severity=severity, values=values | {"tree": tree}, link="/log"
    )


def _background(seen: Observation) -> Iterator[Alert]:
    for probe in seen.probes:
        if probe.failing.times >= PROBES:
            way = probe.connector if probe.country is None else f"{probe.connector}/{probe.country}"
            yield Alert(
                key=f"probe/{way}",
                kind="probe",
                severity=Severity.CRITICAL,
                values={
                    "way": way,
                    "times": str(probe.failing.times),
                    "reason": clean(probe.failing.reason),
                    "since": at(probe.failing.since),
                },
                link="/probes",
            )
    for task in seen.tasks:
        if _overdue(task.failing.since, task.seconds, seen.now):
            yield _here(
                "task",
                seen.node,
                Severity.WARNING,
                about=task.name,
                task=task.name,
                reason=task.failing.reason,
            )
    for channel, failing in seen.channels.items():
        yield Alert(
            key=f"channel/{channel}",
            kind="channel",
            severity=Severity.WARNING,
            values={"channel": channel, "reason": clean(failing.reason), "since": at(failing.since)},
            link="/health",
        )


def _overdue(since: datetime, seconds: float, now: datetime) -> bool:
    return now - since >= timedelta(seconds=seconds * TASK_TURNS)
