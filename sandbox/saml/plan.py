"""What any counterpart is about to answer, as one plain record.

An honest plan is made of it; a fault changes some fields; the octets follow it to the letter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeVar

VALIDITY = timedelta(minutes=5)

Signature = Literal["own", "stranger", "nobody"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A SAML status other than Success."""

    top: str
    second: str | None = None
    message: str | None = None
    detail: str | None = None
    """Text of StatusDetail, where the counterpart has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePlan:
    """The choices in every Response, whoever writes it."""

    now: datetime
    in_response_to: str | None
    destination: str
    issuer: str
    failure: Failure | None = None
    audience: str = ""
    recipient: str = ""
    confirmed_request: str | None = None
    not_before: datetime | None = None
    not_on_or_after: datetime | None = None
    signed_by: Signature = "own"
    method: str
    digest: str
    break_signature: bool = False
    encrypted: bool = True
    content: str = "aes256-gcm"
    copies: int = 1
    doctype: bool = False
    sent_twice: bool = False


P = TypeVar("P", bound=ResponsePlan)


def valid_for(plan: P, audience: str) -> P:
    """``plan`` with an assertion that ``audience`` may use for the next minutes."""
    return replace(
        plan,
        audience=audience,
        recipient=plan.destination,
        confirmed_request=plan.in_response_to,
        not_before=plan.now,
        not_on_or_after=plan.now + VALIDITY,
    )
