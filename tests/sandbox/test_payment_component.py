"""What the sandbox's resource server takes: an example that integrators copy (RFC 9068 §4, RFC 9449 §7)."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.services.epaybl import PaymentComponent, TokenRefused

CLAIMS = {"jti": "0123456789.x", "client_id": "amt24"}


def component(monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], **more: Any) -> PaymentComponent:
    """One for which the signature is right, and the gateway says ``told``."""
    monkeypatch.setattr(PaymentComponent, "_verified", lambda self, token: {**CLAIMS, **more})
    monkeypatch.setattr(PaymentComponent, "_introspected", lambda self, token: told)
    return PaymentComponent(issuer="https://id.example", resource="https://pay.example/", secret="s")


ACTIVE = {"active": True, "jti": CLAIMS["jti"]}


def test_active_token_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert component(monkeypatch, ACTIVE).check("token") == CLAIMS


@pytest.mark.parametrize("told", [{"active": False}, {"active": "true"}, {**ACTIVE, "jti": "another"}, {}])
def test_token_that_the_gateway_does_not_call_active_is_refused(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    with pytest.raises(TokenRefused):
        component(monkeypatch, told).check("token")


@pytest.mark.parametrize("bound", [{"jkt": "A" * 43}, {"x5t#S256": "A" * 43}, {}])
def test_bound_token_is_not_taken_as_a_bearer_token(
    monkeypatch: pytest.MonkeyPatch, bound: dict[str, str]
) -> None:
    """RFC 9449 §7.1: a thief has the token, not the key."""
    with pytest.raises(TokenRefused):
        component(monkeypatch, ACTIVE, cnf=bound).check("token")
