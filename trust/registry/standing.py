"""What the log has come to: the state, and how each proposal stands (``fold`` reads it).

A signature counts as long as its person is enrolled with the key it was made with, in a role that may. So whoever
loses key or role loses what they have signed of changes that are not yet in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from trust.registry.approvals import Approval, Decision, Signature
from trust.registry.approvers import Role, read_approver
from trust.registry.changes import Change, ChangeClass, apply
from trust.registry.entries import Head
from trust.registry.errors import ChangeRefused
from trust.registry.objects import ObjectKey, ObjectKind, State

_PROPOSED_BY_OPERATORS = {ChangeClass.ORDINARY, ChangeClass.REACTIVATION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change in the log and what became of it."""

    change: Change
    change_hash: str
    seq: int
    signatures: Mapping[str, Signature] = field(default_factory=lambda: MappingProxyType({}))
    """By approver."""
    signed_at: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """The log's time of each of them."""
    rejected_by: str | None = None
    rejection: str = ""
    withdrawn: str | None = None
    """Why the machine that has proposed it has taken it back."""
    closed_at: datetime | None = None
    """When it was rejected or withdrawn."""
    activated_at: datetime | None = None

    @property
    def open(self) -> bool:
        return self.rejected_by is None and self.withdrawn is None and self.activated_at is None


class Status(StrEnum):
    """How a proposal stands; the first three are open."""

    PENDING = "pending"
    """People are missing."""
    WAITING = "waiting"
    """Signed, its day has not come."""
    READY = "ready"
    """Signed and due: the next activation takes it, if the configuration it leads to is sound."""
    CONFLICT = "conflict"
    """A newer change was faster; propose it anew."""
    EXPIRED = "expired"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """The machine that has proposed it says something else by now."""
    ACTIVATED = "activated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """Why an object must not be used now."""

    change_hash: str
    by: tuple[str, ...]
    since: datetime
    review_due: datetime | None
    """None: two people have looked at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """An entry without effect."""

    seq: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Everything the log says up to ``head``."""

    head: Head = field(default_factory=Head)
    time: datetime | None = None
    """Of the last entry that was not ignored."""
    state: State = field(default_factory=State)
    bootstrap: str | None = None
    """Hash of the change that enrolled the first approvers."""
    proposals: Mapping[str, Proposal] = field(default_factory=lambda: MappingProxyType({}))
    suspensions: Mapping[ObjectKey, Suspension] = field(default_factory=lambda: MappingProxyType({}))
    decided: Mapping[ObjectKey, str] = field(default_factory=lambda: MappingProxyType({}))
    """The change that last decided about each object: who signed it, on what evidence. A suspension by one person
    stands in ``suspensions`` and hides none."""
    counters: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Last signature counter of each passkey, by fingerprint."""
    ignored: tuple[Ignored, ...] = ()

    def open_proposals(self) -> tuple[Proposal, ...]:
        """Neither activated nor rejected nor withdrawn, oldest first."""
        return tuple(found for found in self.proposals.values() if found.open)


def check_activation(proposal: Proposal, fold: Fold, at: datetime) -> State:
    """The state after ``proposal`` if it may be activated ``at``; raises ChangeRefused."""
    change = proposal.change
    check_open(proposal)
    if at > change.activate_until:
        raise ChangeRefused("registry.expired", "proposed too long ago")
    people = signers(proposal, fold.state)
    needed = change.change_class.people
    if len(people) < needed:
        raise ChangeRefused("registry.people", f"{len(people)} of {needed} people have signed")
    if change.not_before is not None and at < change.not_before:
        raise ChangeRefused("registry.not-before", "its day has not come")
    return apply(change, fold.state)


def signers(proposal: Proposal, state: State) -> tuple[str, ...]:
    """The people whose signature counts in ``state``: enrolled with the key they signed with, in a role that may."""
    return tuple(
        sorted(
            name
            for name, signature in proposal.signatures.items()
            if counts(signature, proposal.change, state)
        )
    )


def may_sign(role: Role, person: str, change: Change) -> bool:
    """Whether ``person`` in ``role`` is one of those who can put ``change`` into force."""
    if role is Role.APPROVER:
        return True
    if role is Role.VIEWER:
        return False
    if change.change_class is ChangeClass.SUSPENSION:
        return True
    return change.change_class in _PROPOSED_BY_OPERATORS and change.proposer == person


def status(proposal: Proposal, fold: Fold, now: datetime) -> Status:
    """How ``proposal`` stands at ``now``."""
    change = proposal.change
    if proposal.activated_at is not None:
        return Status.ACTIVATED
    if proposal.rejected_by is not None:
        return Status.REJECTED
    if proposal.withdrawn is not None:
        return Status.WITHDRAWN
    missing = len(signers(proposal, fold.state)) < change.change_class.people
    if now > change.activate_until or (missing and now > change.expires_at):
        return Status.EXPIRED
    try:
        apply(change, fold.state)
    except ChangeRefused:
        return Status.CONFLICT
    if missing:
        return Status.PENDING
    return Status.READY if change.not_before is None or now >= change.not_before else Status.WAITING


def counts(signature: Signature, change: Change, state: State) -> bool:
    """Whether its person is enrolled in ``state`` with the key that made it, and may sign ``change``."""
    found = state.objects.get(ObjectKey(ObjectKind.APPROVER, signature.approver))
    if found is None:
        return False
    person = read_approver(found.document)
    return may_sign(person.role, signature.approver, change) and signature.credential in {
        key.fingerprint for key in person.credentials
    }


def may_decide(role: Role, approval: Approval, change: Change) -> bool:
    """Whether ``role`` may sign this decision. Operators withdraw what they have proposed themselves."""
    if approval.decision is Decision.APPROVE:
        return may_sign(role, approval.approver, change)
    return role is Role.APPROVER or (role is Role.OPERATOR and change.proposer == approval.approver)


def check_open(proposal: Proposal) -> None:
    """Raises ChangeRefused if ``proposal`` is in force, rejected or withdrawn."""
    if proposal.activated_at is not None:
        raise ChangeRefused("registry.activated", "is in force already")
    if proposal.rejected_by is not None:
        raise ChangeRefused("registry.rejected", f"was rejected by {proposal.rejected_by}")
    if proposal.withdrawn is not None:
        raise ChangeRefused("registry.withdrawn", f"{proposal.change.proposer} says something else by now")


def check_withdrawal(proposal: Proposal, state: State) -> None:
    """Raises ChangeRefused unless a machine has proposed it (``source/x``, ``anchor/x``) and people are missing."""
    check_open(proposal)
    change = proposal.change
    if "/" not in change.proposer:
        raise ChangeRefused("registry.role", "what a person has proposed takes a signature to be rejected")
    if len(signers(proposal, state)) >= change.change_class.people:
        raise ChangeRefused("registry.role", "enough people have signed it")
