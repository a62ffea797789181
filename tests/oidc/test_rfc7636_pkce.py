"""Proof Key for Code Exchange (RFC 7636), S256 for every client (RFC 9700 §2.1.1)."""

import base64
import hashlib

import pytest

from gateway.audit import TokenRefused
from tests.oidc.harness import CHALLENGE, VERIFIER, client

GOOD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"


def challenge(verifier):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def test_the_pair_of_the_appendix_matches():
    """RFC 7636 appendix B."""
    assert challenge(VERIFIER) == CHALLENGE


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code_challenge": None}, "pkce_missing"),
        ({"code_challenge": ""}, "pkce_missing"),
        ({"code_challenge": None, "code_challenge_method": None}, "pkce_missing"),
        ({"code_challenge_method": None}, "pkce_method_unsupported"),
        ({"code_challenge_method": "plain"}, "pkce_method_unsupported"),
        ({"code_challenge_method": "s256"}, "pkce_method_unsupported"),
        ({"code_challenge_method": "S512"}, "pkce_method_unsupported"),
        ({"code_challenge": CHALLENGE[:-1]}, "pkce_challenge_malformed"),
        ({"code_challenge": CHALLENGE + "A"}, "pkce_challenge_malformed"),
        ({"code_challenge": CHALLENGE + "="}, "pkce_challenge_malformed"),
        ({"code_challenge": CHALLENGE[:-1] + "+"}, "pkce_challenge_malformed"),
        ({"code_challenge": CHALLENGE[:-1] + " "}, "pkce_challenge_malformed"),
        ({"code_challenge": CHALLENGE[:-1] + "ä"}, "pkce_challenge_malformed"),
        ({"code_challenge": CHALLENGE + "\n"}, "pkce_challenge_malformed"),
    ],
)
def test_request_without_a_sound_challenge_is_invalid(bench, changes, code):
    """RFC 7636 §4.3, §4.4.1; suite par-ensure-pkce-required, par-plain-pkce-rejected."""
    answer = bench.answer(**changes)
    assert answer["error"] == "invalid_request"
    assert answer["error_uri"].endswith(f"authorize.{code}")


@pytest.mark.parametrize("verifier", [GOOD[:43], GOOD, (GOOD * 2)[:128]], ids=["43", "66", "128"])
def test_matching_verifier_redeems(bench, verifier):
    """RFC 7636 §4.6."""
    response = bench.token(bench.code(code_challenge=challenge(verifier)), code_verifier=verifier)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "verifier",
    [
        None,
        "",
        GOOD[:42],
        (GOOD * 2)[:129],
        GOOD[:42] + "=",
        GOOD[:42] + "+",
        GOOD[:42] + "/",
        GOOD[:42] + " ",
        GOOD[:42] + "ä",
        GOOD[:43] + "\n",
    ],
    ids=["absent", "empty", "too short", "too long", "=", "+", "/", "space", "umlaut", "newline"],
)
def test_missing_or_malformed_verifier_is_refused_and_the_code_stays(bench, verifier):
    """RFC 7636 §4.1; suite ensure-pkce-code-verifier-required."""
    code = bench.code(code_challenge=challenge(verifier or GOOD))
    response = bench.token(code, code_verifier=verifier)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    assert response.json()["error_uri"].endswith("token.code_verifier_missing")


def test_malformed_verifier_does_not_spend_the_code(bench):
    code = bench.code()
    assert bench.token(code, code_verifier="short").status_code == 400
    assert bench.token(code).status_code == 200


@pytest.mark.parametrize("verifier", [GOOD[:43], CHALLENGE, VERIFIER.lower()])
def test_wrong_verifier_is_refused_and_the_code_is_spent(bench, verifier):
    """RFC 7636 §4.6; suite incorrect-pkce-code-verifier-rejected. The challenge itself is no verifier."""
    code = bench.code()
    response = bench.token(code, code_verifier=verifier)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    last = bench.audit.events[-1]
    assert isinstance(last, TokenRefused)
    assert (last.code, last.revoked) == ("token.code_verifier_wrong", True)
    assert bench.token(code).json()["error"] == "invalid_grant"


UNPROVEN = {"code_challenge": None, "code_challenge_method": None}


@pytest.fixture
def excused(bench):
    """A client that cannot send a challenge."""
    bench.register(client("no-pkce", require_pkce=False))
    return bench


def test_client_excused_from_pkce_redeems_without_a_verifier(excused):
    """RFC 9700 §2.1.1 for confidential clients; every module of the Basic plan but one sends no challenge."""
    code = excused.code(client_id="no-pkce", **UNPROVEN)
    response = excused.token(code, client_id="no-pkce", code_verifier=None)
    assert response.status_code == 200


def test_challenge_of_an_excused_client_counts_all_the_same(excused):
    """RFC 7636 §4.6; suite oidcc-ensure-request-with-valid-pkce-succeeds."""
    assert excused.token(excused.code(client_id="no-pkce"), client_id="no-pkce").status_code == 200
    for wrong in (None, GOOD):
        code = excused.code(client_id="no-pkce")
        response = excused.token(code, client_id="no-pkce", code_verifier=wrong)
        assert response.json()["error_uri"].endswith("token.code_verifier_wrong")
        assert excused.token(code, client_id="no-pkce").json()["error"] == "invalid_grant"


def test_verifier_without_a_challenge_is_refused(excused):
    """RFC 9700 §4.8.2: an attacker removed the challenge from the request."""
    code = excused.code(client_id="no-pkce", **UNPROVEN)
    response = excused.token(code, client_id="no-pkce")
    assert response.json()["error_uri"].endswith("token.code_verifier_wrong")


def test_method_without_a_challenge_is_invalid_for_an_excused_client_too(excused):
    """RFC 7636 §4.3."""
    assert excused.answer(client_id="no-pkce", code_challenge=None)["error_uri"].endswith("pkce_missing")
