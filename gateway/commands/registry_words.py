"""The registry's changes and state as lines of text: for the command line, and for whoever reads a log of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from trust.registry import Fold, ObjectKind, Proposal, State, signers, status
from trust.registry.changes import time_text
from trust.registry.diff import change_diff, grouped, lines, plain


def summary(proposal: Proposal, fold: Fold, now: datetime) -> str:
    """One line: hash, class, how it stands, who signed, why."""
    change = proposal.change
    people = ", ".join(sorted(proposal.signatures)) or "nobody"
    return (
        f"{proposal.change_hash} {change.change_class} {status(proposal, fold, now)}, "
        f"signed by {plain(people)}: {plain(change.reason)}"
    )


def description(proposal: Proposal, fold: Fold, before: State, now: datetime) -> Iterator[str]:
    """Everything to decide on one change. ``before``: the state it is, or was, applied to."""
    change = proposal.change
    counted = signers(proposal, before if proposal.activated_at else fold.state)
    yield f"change      {grouped(proposal.change_hash)}"
    yield f"class       {change.change_class}: {change.change_class.people} people"
    yield f"status      {status(proposal, fold, now)}"
    yield f"proposed    {time_text(change.proposed_at)} by {plain(change.proposer)}"
    yield f"sign until  {time_text(change.expires_at)}"
    if change.not_before is not None:
        yield f"not before  {time_text(change.not_before)}"
    yield f"reason      {plain(change.reason)}"
    yield f"evidence    {plain(change.evidence)}"
    for name, signature in sorted(proposal.signatures.items()):
        note = "" if name in counted else ", counts no longer"
        at = time_text(proposal.signed_at[name])
        yield f"signed by   {plain(name)}, {at}, with key {grouped(signature.credential)}{note}"
    if proposal.rejected_by is not None and proposal.closed_at is not None:
        at = time_text(proposal.closed_at)
        yield f"rejected by {plain(proposal.rejected_by)}, {at}: {plain(proposal.rejection)}"
    if proposal.withdrawn is not None and proposal.closed_at is not None:
        yield f"withdrawn   {time_text(proposal.closed_at)}: {plain(proposal.withdrawn)}"
    if proposal.activated_at is not None:
        yield f"in force    {time_text(proposal.activated_at)}"
    yield f"against     state {change.base}"
    yield ""
    yield from lines(change_diff(change, before))


def overview(fold: Fold, now: datetime) -> Iterator[str]:
    """What is in force, what is suspended, what is open."""
    yield f"state       {fold.state.state_hash}"
    yield f"head        {fold.head.seq} {fold.head.hash.hex()}"
    yield f"bootstrap   {fold.bootstrap or 'none: eid-gateway registry init'}"
    for kind in ObjectKind:
        names = [key.id for key in fold.state.keys(kind)]
        if names:
            yield f"{kind.value:<11} {', '.join(names)}"
    for key, suspension in sorted(fold.suspensions.items()):
        due = suspension.review_due
        review = (
            "reviewed"
            if due is None
            else f"review {'overdue since' if due < now else 'due'} {time_text(due)}"
        )
        yield f"suspended   {key} since {time_text(suspension.since)} by {', '.join(suspension.by)}, {review}"
    for proposal in fold.open_proposals():
        yield f"open        {summary(proposal, fold, now)}"
