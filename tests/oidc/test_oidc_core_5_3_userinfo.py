"""The UserInfo endpoint (Core §5.3) as a protected resource (RFC 6750)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.audit import AuditUnavailable, UserInfoRefused
from gateway.jose import KeyRing, SigningKey
from tests.oidc.harness import EC_KEY, ISSUER
from trust.keys import InMemoryKey


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def token(bench):
    return bench.tokens()["access_token"]


def test_token_in_the_header_opens_userinfo_by_get_and_post(bench, token):
    """Core §5.3.1; suite oidcc-userinfo-get, oidcc-userinfo-post-header."""
    for method in ("GET", "POST"):
        response = bench.http.request(method, "/userinfo", headers=bearer(token))
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        assert response.json()["family_name"] == "Jansen"


def test_token_in_the_form_body_works_for_post(bench, token):
    """RFC 6750 §2.2; suite oidcc-userinfo-post-body."""
    assert bench.http.post("/userinfo", data={"access_token": token}).status_code == 200


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_scheme_is_case_insensitive(bench, token, scheme):
    """RFC 9110 §11.1; suite access-token-type-header-case-sensitivity."""
    response = bench.http.get("/userinfo", headers={"Authorization": f"{scheme} {token}"})
    assert response.status_code == 200


def test_subject_equals_that_of_the_id_token(bench):
    """Core §5.3.2."""
    tokens = bench.tokens()
    found = bench.http.get("/userinfo", headers=bearer(tokens["access_token"])).json()
    assert found["sub"] == bench.read(tokens["id_token"]).claims["sub"]


def test_token_in_the_query_is_refused(bench, token):
    """FAPI 2.0 SP 5.3.4(2), RFC 6750 §5.3: it would end up in logs."""
    response = bench.http.get(f"/userinfo?access_token={token}")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_two_tokens_are_refused(bench, token):
    """RFC 6750 §2: no more than one method."""
    both = bench.http.post("/userinfo", data={"access_token": token}, headers=bearer(token))
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")
    twice = bench.http.get("/userinfo", headers=[("Authorization", f"Bearer {token}")] * 2)
    assert twice.status_code == 400


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic x"}])
def test_missing_token_gets_a_bare_challenge(bench, headers):
    """RFC 6750 §3.1: no error code for who sent no authentication."""
    response = bench.http.get("/userinfo", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="userinfo"'
    assert bench.audit.events[-1] == UserInfoRefused(code="userinfo.token_missing")


@pytest.mark.parametrize("text", ["x", "0123456789." + "A" * 43, "a b", "ü".encode().decode("latin-1")])
def test_unknown_token_is_invalid(bench, text):
    """RFC 6750 §3.1."""
    response = bench.http.get("/userinfo", headers=[(b"authorization", b"Bearer " + text.encode("latin-1"))])
    assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_altered_token_is_invalid(bench, token):
    altered = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    assert bench.http.get("/userinfo", headers=bearer(altered)).status_code == 401


def test_code_and_id_token_are_no_access_tokens(bench):
    """RFC 9068 §4: kinds of token are not exchangeable."""
    assert bench.http.get("/userinfo", headers=bearer(bench.code())).status_code == 401
    assert bench.http.get("/userinfo", headers=bearer(bench.tokens()["id_token"])).status_code == 401


def test_token_ends_with_its_life(bench, token):
    bench.now += timedelta(seconds=299)
    assert bench.http.get("/userinfo", headers=bearer(token)).status_code == 200
    bench.now += timedelta(seconds=1)
    assert bench.http.get("/userinfo", headers=bearer(token)).status_code == 401


def test_signed_userinfo_names_issuer_and_audience(bench):
    """Core §5.3.2; Registration §2 userinfo_signed_response_alg."""
    token = bench.tokens("rs256")["access_token"]
    response = bench.http.get("/userinfo", headers=bearer(token))
    assert response.headers["content-type"] == "application/jwt"
    read = bench.read(response.text)
    assert read.header["alg"] == "RS256"
    assert (read.claims["iss"], read.claims["aud"]) == (ISSUER, "rs256")
    assert read.claims["family_name"] == "Jansen"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_other_methods_are_not_allowed(bench, method):
    assert bench.http.request(method, "/userinfo").status_code == 405


def test_form_that_is_none_is_refused(bench):
    response = bench.http.post("/userinfo", content=b"{}", headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_refusal_that_cannot_be_audited_is_not_visible(bench):
    """design.md invariant 6."""
    bench.audit.failure = AuditUnavailable(OSError())
    assert bench.http.get("/userinfo").status_code == 503


def test_repeated_token_in_the_form_is_refused(bench, token):
    content = f"access_token={token}&access_token={token}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert bench.http.post("/userinfo", content=content, headers=headers).status_code == 400


def test_token_of_a_client_that_was_removed_is_invalid(bench, token):
    bench.provider = replace(bench.provider, clients={})
    assert bench.http.get("/userinfo", headers=bearer(token)).status_code == 401


def test_userinfo_that_cannot_be_signed_is_503(bench):
    token = bench.tokens("rs256")["access_token"]
    bench.provider = replace(bench.provider, keys=KeyRing([SigningKey.of(InMemoryKey(EC_KEY), "ES256")]))
    response = bench.http.get("/userinfo", headers=bearer(token))
    assert (response.status_code, response.json()["error"]) == (503, "server_error")
