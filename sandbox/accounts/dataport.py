"""What a login at a Dataport OSI Servicekonto delivers: everything, under its own names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.accounts import pseudonyms
from sandbox.accounts.accounts import Account, Person
from sandbox.accounts.names import LOA, NAME_FORMAT_BASIC, OSI
from sandbox.accounts.plan import Item, Login, Structure
from sandbox.accounts.request import Request
from sandbox.saml import names as n


def offered(account: Account, request: Request) -> list[Person]:
    """Accounts that reach the level that was asked for."""
    if request.level is None:
        return []
    return [p for p in account.people if p.level >= request.level]


def login(account: Account, request: Request, person: Person) -> Login:
    """There is no request extension: the account delivers what it has."""
    level = LOA[person.level - 2]
    values: dict[str, Any] = {
        **person.values,
        "AssuranceLevel": level.rpartition("/")[2],
        "InboxReference": pseudonyms.mailbox(account, person),
    }
    return Login(
        items=tuple(Item(name=name, values=(value_of(name, value),)) for name, value in values.items()),
        name_format=NAME_FORMAT_BASIC,
        class_ref=level,
        name_id=pseudonyms.persistent(account, person, request.provider.entity_id),
        name_id_format=n.FORMAT_PERSISTENT,
    )


def value_of(name: str, value: Any) -> str | Structure:
    """Text, or elements for the structured attributes."""
    if not isinstance(value, Mapping):
        return str(value)
    return Structure(
        namespace=OSI,
        prefix="p3",
        type_name=f"{name}Type",
        children=tuple((child, value_of(child, inner)) for child, inner in value.items()),
    )
