"""The registry as its users see it: propose, approve, reject, withdraw, activate, follow.

One object per process. ``head`` is one row by its key, for pollers; ``follow`` reads only what is new. What was
read once stays known: when the database is gone, ``known`` still answers, and a database that shows less than
before is refused (``RegistryRolledBack``).

Nothing is written that a reader would ignore: each writer folds its own rows first. If somebody else was
faster, it decides again on what the log says then; so of two simultaneous second signatures one activates
the change, and the other person learns that it is in force.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trust.registry.approvals import Approval
from trust.registry.approvers import Approver
from trust.registry.canonical import Document
from trust.registry.changes import LIFETIME, Change, ChangeClass, Edit, apply
from trust.registry.entries import (
    ACTIVATED,
    APPROVAL,
    PROPOSED,
    REJECTED,
    WITHDRAWN,
    Entry,
    EntryStore,
    Head,
    HeadMoved,
)
from trust.registry.errors import ChangeRefused, RegistryUnavailable
from trust.registry.fold import CLOCKS, advance
from trust.registry.objects import ObjectKey, ObjectKind, State
from trust.registry.standing import Fold, Proposal, check_activation, check_open, check_withdrawal

Validate = Callable[[State], Sequence[str]]
"""What is wrong with the configuration that a state makes up, in words; empty: nothing."""

Rows = list[tuple[str, Document]]

_ATTEMPTS = 20
_VALIDATED = {ChangeClass.ORDINARY, ChangeClass.REACTIVATION}
"""A suspension must not wait for a sound configuration; enrolments do not touch it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a step led to."""

    proposal: Proposal
    fold: Fold
    waiting: ChangeRefused | None = None
    """Why the change is not in force yet; None: it is."""


class Registry:
    """Thread-safe. ``pinned``: hash of the bootstrap that alone is believed; None believes the log's first.

    ``validate`` is asked before a change is proposed and before it is activated.
    """

    def __init__(
        self, store: EntryStore, *, pinned: str | None = None, validate: Validate | None = None
    ) -> None:
        self._store = store
        self._pinned = pinned
        self._validate = validate
        self._lock = threading.Lock()
        self._fold = Fold()

    @property
    def known(self) -> Fold:
        """What was read last; asks nobody."""
        return self._fold

    def head(self) -> Head:
        """The end of the log now; raises RegistryUnavailable. Differs from ``known.head``: ``follow``."""
        return self._store.head()

    def follow(self) -> Fold:
        """Read what is new. Raises RegistryUnavailable, RegistryBroken, RegistryRolledBack; then keep ``known``."""
        with self._lock:
            self._fold = advance(self._fold, self._store.entries(self._fold.head), pinned=self._pinned)
            return self._fold

    def next_entry(self, known: Head) -> Entry | None:
        """What was written directly after ``known``; raises as ``follow``."""
        with closing(self._store.entries(known)) as entries:
            return next(entries, None)

    def initialise(
        self, approvers: Mapping[str, Approver], *, reason: str, evidence: str, proposer: str, now: datetime
    ) -> Outcome:
        """The bootstrap ceremony: the first approvers, on an empty log only."""
        edits = [
            Edit(key=ObjectKey(ObjectKind.APPROVER, name), before=None, after=person.as_json())
            for name, person in sorted(approvers.items())
        ]
        change = self.draft(
            ChangeClass.BOOTSTRAP, edits, reason=reason, evidence=evidence, proposer=proposer, now=now
        )

        def rows(fold: Fold, _: datetime) -> Rows:
            if fold.head.seq:
                raise ChangeRefused("registry.bootstrap", "the log is not empty")
            after = apply(change, fold.state)
            return [_proposed(change), (ACTIVATED, _activation(change.change_hash, after))]

        fold, _ = self._write(rows, now, emergency=False)
        return self._outcome(fold, change.change_hash, None)

    def draft(
        self,
        change_class: ChangeClass,
        edits: Iterable[Edit],
        *,
        reason: str,
        evidence: str,
        proposer: str,
        now: datetime,
        not_before: datetime | None = None,
    ) -> Change:
        """A change against what the log says now; not yet written. ``follow`` before."""
        moment = self._moment(self._fold, now, emergency=change_class is ChangeClass.SUSPENSION)
        proposed_at = moment.replace(microsecond=0)
        bootstrap = change_class is ChangeClass.BOOTSTRAP
        return Change(
            registry=secrets.token_hex(32) if bootstrap else self._fold.bootstrap or "",
            change_class=change_class,
            base=self._fold.state.state_hash,
            edits=tuple(sorted(edits, key=lambda edit: edit.key)),
            reason=reason,
            evidence=evidence,
            proposer=proposer,
            proposed_at=proposed_at,
            expires_at=proposed_at + LIFETIME,
            not_before=not_before,
        )

    def propose(self, change: Change, *, now: datetime, approval: Approval | None = None) -> Outcome:
        """Write a change, with the proposer's own signature if there is one; activates what needs no more.

        Raises ChangeRefused (``registry.invalid``: the configuration it leads to is not sound).
        """
        identifier = change.change_hash
        if change.change_class is ChangeClass.BOOTSTRAP:
            raise ChangeRefused("registry.bootstrap", "is the first entry of a log, and never another")

        def rows(fold: Fold, _: datetime) -> Rows:
            self._sound(change, apply(change, fold.state))
            own = [] if approval is None else [_approved(approval)]
            return [_proposed(change), *own]

        emergency = change.change_class is ChangeClass.SUSPENSION
        return self._write_and_activate(rows, identifier, now, emergency=emergency)

    def check(self, change: Change) -> None:
        """Raise what ``propose`` would but for its signatures, before anybody is asked to sign."""
        self._sound(change, apply(change, self.follow().state))

    def approve(self, approval: Approval, *, now: datetime) -> Outcome:
        """Write a signature; the last one that is needed activates the change at once, if it is due."""

        def rows(fold: Fold, _: datetime) -> Rows:
            proposal = _proposal(fold, approval.change)
            check_open(proposal)
            apply(proposal.change, fold.state)
            return [_approved(approval)]

        emergency = self._is_suspension(approval.change)
        return self._write_and_activate(rows, approval.change, now, emergency=emergency)

    def reject(self, approval: Approval, *, reason: str, now: datetime) -> Outcome:
        """Withdraw a proposal: one approver's signature of decision ``reject``."""

        def rows(fold: Fold, _: datetime) -> Rows:
            _proposal(fold, approval.change)
            return [(REJECTED, {"approval": approval.as_json(), "reason": reason})]

        fold, _ = self._write(rows, now, emergency=False)
        return self._outcome(
            fold, approval.change, ChangeRefused("registry.rejected", f"by {approval.approver}")
        )

    def withdraw(self, change_hash: str, *, reason: str, now: datetime) -> Fold:
        """Take back what a machine has proposed, while people are missing; raises ChangeRefused."""

        def rows(fold: Fold, _: datetime) -> Rows:
            check_withdrawal(_proposal(fold, change_hash), fold.state)
            return [(WITHDRAWN, {"change": change_hash, "reason": reason})]

        fold, _ = self._write(rows, now, emergency=False)
        return fold

    def activate(self, change_hash: str, *, now: datetime) -> Outcome:
        """Put a signed change into force; raises ChangeRefused. In force already is no error."""
        outcome = self._write_and_activate(
            lambda _fold, _now: [], change_hash, now, emergency=self._is_suspension(change_hash)
        )
        if outcome.waiting is not None:
            raise outcome.waiting
        return outcome

    def activate_due(self, *, now: datetime) -> tuple[Outcome, ...]:
        """Activate whatever is signed and whose day has come; what is not sound waits, with its reason."""
        fold = self.follow()
        due = []
        for proposal in fold.open_proposals():
            try:
                check_activation(proposal, fold, max(now, fold.time or now))
            except ChangeRefused:
                continue
            due.append(
                self._write_and_activate(lambda _fold, _now: [], proposal.change_hash, now, emergency=False)
            )
        return tuple(due)

    def state_before(self, change_hash: str) -> State:
        """The state that a change in force was applied to, from the log."""
        earlier = []
        for entry in self._store.entries(Head()):
            if entry.type == ACTIVATED and entry.body.get("change") == change_hash:
                break
            earlier.append(entry)
        return advance(Fold(), earlier, pinned=self._pinned).state

    def _is_suspension(self, change_hash: str) -> bool:
        found = self.follow().proposals.get(change_hash)
        return found is not None and found.change.change_class is ChangeClass.SUSPENSION

    def _write_and_activate(
        self,
        rows: Callable[[Fold, datetime], Rows],
        change_hash: str,
        now: datetime,
        *,
        emergency: bool,
    ) -> Outcome:
        def with_activation(fold: Fold, moment: datetime) -> tuple[Rows, ChangeRefused | None]:
            first = rows(fold, moment)
            ahead = _preview(fold, first, moment, self._pinned)
            proposal = _proposal(ahead, change_hash)
            if proposal.activated_at is not None:
                return first, None
            try:
                after = check_activation(proposal, ahead, moment)
                self._sound(proposal.change, after)
            except ChangeRefused as refused:
                return first, refused
            return [*first, (ACTIVATED, _activation(change_hash, after))], None

        fold, waiting = self._write_explained(with_activation, now, emergency=emergency)
        return self._outcome(fold, change_hash, waiting)

    def _write(
        self, rows: Callable[[Fold, datetime], Rows], now: datetime, *, emergency: bool
    ) -> tuple[Fold, None]:
        fold, _ = self._write_explained(
            lambda fold, moment: (rows(fold, moment), None), now, emergency=emergency
        )
        return fold, None

    def _write_explained(
        self,
        decide: Callable[[Fold, datetime], tuple[Rows, ChangeRefused | None]],
        now: datetime,
        *,
        emergency: bool,
    ) -> tuple[Fold, ChangeRefused | None]:
        for _ in range(_ATTEMPTS):
            fold = self.follow()
            moment = self._moment(fold, now, emergency=emergency)
            rows, waiting = decide(fold, moment)
            if not rows:
                return fold, waiting
            _preview(fold, rows, moment, self._pinned)
            try:
                self._store.append(fold.head, rows, now=moment)
            except HeadMoved:
                continue
            return self.follow(), waiting
        raise RegistryUnavailable("too many writers")

    def _moment(self, fold: Fold, now: datetime, *, emergency: bool) -> datetime:
        """The time to write: never before the last entry's. With doubtful clocks only suspensions go on.

        Raises ChangeRefused ``registry.clock``.
        """
        there = self._store.clock()
        if there is not None and abs(there - now) > CLOCKS:
            if not emergency:
                raise ChangeRefused(
                    "registry.clock", f"the database's clock differs by {_seconds(there - now)}"
                )
            now = there
        if fold.time is None:
            return now
        if fold.time > now + CLOCKS and not emergency:
            raise ChangeRefused("registry.clock", f"the last entry is {_seconds(fold.time - now)} ahead")
        return max(now, fold.time)

    def _sound(self, change: Change, after: State) -> None:
        if self._validate is None or change.change_class not in _VALIDATED:
            return
        problems = self._validate(after)
        if problems:
            raise ChangeRefused("registry.invalid", "\n".join(problems))

    @staticmethod
    def _outcome(fold: Fold, change_hash: str, waiting: ChangeRefused | None) -> Outcome:
        return Outcome(proposal=_proposal(fold, change_hash), fold=fold, waiting=waiting)


