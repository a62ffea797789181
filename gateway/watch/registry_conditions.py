"""Alerts about the registry: what waits for people, what must not be there, and who is behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.settings.watch import Severity
from gateway.watch.alerts import CLOCKS, Alert, clean
from gateway.watch.observation import RegistryStanding
from gateway.watch.words import at
from trust.registry import Fold, ObjectKind, Proposal, Status, signers, status

SOON = timedelta(hours=24)
"""A proposal about to expire, or a review about to be overdue."""
PATIENCE = timedelta(minutes=2)
"""A database that restarts is no news."""
_OBJECTS = 5


def registry_alerts(standing: RegistryStanding, node: str, now: datetime) -> Iterator[Alert]:
    """All of them."""
    fold = standing.fold
    yield from _proposals(fold, now)
    yield from _reviews(fold, now)
    if fold.ignored:
        last = fold.ignored[-1]
        yield Alert(
            key="registry/ignored",
            kind="registry-ignored",
            severity=Severity.CRITICAL,
            level=len(fold.ignored),
            values={"count": str(len(fold.ignored)), "seq": str(last.seq), "reason": clean(last.reason)},
            link="/changes",
            repeated=False,  # the rows stay, whatever people find out
        )
    if fold.bootstrap is not None and not standing.pinned:
        yield Alert(
            key=f"registry/unpinned@{node}",
            kind="registry-unpinned",
            severity=Severity.WARNING,
            values={"node": clean(node)},
            link="/people",
        )
    if standing.dated_back is not None:
        yield Alert(
            key="registry/dated-back",
            kind="registry-dated-back",
            severity=Severity.CRITICAL,
            level=standing.dated_back,
            values={"node": clean(node), "seq": str(standing.dated_back)},
            link="/changes",
            repeated=False,
        )
    yield from _behind(standing, node, now)
    if fold.time is not None and fold.time > now + CLOCKS:
        yield Alert(
            key=f"clock/registry@{node}",
            kind="clock-behind",
            severity=Severity.WARNING,
            values={"node": clean(node), "when": at(fold.time)},
            link="/health",
        )


def _proposals(fold: Fold, now: datetime) -> Iterator[Alert]:
    for proposal in fold.open_proposals():
        how = status(proposal, fold, now)
        if how is Status.PENDING:
            yield _pending(proposal, fold, now)
        elif how is Status.CONFLICT:
            yield _about(proposal, "proposal-conflict", Severity.INFORMATION)
        elif how is Status.READY and now - _ready_since(proposal, fold) >= PATIENCE:
            yield _about(proposal, "proposal-stuck", Severity.WARNING)


def _pending(proposal: Proposal, fold: Fold, now: datetime) -> Alert:
    change, signed = proposal.change, signers(proposal, fold.state)
    soon = change.expires_at - now <= SOON
    return _about(
        proposal,
        "proposal-pending",
        Severity.WARNING,
        level=1 if soon else 0,
        people=tuple(sorted(_approvers(fold) - set(signed))),
        missing=str(change.change_class.people - len(signed)),
        when=at(change.expires_at),
    )


def _about(
    proposal: Proposal,
    kind: str,
    severity: Severity,
    *,
    level: int = 0,
    people: tuple[str, ...] = (),
    **values: str,
) -> Alert:
    change = proposal.change
    touched = [str(edit.key) for edit in change.edits]
    more = f" (+{len(touched) - _OBJECTS})" if len(touched) > _OBJECTS else ""
    return Alert(
        key=f"proposal/{proposal.change_hash}",
        kind=kind,
        severity=severity,
        level=level,
        # Neither reason nor evidence nor names: people write there what is not for every mailbox.
        values=values
        | {
            "change": proposal.change_hash[:16],
            "class": f"@class.{change.change_class.value}",
            "objects": clean(", ".join(touched[:_OBJECTS]) + more),
        },
        link=f"/changes/{proposal.change_hash}",
        people=people,
    )


def _ready_since(proposal: Proposal, fold: Fold) -> datetime:
    """Not before: the last entry of the log may have been its last signature."""
    change = proposal.change
    last = fold.time or change.proposed_at
    return last if change.not_before is None else max(last, change.not_before)


def _approvers(fold: Fold) -> set[str]:
    people = fold.state.keys(ObjectKind.APPROVER)
    return {
        key.id for key in people if fold.state.objects[key].document.get("role", "approver") == "approver"
    }


def _reviews(fold: Fold, now: datetime) -> Iterator[Alert]:
    for key, suspension in fold.suspensions.items():
        due = suspension.review_due
        if due is None:
            continue
        late = due <= now
        yield Alert(
            key=f"review/{key}",
            kind="review-overdue" if late else "review-due",
            severity=Severity.CRITICAL if late else Severity.WARNING,
            level=2 if late else 1 if due - now <= SOON else 0,
            values={"object": clean(str(key)), "since": at(suspension.since), "when": at(due)},
            link=f"/changes/{suspension.change_hash}",
        )


def _behind(standing: RegistryStanding, node: str, now: datetime) -> Iterator[Alert]:
    silent = standing.checked_at is None or now - standing.checked_at >= PATIENCE
    problem = standing.problem
    if problem is not None and problem.startswith("registry.unavailable") and not silent:
        problem = None
    if problem is None and silent and standing.checked_at is not None:
        problem = "registry.not-followed"
    if problem is not None:
        yield Alert(
            key=f"registry/behind@{node}",
            kind="registry-behind",
            severity=Severity.CRITICAL,
            values={"node": clean(node), "reason": clean(problem), "since": at(standing.checked_at)},
            link="/health",
        )
