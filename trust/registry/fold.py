"""What the log says is in force: the fold of its entries, the same on every node.

An activation counts if the change it names was proposed, was signed in time by as many different people as its
class needs, all of them enrolled with these very keys in the state just before, is due and not too old, and
still fits the state. Anything else in the log is *ignored*, with the reason: a row that somebody forced into
the database changes nothing. Entries whose time lies before the one above are ignored, too, so that nobody
revives what has expired by dating back.

Whoever writes asks the same function first (``trust.registry.ledger``), so nothing is written that readers ignore.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from trust.registry.approvals import Approval, Decision, Signature, read_approval, verify
from trust.registry.approvers import read_approver
from trust.registry.changes import (
    LAST,
    REVIEW,
    ChangeClass,
    Edit,
    check_form,
    members,
    read_change,
    reason_of,
    text_of,
)
from trust.registry.entries import ACTIVATED, APPROVAL, PROPOSED, REJECTED, WITHDRAWN, Entry, Head
from trust.registry.errors import ChangeRefused
from trust.registry.objects import ObjectKey, ObjectKind
from trust.registry.standing import (
    Fold,
    Ignored,
    Proposal,
    Suspension,
    check_activation,
    check_open,
    check_withdrawal,
    counts,
    may_decide,
    signers,
)

CLOCKS = timedelta(minutes=5)
"""How far the clocks of two hosts may be apart."""


def advance(known: Fold, entries: Iterable[Entry], *, pinned: str | None) -> Fold:
    """``known`` with ``entries`` after it. ``pinned``: the only bootstrap to believe; None: the log's first."""
    folding = _Folding(known, pinned)
    for entry in entries:
        folding.take(entry)
    return folding.result()


