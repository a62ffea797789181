"""Whom an account system shows on its login page, and what a login there gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sandbox.accounts import akdb, dataport, muk
from sandbox.accounts.accounts import Account, Person, Profile
from sandbox.accounts.plan import Login, Plan, answer_plan, failure_plan
from sandbox.accounts.request import Request
from sandbox.saml.plan import Failure

_OFFERED: Final[dict[Profile, Callable[[Account, Request], list[Person]]]] = {
    "akdb": akdb.offered,
    "dataport": dataport.offered,
    "muk": muk.offered,
}
_LOGIN: Final[dict[Profile, Callable[[Account, Request, Person], Login | Failure]]] = {
    "akdb": akdb.login,
    "dataport": dataport.login,
    "muk": muk.login,
}

CANCELLED: Final = Failure(
    top="Requester", second="AuthnFailed", message="Authentication was canceled by the user."
)
"""As the official simulator words it; the value of production is not public (bundid.md §1.13)."""


def offered(account: Account, request: Request) -> list[Person]:
    """The logins that can meet the request."""
    return _OFFERED[account.profile](account, request)


def honest_plan(account: Account, issuer: str, request: Request, person: Person, now: datetime) -> Plan:
    """The answer for this person's login."""
    found = _LOGIN[account.profile](account, request, person)
    if isinstance(found, Failure):
        return failure_plan(account, issuer, request, now, found)
    return answer_plan(account, issuer, request, person, found, now)
