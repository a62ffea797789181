"""What was asked of an account, kept from ``begin`` to ``finish``, and what a reader makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from connectors import din_91379
from connectors.accounts.attributes import AccountAttribute, decode, text_of
from connectors.assurance import LevelOfAssurance
from connectors.contract import PendingExchange
from connectors.errors import AttributeMissing
from connectors.identity import Absent, AccountFacts, Attested, Name, Person, PersonKind
from trust.xml import Element


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, as far as its answer is held against it."""

    request_id: str
    requested_at: datetime
    person: PersonKind
    minimum: LevelOfAssurance
    fields: frozenset[str]
    """Fields the service may have."""
    required: frozenset[str]
    """Those without which it cannot work."""
    methods: frozenset[str]
    """Login methods offered; empty where the account has no choice of them."""
    all_methods: bool
    """Whether that was every method of the account."""
    guest: bool

    def state(self) -> dict[str, object]:
        """Plain JSON for the pending exchange."""
        return {
            "request_id": self.request_id,
            "requested_at": self.requested_at.isoformat(),
            "person": self.person.value,
            "minimum": self.minimum.word,
            "fields": sorted(self.fields),
            "required": sorted(self.required),
            "methods": sorted(self.methods),
            "all_methods": self.all_methods,
            "guest": self.guest,
        }

    @classmethod
    def of(cls, pending: PendingExchange) -> Asked:
        """Inverse of ``state``."""
        state = cast("dict[str, Any]", pending.state)  # written by begin, sealed since
        return cls(
            request_id=state["request_id"],
            requested_at=datetime.fromisoformat(state["requested_at"]),
            person=PersonKind(state["person"]),
            minimum=LevelOfAssurance.parse(state["minimum"]),
            fields=frozenset(state["fields"]),
            required=frozenset(state["required"]),
            methods=frozenset(state["methods"]),
            all_methods=state["all_methods"],
            guest=state["guest"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an answer says, before it is an Identity."""

    level: LevelOfAssurance
    subject: Person
    account: AccountFacts


def value_of(
    definition: AccountAttribute, attribute: Element | None, asked: Asked, level: LevelOfAssurance | None
) -> Attested[Any] | Absent:
    """One value, or which of the three ways it is missing. Raises InvalidAnswer ``account.*``."""
    if definition.field not in asked.fields:
        return Absent.NOT_REQUESTED
    text = text_of(attribute, definition)
    if text is None:
        return Absent.NOT_DELIVERED
    value = decode(definition, text) if text else None
    return Absent.DELIVERED_EMPTY if value is None else Attested(value=value, level=level)


def irregular_names(person: Person) -> tuple[str, ...]:
    """Name fields with characters outside data type A of DIN 91379 (names of natural persons).

    An organisation's name may hold digits and signs, so only natural persons are looked at.
    """
    if person.kind is PersonKind.LEGAL:
        return ()
    names = ("family_name", "given_name", "birth_family_name")
    return tuple(name for name in names if _irregular(getattr(person, name)))


def _irregular(value: object) -> bool:
    return (
        isinstance(value, Attested)
        and isinstance(value.value, Name)
        and bool(din_91379.irregular(value.value.latin))
    )


def require_all(asked: Asked, person: Person, account: AccountFacts) -> None:
    """Nothing the service cannot do without is missing; raises AttributeMissing ``account.attribute.missing``."""
    for name in sorted(asked.required):
        value = getattr(person, name, None)
        if value is None:
            value = getattr(account, name, None)
        if value is None or isinstance(value, Absent) or value == {}:
            raise AttributeMissing("account.attribute.missing", name)


def lowest(levels: Iterable[LevelOfAssurance | None]) -> LevelOfAssurance | None:
    """The level of a value made of several: the lowest, unknown as soon as one is unknown."""
    found = list(levels)
    known = [level for level in found if level is not None]
    return min(known) if known and len(known) == len(found) else None
