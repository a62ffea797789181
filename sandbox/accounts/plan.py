"""What an account system is about to answer, as one plain record.

``akdb``, ``dataport`` and ``muk`` make the honest ``Login`` of a person; a fault of the error menu
changes the plan made of it; ``response.build`` follows the plan to the letter, right or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sandbox.accounts.accounts import Account, Person
from sandbox.accounts.request import Request

VALIDITY = timedelta(minutes=5)


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
class Failure:
    """A SAML status other than Success."""

    top: str
    second: str | None = None
    message: str | None = None
    detail: str | None = None
    """Text of ``akdb:StatusDetail``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a person's login delivers."""

    items: tuple[Item, ...]
    name_format: str
    class_ref: str
    name_id: str
    name_id_format: str


Signature = Literal["own", "stranger", "nobody"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every choice in a Response."""

    account: Account
    request: Request
    now: datetime
    in_response_to: str | None
    destination: str
    issuer: str
    failure: Failure | None = None
    login: Login | None = None
    person: Person | None = None
    audience: str = ""
    recipient: str = ""
    confirmed_request: str | None = None
    not_before: datetime | None = None
    not_on_or_after: datetime | None = None
    signed_by: Signature = "own"
    sign_response: bool = True
    sign_assertion: bool = False
    method: str = ""
    digest: str = ""
    break_signature: bool = False
    encrypted: bool = True
    content: str = "aes256-gcm"
    transport: str = "rsa-oaep"
    recipient_key: int = 0
    """Which of the encryption certificates handed in; -1 is the last one."""
    copies: int = 1
    doctype: bool = False
    sent_twice: bool = False


def failure_plan(account: Account, issuer: str, request: Request, now: datetime, failure: Failure) -> Plan:
    """A Response that says no; always signed as a whole, there is no assertion to sign."""
    return Plan(
        account=account,
        request=request,
        now=now,
        in_response_to=request.id,
        destination=request.consumer,
        issuer=issuer,
        failure=failure,
        method=account.signature,
        digest=account.digest,
    )


def answer_plan(
    account: Account, issuer: str, request: Request, person: Person, login: Login, now: datetime
) -> Plan:
    """The honest answer."""
    return Plan(
        account=account,
        request=request,
        now=now,
        in_response_to=request.id,
        destination=request.consumer,
        issuer=issuer,
        login=login,
        person=person,
        audience=request.provider.entity_id,
        recipient=request.consumer,
        confirmed_request=request.id,
        not_before=now,
        not_on_or_after=now + VALIDITY,
        sign_response=account.sign_response,
        sign_assertion=account.sign_assertion,
        method=account.signature,
        digest=account.digest,
        encrypted=account.encrypted,
        content=account.content,
    )
