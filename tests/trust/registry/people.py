"""A registry with three people in it, and what they do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.trust.registry.passkey import Passkey
from trust.registry import (
    Approval,
    Approver,
    Change,
    ChangeClass,
    Decision,
    Document,
    Ed25519Credential,
    Edit,
    EntryStore,
    ObjectKey,
    ObjectKind,
    Outcome,
    Registry,
    State,
    sign,
    suspension_edits,
)

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ANNA, BERT, CLARA = "a.beispiel", "b.muster", "c.probe"
GREECE = ObjectKey(ObjectKind.ANCHOR, "el-node-2026")
CZECHIA = ObjectKey(ObjectKind.ANCHOR, "cz-node-2026")


def document(**settings: object) -> Document:
    return {"settings": {"id": "el-node-2026", **settings}, "files": {}}


@dataclass
class People:
    """Their keys, the registry they work on, and a clock that stands still."""

    engine: sa.Engine
    keys: dict[str, Ed25519PrivateKey] = field(
        default_factory=lambda: {name: Ed25519PrivateKey.generate() for name in (ANNA, BERT, CLARA)}
    )
    passkey: Passkey = field(default_factory=Passkey)
    """Clara's, beside her key file."""
    now: datetime = NOW
    invalid: Sequence[str] = ()
    """What the gateway would find wrong with any state."""

    def __post_init__(self) -> None:
        self.registry = self.node()

    def node(self, *, pinned: str | None = None) -> Registry:
        """Another process on the same database."""
        return Registry(EntryStore(self.engine), pinned=pinned, validate=lambda _: self.invalid)

    def approver(self, name: str) -> Approver:
        own = [Ed25519Credential(public_key=self.keys[name].public_key().public_bytes_raw())]
        return Approver(name=name, credentials=(*own, *([self.passkey.credential] if name == CLARA else [])))

    def bootstrap(self, *names: str) -> Outcome:
        return self.registry.initialise(
            {name: self.approver(name) for name in names or (ANNA, BERT, CLARA)},
            reason="first approvers",
            evidence="minutes of the ceremony",
            proposer="root",
            now=self.now,
        )

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    def edit(self, key: ObjectKey, after: Document | None, *, suspended: bool = False) -> Edit:
        found = self.registry.follow().state.objects.get(key)
        return Edit(key=key, before=None if found is None else found.digest, after=after, suspended=suspended)

    def draft(
        self,
        edits: Iterable[Edit],
        change_class: ChangeClass = ChangeClass.ORDINARY,
        *,
        proposer: str = ANNA,
        not_before: datetime | None = None,
    ) -> Change:
        self.registry.follow()
        return self.registry.draft(
            change_class, edits, reason="because", evidence="file 1", proposer=proposer, now=self.now,
            not_before=not_before,
        )  # fmt: skip

    def signed(self, change: str, name: str, decision: Decision = Decision.APPROVE) -> Approval:
        return sign(self.keys[name], change, approver=name, decision=decision)

    def propose(self, change: Change, *, by: str | None = ANNA) -> Outcome:
        approval = None if by is None else self.signed(change.change_hash, by)
        return self.registry.propose(change, approval=approval, now=self.now)

    def approve(self, change: Change, name: str) -> Outcome:
        return self.registry.approve(self.signed(change.change_hash, name), now=self.now)

    def in_force(self, change: Change) -> None:
        """Proposed by Anna, approved by Bert."""
        self.propose(change)
        assert self.approve(change, BERT).waiting is None

    def put(self, key: ObjectKey, after: Document | None) -> Change:
        change = self.draft([self.edit(key, after)])
        self.in_force(change)
        return change

    def toggle(self, change_class: ChangeClass, key: ObjectKey, *, suspended: bool) -> Change:
        return self.draft(suspension_edits(self.state, [key], suspended=suspended), change_class)

    def suspend(self, key: ObjectKey, *, by: str = ANNA) -> Outcome:
        return self.propose(self.toggle(ChangeClass.SUSPENSION, key, suspended=True), by=by)

    @property
    def state(self) -> State:
        return self.registry.follow().state

    def holds(self, key: ObjectKey) -> Document | None:
        found = self.state.objects.get(key)
        return None if found is None else found.document

    def force(self, kind: str, body: Document, *, at: datetime | None = None) -> None:
        """What somebody with access to the database can do: a row that follows properly from the one before."""
        store = EntryStore(self.engine)
        store.append(store.head(), [(kind, body)], now=at or self.now)
