"""What a login at Mein Unternehmenskonto delivers: an organisation and who acts for it (NEZO)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.accounts import pseudonyms
from sandbox.accounts.accounts import Account, Person
from sandbox.accounts.names import EKONA, NAME_FORMAT_BASIC
from sandbox.accounts.plan import Item, Login, Structure
from sandbox.accounts.request import Request
from sandbox.saml import names as n
from sandbox.saml.plan import Failure

_TYPES = {"Unternehmensanschrift": "AdresseType", "Anschrift": "AdresseType"}


def offered(account: Account, request: Request) -> list[Person]:
    """Every organisation: there is one level only."""
    return list(account.people)


def login(account: Account, request: Request, person: Person) -> Login | Failure:
    """All attributes; MUK knows no request extension and no authentication contexts."""
    if request.asked_context:
        return Failure(top="Requester", second="NoAuthnContext", message="RequestedAuthnContext")
    entity_id = request.provider.entity_id
    values: dict[str, Any] = {
        "DatenuebermittlerPseudonymId": pseudonyms.organisation(account, person, entity_id),
        **person.values,
    }
    return Login(
        items=tuple(Item(name=name, values=(value_of(name, value),)) for name, value in values.items()),
        name_format=NAME_FORMAT_BASIC,
        class_ref=account.class_ref,
        name_id=pseudonyms.persistent(account, person, entity_id),
        name_id_format=n.FORMAT_PERSISTENT,
    )


def value_of(name: str, value: Any) -> str | Structure:
    """Text, or elements in the ekona namespace."""
    if not isinstance(value, Mapping):
        return str(value)
    return Structure(
        namespace=EKONA,
        prefix="ekona",
        type_name=_TYPES.get(name, f"{name}Type"),
        children=tuple((child, str(inner)) for child, inner in value.items()),
    )
