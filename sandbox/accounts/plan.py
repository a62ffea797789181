"""What an account system is about to answer, as one plain record.

``akdb``, ``dataport`` and ``muk`` make the honest ``Login`` of a person; a fault of the error menu
changes the plan made of it; ``response.build`` follows the plan to the letter, right or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sandbox.accounts.accounts import Account, Person
from sandbox.accounts.request import Request
from sandbox.saml.plan import Failure, ResponsePlan, valid_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """An AttributeValue with elements inside."""

    namespace: str
    prefix: str
    type_name: str
    children: tuple[tuple[str, str | Structure], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One saml2:Attribute."""

    name: str
    friendly: str | None = None
    values: tuple[str | Structure, ...]
    trust: str | None = None
    """``akdb:TrustLevel``; None leaves it out."""
    comment_at: int | None = None
    """Put an XML comment after so many characters of the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a person's login delivers."""

    items: tuple[Item, ...]
    name_format: str
    class_ref: str
    name_id: str
    name_id_format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(ResponsePlan):
    """Every choice in an account system's Response."""

    account: Account
    request: Request
    login: Login | None = None
    person: Person | None = None
    sign_response: bool = True
    sign_assertion: bool = False
    transport: str = "rsa-oaep"
    recipient_key: int = 0
    """Which of the encryption certificates handed in; -1 is the last one."""


def failure_plan(account: Account, issuer: str, request: Request, now: datetime, failure: Failure) -> Plan:
    """A Response that says no; always signed as a whole, there is no assertion to sign."""
    return replace(_addressed(account, issuer, request, now), failure=failure)


def answer_plan(
    account: Account, issuer: str, request: Request, person: Person, login: Login, now: datetime
) -> Plan:
    """The honest answer."""
    return replace(
        valid_for(_addressed(account, issuer, request, now), request.provider.entity_id),
        login=login,
        person=person,
        sign_response=account.sign_response,
        sign_assertion=account.sign_assertion,
        encrypted=account.encrypted,
        content=account.content,
    )


def _addressed(account: Account, issuer: str, request: Request, now: datetime) -> Plan:
    return Plan(
        account=account,
        request=request,
        now=now,
        in_response_to=request.id,
        destination=request.consumer,
        issuer=issuer,
        method=account.signature,
        digest=account.digest,
    )
