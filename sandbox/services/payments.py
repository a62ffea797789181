"""A portal pays at ePayBL: token exchange (RFC 8693), the call, and step-up when told (RFC 9470)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from sandbox.services.relying_party import TIMEOUT, LoginFailed, RelyingParty, Result

_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"')


class StepUpNeeded(Exception):
    """The resource server wants the citizen identified better."""

    def __init__(self, acr_values: str) -> None:
        super().__init__(acr_values)
        self.acr_values = acr_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What the citizen wants to pay."""

    amount: str
    reference: str


@dataclass(frozen=True, slots=True)
class PaymentDesk:
    """One portal's access to the payment component."""

    party: RelyingParty
    resource: str
    endpoint: str = field(default="payments")

    def pay(self, result: Result, payment: Payment) -> Mapping[str, Any]:
        """The receipt; raises StepUpNeeded, LoginFailed."""
        token = self.party.exchange(result.access_token, self.resource)
        with self.party.plain_session() as session:
            answer = session.post(
                f"{self.resource}{self.endpoint}",
                data={"amount": payment.amount, "reference": payment.reference},
                headers={"Authorization": f"Bearer {token}"},
                timeout=TIMEOUT,
            )
        if answer.status_code == requests.codes.created:
            receipt: dict[str, Any] = answer.json()
            return receipt
        told = dict(_PARAMETER.findall(answer.headers.get("WWW-Authenticate", "")))
        if told.get("error") == "insufficient_user_authentication" and told.get("acr_values"):
            raise StepUpNeeded(told["acr_values"])
        raise LoginFailed(told.get("error") or str(answer.json().get("error")), "ePayBL refuses the payment")
