"""JWT Secured Authorization Response Mode; FAPI 2.0 Message Signing §5.4.1."""

import pytest

from gateway.oidc import errors
from tests.oidc.harness import ISSUER


@pytest.mark.parametrize("mode", ["jwt", "query.jwt"])
def test_response_is_one_signed_jwt(bench, mode):
    """JARM §2.1, §2.3.1: iss, aud, exp and what the plain response would say, in the parameter response."""
    answer = bench.answer(client_id="jarm", response_mode=mode)
    assert set(answer) == {"response"}
    token = bench.read(answer["response"])
    assert token.claims["iss"] == ISSUER
    assert token.claims["aud"] == "jarm"
    assert 0 < token.claims["exp"] - bench.now.timestamp() <= 600
    assert token.claims["state"] == "st"
    assert bench.token(token.claims["code"], client_id="jarm").status_code == 200


def test_error_is_signed_too(bench):
    """JARM §2.1: the error response."""
    answer = bench.answer(client_id="jarm", response_mode="jwt", response_type="token")
    claims = bench.read(answer["response"]).claims
    assert (claims["error"], claims["state"]) == ("unsupported_response_type", "st")
    assert "code" not in claims


def test_client_registered_for_signed_responses_must_ask_for_one(bench):
    """MS §5.4.1(2), and the refusal is signed as well."""
    for mode in (None, "query", "form_post"):
        answer = bench.answer(client_id="jarm", response_mode=mode)
        claims = bench.read(answer["response"]).claims
        assert claims["error_uri"].endswith(errors.RESPONSE_MODE_UNSIGNED.code)


def test_form_post_carries_the_same_jwt(bench):
    """JARM §2.3.3."""
    form = bench.authorize(client_id="jarm", response_mode="form_post.jwt").json()
    assert set(form["fields"]) == {"response"}
    assert "code" in bench.read(form["fields"]["response"]).claims


def test_any_client_may_ask_for_a_signed_response(bench):
    """Signed then with the algorithm of its ID tokens."""
    answer = bench.answer(client_id="rs256", response_mode="jwt")
    assert bench.read(answer["response"]).header["alg"] == "RS256"
