"""A change: what shall be different, why, on what evidence, proposed by whom, and until when to be signed.

Its hash is SHA-256(0x02 || canonical JSON of all its fields), so what was signed is octet for octet what is
activated. What people sign is ``eid-gateway change v1`` (to withdraw it: ``eid-gateway reject v1``) followed
by the 32 octets of that hash.

=============== =================== ==================================================================
class           people who sign it  may
=============== =================== ==================================================================
``ordinary``    two                 add, change and remove objects; never touches ``suspended``, save
                                    that two people may confirm a suspension by an edit without effect
``suspension``  one                 suspend objects, nothing else; a review is due
``reactivation`` two                end suspensions, nothing else
``enrolment``   two approvers       change approvers, nothing else; two must remain
``bootstrap``   nobody              enrol the first two or more approvers; the log's first entry only
=============== =================== ==================================================================

People who sign are approvers. An operator may suspend, and of an ordinary change or a re-activation be the
proposer, who is the first of the two; a viewer signs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeVar

from trust.registry.approvers import check_approvers
from trust.registry.canonical import Document, canonical
from trust.registry.errors import ChangeRefused
from trust.registry.objects import ObjectKey, ObjectKind, RegistryObject, State

LIFETIME = timedelta(hours=72)
"""From proposal to the last signature (security.md D.7), and from ``not_before`` to activation."""
REVIEW = timedelta(hours=72)
"""After a suspension, two people look at it within this time."""
FURTHEST = timedelta(days=366)
LARGEST = 16 * 1024 * 1024
"""Octets of a change in canonical form."""
APPROVE = b"eid-gateway change v1"
REJECT = b"eid-gateway reject v1"
_CHANGE = b"\x02"
LAST = datetime(9000, 1, 1, tzinfo=UTC)
"""Later times cannot be added to."""
_VERSION = 1
_TEXT = 4000

E = TypeVar("E", bound=StrEnum)


class ChangeClass(StrEnum):
    ORDINARY = "ordinary"
    SUSPENSION = "suspension"
    REACTIVATION = "reactivation"
    ENROLMENT = "enrolment"
    BOOTSTRAP = "bootstrap"

    @property
    def people(self) -> int:
        """How many distinct people must have signed."""
        return _PEOPLE[self]


_PEOPLE = {
    ChangeClass.ORDINARY: 2,
    ChangeClass.SUSPENSION: 1,
    ChangeClass.REACTIVATION: 2,
    ChangeClass.ENROLMENT: 2,
    ChangeClass.BOOTSTRAP: 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One object before (its digest, None: not there) and after (its document, None: removed)."""

    key: ObjectKey
    before: str | None
    after: Document | None
    suspended: bool = False
    """Of the object afterwards."""

    def as_json(self) -> Document:
        return {
            "kind": self.key.kind.value,
            "id": self.key.id,
            "before": self.before,
            "after": self.after,
            "suspended": self.suspended,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Immutable; times are in UTC without fractions of a second."""

    registry: str
    """Hash of the bootstrap of the log it is for: what people signed for a test installation counts nowhere
    else. In a bootstrap itself: 32 random octets, hexadecimal."""
    change_class: ChangeClass
    base: str
    """State hash it was made against."""
    edits: tuple[Edit, ...]
    reason: str
    evidence: str
    proposer: str
    proposed_at: datetime
    expires_at: datetime
    not_before: datetime | None = None

    def as_json(self) -> Document:
        return {
            "version": _VERSION,
            "registry": self.registry,
            "class": self.change_class.value,
            "base": self.base,
            "edits": [edit.as_json() for edit in self.edits],
            "reason": self.reason,
            "evidence": self.evidence,
            "proposer": self.proposer,
            "proposed_at": time_text(self.proposed_at),
            "expires_at": time_text(self.expires_at),
            "not_before": None if self.not_before is None else time_text(self.not_before),
        }

    @property
    def change_hash(self) -> str:
        """Hexadecimal."""
        return sha256(_CHANGE + canonical(self.as_json())).hexdigest()

    @property
    def activate_until(self) -> datetime:
        """A change for a later day may be activated as long after that day as others after their proposal."""
        return (
            self.expires_at if self.not_before is None else max(self.expires_at, self.not_before + LIFETIME)
        )


def message(change_hash: str, prefix: bytes = APPROVE) -> bytes:
    """The octets to sign, and the WebAuthn challenge."""
    return prefix + bytes.fromhex(change_hash)


def time_text(moment: datetime) -> str:
    """RFC 3339 in UTC to the second: ``2026-11-23T08:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(text: object) -> datetime:
    """The inverse, of exactly that form; raises ChangeRefused."""
    try:
        moment = datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise ChangeRefused("registry.form", "is no time in UTC") from error
    if time_text(moment) != text:
        raise ChangeRefused("registry.form", "is no time in UTC")
    return moment


def read_change(value: object) -> Change:
    """The change that ``value`` (from JSON) is; exactly these fields. Raises ChangeRefused ``registry.form``."""
    fields = members(value, "version", "registry", "class", "base", "edits", "reason", "evidence", "proposer",
                     "proposed_at", "expires_at", "not_before")  # fmt: skip
    if fields["version"] != _VERSION or not isinstance(fields["edits"], list):
        raise ChangeRefused("registry.form", "is no change of this version")
    not_before = fields["not_before"]
    change = Change(
        registry=text_of(fields["registry"]),
        change_class=_known(ChangeClass, fields["class"]),
        base=text_of(fields["base"]),
        edits=tuple(_read_edit(edit) for edit in fields["edits"]),
        reason=text_of(fields["reason"]),
        evidence=text_of(fields["evidence"]),
        proposer=text_of(fields["proposer"]),
        proposed_at=read_time(fields["proposed_at"]),
        expires_at=read_time(fields["expires_at"]),
        not_before=None if not_before is None else read_time(not_before),
    )
    if canonical(change.as_json()) != canonical(value):
        raise ChangeRefused("registry.form", "is not in its one form")
    return change


def _read_edit(value: object) -> Edit:
    fields = members(value, "kind", "id", "before", "after", "suspended")
    before, after = fields["before"], fields["after"]
    if after is not None and not isinstance(after, Mapping):
        raise ChangeRefused("registry.form", "a document is no object")
    return Edit(
        key=ObjectKey(_known(ObjectKind, fields["kind"]), text_of(fields["id"])),
        before=None if before is None else text_of(before),
        after=after,
        suspended=fields["suspended"] is True,
    )


def members(value: object, *names: str) -> Mapping[str, Any]:
    """``value`` if it is an object with exactly these members; raises ChangeRefused."""
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise ChangeRefused("registry.form", f"needs exactly {', '.join(names)}")
    return value


def text_of(value: object) -> str:
    """``value`` if it is a text; raises ChangeRefused."""
    if not isinstance(value, str):
        raise ChangeRefused("registry.form", "is no text")
    return value


def reason_of(value: object) -> str:
    """A text beside a signature, as long as those within and with a form for every page; raises ChangeRefused."""
    text = text_of(value)
    if len(text) > _TEXT:
        raise ChangeRefused("registry.form", f"a text has more than {_TEXT} characters")
    canonical(text)
    return text


def _known(kind: type[E], value: object) -> E:
    try:
        return kind(text_of(value))
    except ValueError as error:
        raise ChangeRefused("registry.form", f"unknown {kind.__name__}") from error


def check_form(change: Change) -> None:
    """What holds for every change whatever the state; raises ChangeRefused."""
    if not change.edits:
        raise ChangeRefused("registry.empty", "nothing would be different")
    keys = [edit.key for edit in change.edits]
    if len(set(keys)) != len(keys):
        raise ChangeRefused("registry.form", "an object appears twice")
    if not change.reason.strip() or not change.proposer.strip():
        raise ChangeRefused("registry.form", "reason and proposer must be given")
    if max(len(change.reason), len(change.evidence), len(change.proposer)) > _TEXT:
        raise ChangeRefused("registry.form", f"a text has more than {_TEXT} characters")
    if change.proposed_at > LAST:
        raise ChangeRefused("registry.form", "is proposed in a year that nobody will see")
    if change.expires_at - change.proposed_at > LIFETIME or change.expires_at <= change.proposed_at:
        raise ChangeRefused("registry.form", "expires later than 72 hours after the proposal")
    if change.not_before is not None and change.not_before > change.proposed_at + FURTHEST:
        raise ChangeRefused("registry.form", "not_before lies more than a year ahead")
    size = len(canonical(change.as_json()))
    if size > LARGEST:
        raise ChangeRefused("registry.size", f"has {size} octets, more than {LARGEST}")


def apply(change: Change, state: State) -> State:
    """The state after ``change``; raises ChangeRefused (``registry.conflict``: a newer change was faster)."""
    check_form(change)
    if (change.change_class is ChangeClass.BOOTSTRAP) and state.objects:
        raise ChangeRefused("registry.bootstrap", "the log is not empty")
    check = _ALLOWED[change.change_class]
    results: list[tuple[ObjectKey, RegistryObject | None]] = []
    for edit in change.edits:
        now = state.objects.get(edit.key)
        if edit.before != (None if now is None else now.digest):
            raise ChangeRefused("registry.conflict", f"{edit.key} has become another since the proposal")
        check(edit, now)
        after = edit.after
        results.append(
            (edit.key, None)
            if after is None
            else (edit.key, RegistryObject(key=edit.key, document=after, suspended=edit.suspended))
        )
    changed = state.with_objects(results)
    if change.change_class in {ChangeClass.BOOTSTRAP, ChangeClass.ENROLMENT}:
        check_approvers({key.id: changed.objects[key].document for key in changed.keys(ObjectKind.APPROVER)})
    return changed


def _ordinary(edit: Edit, now: RegistryObject | None) -> None:
    _no_approver(edit)
    if now is None:
        if edit.after is None:
            raise ChangeRefused("registry.empty", f"{edit.key} is not there anyway")
        return  # may be suspended from the start: a bundle taken over is
    if edit.after is not None and edit.suspended != now.suspended:
        raise ChangeRefused("registry.class", f"{edit.key}: only suspension and reactivation change that")
    if edit.after is None and edit.suspended:
        raise ChangeRefused("registry.form", f"{edit.key} cannot be removed and suspended")
    if not now.suspended and edit.after is not None and canonical(edit.after) == canonical(now.document):
        raise ChangeRefused("registry.empty", f"{edit.key} would not change")


def _suspension(edit: Edit, now: RegistryObject | None) -> None:
    _same_document(edit, now)
    if now is None or now.suspended or not edit.suspended:
        raise ChangeRefused("registry.class", f"{edit.key}: a suspension suspends, and nothing else")


def _reactivation(edit: Edit, now: RegistryObject | None) -> None:
    _same_document(edit, now)
    if now is None or not now.suspended or edit.suspended:
        raise ChangeRefused(
            "registry.class", f"{edit.key}: a re-activation ends a suspension, and nothing else"
        )


def _enrolment(edit: Edit, now: RegistryObject | None) -> None:
    if edit.key.kind is not ObjectKind.APPROVER or edit.suspended:
        raise ChangeRefused("registry.class", f"{edit.key}: an enrolment changes approvers only")
    if now is None and edit.after is None:
        raise ChangeRefused("registry.empty", f"{edit.key} is not there anyway")


def _same_document(edit: Edit, now: RegistryObject | None) -> None:
    _no_approver(edit)
    if now is None or edit.after is None or canonical(edit.after) != canonical(now.document):
        raise ChangeRefused("registry.class", f"{edit.key}: its document must stay as it is")


def _no_approver(edit: Edit) -> None:
    if edit.key.kind is ObjectKind.APPROVER:
        raise ChangeRefused("registry.class", f"{edit.key}: approvers are changed by enrolment only")


_ALLOWED: Mapping[ChangeClass, Callable[[Edit, RegistryObject | None], None]] = {
    ChangeClass.ORDINARY: _ordinary,
    ChangeClass.SUSPENSION: _suspension,
    ChangeClass.REACTIVATION: _reactivation,
    ChangeClass.ENROLMENT: _enrolment,
    ChangeClass.BOOTSTRAP: _enrolment,
}
