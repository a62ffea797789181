"""Proposals that no person makes: from a source's list, or from keys that a node has changed.

They are changes like any other, without a signature: two people look at the difference and sign, or one rejects.
The proposer's name, ``source/<id>`` or ``anchor/<id>``, counts for nobody. The same is not said twice: not while
it is open, not after it was rejected until the content changes, and about one object at most once an hour. What a
machine does not want any more is withdrawn, as long as people are missing: so what is open is what it says now.

Several processes look, each at its own copy. A look is older or newer than a proposal, and the older says nothing
against it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from trust.registry import (
    ChangeClass,
    ChangeRefused,
    Edit,
    Fold,
    ObjectKey,
    Proposal,
    Registry,
    Status,
    status,
)
from trust.registry.canonical import canonical

_log = logging.getLogger("gateway.sources")

PAUSE = timedelta(hours=1)
"""Between two proposals about the same object: a list that changes all the time fills no log."""
MOST = 10
"""In one turn, since each is checked as a whole configuration; the others come with the next."""
_OPEN = frozenset({Status.PENDING, Status.WAITING, Status.READY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a machine would have different."""

    proposer: str
    edits: tuple[Edit, ...]
    reason: str
    evidence: str
    seen: datetime
    """When what it follows from was read."""


def withdraw_overtaken(
    registry: Registry, wanted: Collection[Wanted], seen: Mapping[str, datetime], *, now: datetime
) -> list[Proposal]:
    """Withdraw what its machine has proposed before it looked again and says otherwise now; gives what was.

    ``seen``: of each machine that has looked at everything, when. Raises RegistryError as ``propose_new``.
    """
    fold = registry.follow()
    contents = {(one.proposer, _content(one.edits)) for one in wanted}
    gone = []
    for proposal in fold.open_proposals():
        change = proposal.change
        looked = seen.get(change.proposer)
        if looked is None or looked <= change.proposed_at:
            continue
        match status(proposal, fold, now):
            case Status.PENDING if (change.proposer, _content(change.edits)) not in contents:
                reason = f"{change.proposer} says something else since {looked:%Y-%m-%dT%H:%M:%SZ}"
            case Status.CONFLICT:
                reason = "something newer is in force"
            case _:
                continue
        try:
            registry.withdraw(proposal.change_hash, reason=reason, now=now)
        except ChangeRefused as refused:  # somebody was faster
            _log.warning("not withdrawn", extra={"peer": change.proposer, "reason": refused.reason})
        else:
            gone.append(proposal)
    return gone


def propose_new(registry: Registry, wanted: Iterable[Wanted], *, now: datetime) -> list[Proposal]:
    """Propose what has not been said; gives what was proposed. One refusal stops no other.

    Raises RegistryError when the registry cannot be read or written at all.
    """
    made: list[Proposal] = []
    for found in wanted:
        if len(made) == MOST:
            break
        fold = registry.follow()
        if said(fold, found, now=now):
            continue
        try:
            change = registry.draft(
                ChangeClass.ORDINARY,
                found.edits,
                reason=found.reason,
                evidence=found.evidence,
                proposer=found.proposer,
                now=now,
            )
            made.append(registry.propose(change, now=now).proposal)
        except ChangeRefused as refused:
            _log.warning(
                "not proposed", extra={"peer": found.proposer, "reason": str(refused).partition("\n")[0]}
            )
    return made


def said(fold: Fold, wanted: Wanted, *, now: datetime) -> bool:
    """Whether ``wanted`` has been proposed, and nothing speaks for saying it again."""
    keys = {edit.key for edit in wanted.edits}
    earlier = [
        proposal
        for proposal in fold.proposals.values()
        if proposal.change.proposer == wanted.proposer and keys & {edit.key for edit in proposal.change.edits}
    ]
    content = _content(wanted.edits)
    if any(
        (_content(proposal.change.edits) == content or proposal.change.proposed_at > wanted.seen)
        and status(proposal, fold, now) in _OPEN
        for proposal in earlier
    ):
        return True
    if not earlier:
        return False
    newest = earlier[-1]
    if newest.rejected_by is not None and _content(newest.change.edits) == content:
        return True
    return now - newest.change.proposed_at < PAUSE


def _content(edits: Iterable[Edit]) -> frozenset[tuple[ObjectKey, bytes]]:
    """What would be in force afterwards, whatever was before."""
    return frozenset((edit.key, canonical(edit.after)) for edit in edits)
