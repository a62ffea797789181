"""Who decided what is in force about an object, and what is open: from the log, never from a field of a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trust.registry import ChangeRefused, Fold, ObjectKey, ObjectKind, Proposal, Status, status
from trust.registry.approvers import read_approver
from trust.registry.diff import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The change that last decided about an object; an emergency suspension is told beside it."""

    change_hash: str
    change_class: str
    reason: str
    evidence: str
    proposer: str
    proposed_at: datetime
    signers: tuple[str, ...]
    """Names of the people whose signatures are in the log, the proposer's among them."""
    in_force_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with one object of the registry."""

    key: ObjectKey
    registered: bool
    """Whether the registry has it; else a file alone says so."""
    decision: Decision | None = None
    suspended_by: tuple[str, ...] = ()
    suspended_since: datetime | None = None
    review_due: datetime | None = None
    open: tuple[str, ...] = ()
    """Hashes of the changes that wait and would touch it."""

    @property
    def suspended(self) -> bool:
        return self.suspended_since is not None


def standing(fold: Fold | None, key: ObjectKey, now: datetime) -> Standing:
    """``key`` in the log; without a registry, nothing is known."""
    if fold is None:
        return Standing(key=key, registered=False)
    suspension = fold.suspensions.get(key)
    return Standing(
        key=key,
        registered=key in fold.state.objects,
        decision=decision(fold, key),
        suspended_by=() if suspension is None else tuple(person(fold, name) for name in suspension.by),
        suspended_since=None if suspension is None else suspension.since,
        review_due=None if suspension is None else suspension.review_due,
        open=waiting(fold, now).get(key, ()),
    )


def decision(fold: Fold, key: ObjectKey) -> Decision | None:
    """What last decided about ``key``."""
    proposal = fold.proposals.get(fold.decided.get(key, ""))
    if proposal is None:
        return None
    change = proposal.change
    return Decision(
        change_hash=proposal.change_hash,
        change_class=change.change_class.value,
        reason=plain(change.reason),
        evidence=plain(change.evidence),
        proposer=person(fold, change.proposer),
        proposed_at=change.proposed_at,
        signers=tuple(person(fold, name) for name in sorted(proposal.signatures)),
        in_force_since=proposal.activated_at,
    )


def waiting(fold: Fold, now: datetime) -> dict[ObjectKey, tuple[str, ...]]:
    """Every object that an open change would touch, with the hashes of those changes."""
    found: dict[ObjectKey, tuple[str, ...]] = {}
    for proposal in fold.open_proposals():
        if _alive(proposal, fold, now):
            for edit in proposal.change.edits:
                found[edit.key] = (*found.get(edit.key, ()), proposal.change_hash)
    return found


def person(fold: Fold, identifier: str) -> str:
    """The name an approver is enrolled with; of whoever is not, the identifier."""
    try:
        held = fold.state.objects.get(ObjectKey(ObjectKind.APPROVER, identifier))
        return plain(identifier if held is None else read_approver(held.document).name)
    except ChangeRefused:  # a proposer may have written any text as its name
        return plain(identifier)


def _alive(proposal: Proposal, fold: Fold, now: datetime) -> bool:
    return status(proposal, fold, now) in {Status.PENDING, Status.WAITING, Status.READY}
