"""What comes next with a change, and who can do it: the signatures that are missing, the review after a suspension."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.admin.desk import Visit, people
from trust.registry import ChangeClass, ObjectKey, Proposal, Status, may_sign
from trust.registry.diff import plain


class Reader(StrEnum):
    """What whoever looks at the page has to do with it."""

    CAN = "can"
    SIGNED = "signed"
    """The proposer too, whose signature is the first."""
    ROLE = "role"
    """Theirs never signs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Signatures that a change still needs."""

    number: int
    people: tuple[str, ...]
    """Names of those who can give one; two approvers are always enrolled, so there is somebody."""
    reader: Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A suspension by one person that two have not looked at yet."""

    key: ObjectKey
    due: datetime
    overdue: bool


def missing(proposal: Proposal, stands: Status, counted: Collection[str], visit: Visit) -> Missing | None:
    """None: it waits for nobody's signature. ``counted``: who has given one that counts."""
    if stands is not Status.PENDING:
        return None
    change = proposal.change
    able = {
        identifier: plain(found.name)
        for identifier, found in people(visit.fold).items()
        if identifier not in counted and may_sign(found.role, identifier, change)
    }
    reader = Reader.SIGNED if visit.person in counted else Reader.CAN if visit.person in able else Reader.ROLE
    return Missing(
        number=max(0, change.change_class.people - len(counted)),
        people=tuple(sorted(able.values())),
        reader=reader,
    )


def reviews(proposal: Proposal, visit: Visit) -> tuple[Review, ...]:
    """What ``proposal`` has suspended and is still to be looked at."""
    if proposal.activated_at is None or proposal.change.change_class is not ChangeClass.SUSPENSION:
        return ()
    found = [(edit.key, visit.fold.suspensions.get(edit.key)) for edit in proposal.change.edits]
    return tuple(
        Review(key=key, due=one.review_due, overdue=one.review_due < visit.now)
        for key, one in found
        if one is not None and one.review_due is not None
    )