class _Folding:
    """Works on copies, so that the fold before stays what it was."""

    def __init__(self, known: Fold, pinned: str | None) -> None:
        self._pinned = pinned
        self._head, self._time, self._state = known.head, known.time, known.state
        self._bootstrap = known.bootstrap
        self._proposals = dict(known.proposals)
        self._suspensions = dict(known.suspensions)
        self._decided = dict(known.decided)
        self._counters = dict(known.counters)
        self._ignored = list(known.ignored)
        self._types = {
            PROPOSED: self._proposed,
            APPROVAL: self._approved,
            REJECTED: self._rejected,
            WITHDRAWN: self._withdrawn,
            ACTIVATED: self._activated,
        }

    def result(self) -> Fold:
        return Fold(
            head=self._head,
            time=self._time,
            state=self._state,
            bootstrap=self._bootstrap,
            proposals=MappingProxyType(self._proposals),
            suspensions=MappingProxyType(self._suspensions),
            decided=MappingProxyType(self._decided),
            counters=MappingProxyType(self._counters),
            ignored=tuple(self._ignored),
        )

    def take(self, entry: Entry) -> None:
        self._head = Head(seq=entry.seq, hash=entry.hash)
        try:
            self._believe(entry)
        except ChangeRefused as refused:
            self._ignored.append(Ignored(seq=entry.seq, reason=str(refused)))
        else:
            self._time = entry.time

    def _believe(self, entry: Entry) -> None:
        if entry.time > LAST:
            raise ChangeRefused("registry.time", "lies in a year that nobody will see")
        if self._time is not None and entry.time < self._time:
            raise ChangeRefused("registry.time", "lies before the entry above")
        take = self._types.get(entry.type)
        if take is None:
            raise ChangeRefused("registry.form", "is of an unknown type")
        take(entry)

    def _proposed(self, entry: Entry) -> None:
        change = read_change(members(entry.body, "change")["change"])
        check_form(change)
        identifier = change.change_hash
        if identifier in self._proposals:
            raise ChangeRefused("registry.repeated", "the same change was proposed before")
        if change.change_class is ChangeClass.BOOTSTRAP:
            if entry.seq != 1 or self._pinned not in {None, identifier}:
                raise ChangeRefused("registry.bootstrap", "is not the ceremony this gateway believes")
        elif self._bootstrap is None:
            raise ChangeRefused("registry.bootstrap", "there are no approvers yet")
        elif change.registry != self._bootstrap:
            raise ChangeRefused("registry.foreign", "was made for another installation")
        if entry.time > change.expires_at:
            raise ChangeRefused("registry.expired", "proposed too long ago")
        if change.proposed_at > entry.time + CLOCKS:
            raise ChangeRefused("registry.clock", "is proposed in the future")
        self._proposals[identifier] = Proposal(change=change, change_hash=identifier, seq=entry.seq)

    def _approved(self, entry: Entry) -> None:
        approval = read_approval(members(entry.body, "approval")["approval"])
        proposal, signature = self._signed(approval, Decision.APPROVE)
        if entry.time > proposal.change.expires_at:
            raise ChangeRefused("registry.expired", "proposed too long ago")
        before = proposal.signatures.get(approval.approver)
        if before is not None and counts(before, proposal.change, self._state):
            raise ChangeRefused("registry.same-person", f"{approval.approver} has signed it already")
        self._count(signature)
        signatures = MappingProxyType({**proposal.signatures, approval.approver: signature})
        signed_at = MappingProxyType({**proposal.signed_at, approval.approver: entry.time})
        self._proposals[approval.change] = replace(proposal, signatures=signatures, signed_at=signed_at)

    def _rejected(self, entry: Entry) -> None:
        fields = members(entry.body, "approval", "reason")
        approval = read_approval(fields["approval"])
        proposal, signature = self._signed(approval, Decision.REJECT)
        self._count(signature)
        self._proposals[approval.change] = replace(
            proposal,
            rejected_by=approval.approver,
            rejection=reason_of(fields["reason"]),
            closed_at=entry.time,
        )

    def _withdrawn(self, entry: Entry) -> None:
        """Without a signature, as it was proposed; so it undoes nothing that enough people have signed."""
        fields = members(entry.body, "change", "reason")
        proposal = self._proposals.get(text_of(fields["change"]))
        if proposal is None:
            raise ChangeRefused("registry.unknown", "there is no such change")
        check_withdrawal(proposal, self._state)
        self._proposals[proposal.change_hash] = replace(
            proposal, withdrawn=reason_of(fields["reason"]), closed_at=entry.time
        )

    def _signed(self, approval: Approval, decision: Decision) -> tuple[Proposal, Signature]:
        proposal = self._proposals.get(approval.change)
        if proposal is None or approval.decision is not decision:
            raise ChangeRefused("registry.unknown", "there is no such change")
        check_open(proposal)
        person = self._state.objects.get(ObjectKey(ObjectKind.APPROVER, approval.approver))
        if person is None:
            raise ChangeRefused("registry.approver", f"{approval.approver} is not enrolled")
        enrolled = read_approver(person.document)
        if not may_decide(enrolled.role, approval, proposal.change):
            raise ChangeRefused("registry.role", f"{approval.approver} is {enrolled.role}, which may not")
        return proposal, verify(approval, enrolled, self._counters)

    def _count(self, signature: Signature) -> None:
        self._counters[signature.credential] = signature.sign_count

    def _activated(self, entry: Entry) -> None:
        fields = members(entry.body, "change", "state")
        proposal = self._proposals.get(text_of(fields["change"]))
        if proposal is None:
            raise ChangeRefused("registry.unknown", "there is no such change")
        state = check_activation(proposal, self.result(), entry.time)
        if fields["state"] != state.state_hash:
            raise ChangeRefused("registry.state", "names another state than it leads to")
        change, people = proposal.change, signers(proposal, self._state)
        self._state = state
        self._proposals[proposal.change_hash] = replace(proposal, activated_at=entry.time)
        if change.change_class is ChangeClass.BOOTSTRAP:
            self._bootstrap = proposal.change_hash
        for edit in change.edits:
            if change.change_class is not ChangeClass.SUSPENSION:
                self._decided[edit.key] = proposal.change_hash
            self._suspend(edit, change.change_class, proposal.change_hash, people, entry.time)

    def _suspend(
        self, edit: Edit, change_class: ChangeClass, change: str, people: tuple[str, ...], at: datetime
    ) -> None:
        if edit.after is None or not edit.suspended:
            self._suspensions.pop(edit.key, None)
        elif change_class is ChangeClass.SUSPENSION:
            self._suspensions[edit.key] = Suspension(
                change_hash=change, by=people, since=at, review_due=at + REVIEW
            )
        else:  # two people have signed that it stays suspended
            known = self._suspensions.get(edit.key)
            self._suspensions[edit.key] = (
                Suspension(change_hash=change, by=people, since=at, review_due=None)
                if known is None
                else replace(known, review_due=None)
            )