def _preview(fold: Fold, rows: Rows, moment: datetime, pinned: str | None) -> Fold:
    """What readers will make of ``rows``; raises ChangeRefused with the reason for which they would ignore one."""
    entries = [
        Entry(seq=fold.head.seq + number, time=moment, type=kind, body=body, hash=b"")
        for number, (kind, body) in enumerate(rows, 1)
    ]
    clean = replace(fold, ignored=())
    ahead = advance(clean, entries, pinned=pinned)
    if ahead.ignored:
        reason, _, detail = ahead.ignored[0].reason.partition(": ")
        raise ChangeRefused(reason, detail)
    return ahead


def _proposal(fold: Fold, change_hash: str) -> Proposal:
    found = fold.proposals.get(change_hash)
    if found is None:
        raise ChangeRefused("registry.unknown", "there is no such change")
    return found


def _proposed(change: Change) -> tuple[str, Document]:
    return PROPOSED, {"change": change.as_json()}


def _approved(approval: Approval) -> tuple[str, Document]:
    return APPROVAL, {"approval": approval.as_json()}


def _activation(change_hash: str, after: State) -> Document:
    return {"change": change_hash, "state": after.state_hash}


def _seconds(difference: timedelta) -> str:
    return f"{abs(difference.total_seconds()):.0f} s"
