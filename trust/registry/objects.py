"""What is decided about: objects ``kind/id`` with a document each, and the state they make up.

The registry knows nothing of a document's meaning. A suspended object is still there, with its document
unchanged, and must not be used.

The state hash is SHA-256 over the canonical JSON of the list of ``{"document", "id", "kind", "suspended"}``
in the order of kind and id. Approvers are not part of it: another gateway that takes over a bundle has other
people, and must come to the same hash.

>>> State().state_hash[:16]
'4f53cda18c2baa0c'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType

from trust.registry.canonical import Document, canonical
from trust.registry.errors import ChangeRefused

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_OBJECT = b"\x03"


class ObjectKind(StrEnum):
    ANCHOR = "anchor"
    CONNECTOR = "connector"
    COUNTRY = "country"
    CLIENT = "client"
    SOURCE = "source"
    """Where metadata or lists of them come from."""
    KEY_PLAN = "key-plan"
    """The calendar of an own key."""
    APPROVER = "approver"
    """Who may sign changes, with their public keys. Changed by enrolment only."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """``kind/id``."""

    kind: ObjectKind
    id: str

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ChangeRefused("registry.object", f"{self.id!r} is no identifier")

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> ObjectKey:
        """The key written ``kind/id``; raises ChangeRefused."""
        kind, _, name = text.partition("/")
        try:
            return cls(ObjectKind(kind), name)
        except ValueError as error:
            kinds = ", ".join(ObjectKind)
            raise ChangeRefused("registry.object", f"{text!r} is no object: KIND/ID with {kinds}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryObject:
    """One object as it is now."""

    key: ObjectKey
    document: Document
    suspended: bool = False

    def as_json(self) -> Document:
        return {
            "kind": self.key.kind.value,
            "id": self.key.id,
            "document": self.document,
            "suspended": self.suspended,
        }

    @property
    def digest(self) -> str:
        """SHA-256(0x03 || canonical JSON), hexadecimal: what an edit names as ``before``."""
        return sha256(_OBJECT + canonical(self.as_json())).hexdigest()


@dataclass(frozen=True)
class State:
    """Every object, by key. Without slots: its hash is computed once."""

    objects: Mapping[ObjectKey, RegistryObject] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def state_hash(self) -> str:
        """Hexadecimal; see the module docstring."""
        listed = [self.objects[key].as_json() for key in self.keys() if key.kind is not ObjectKind.APPROVER]
        return sha256(canonical(listed)).hexdigest()

    def keys(self, *kinds: ObjectKind) -> tuple[ObjectKey, ...]:
        """In order; only of ``kinds`` if any are given."""
        return tuple(key for key in sorted(self.objects) if not kinds or key.kind in kinds)

    @property
    def suspended(self) -> frozenset[ObjectKey]:
        """What must not be used."""
        return frozenset(key for key, found in self.objects.items() if found.suspended)

    def with_objects(self, changed: Iterable[tuple[ObjectKey, RegistryObject | None]]) -> State:
        """A new state; None removes."""
        objects = dict(self.objects)
        for key, found in changed:
            if found is None:
                objects.pop(key, None)
            else:
                objects[key] = found
        return State(MappingProxyType(objects))
