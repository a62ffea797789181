"""RFC 9449: DPoP. Module names in docstrings are those of the FAPI 2.0 plan (oidc.md §16)."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.jose import base64url, thumbprint
from tests.oidc.harness import CLIENT_EC, CLIENT_ED, CLIENT_RSA, ISSUER
from tests.oidc.tokens import jwk

FAPI = "key-fapi-es"
OTHER = ec.generate_private_key(ec.SECP256R1())


def ath(token):
    return base64url(hashlib.sha256(token.encode()).digest())


def jkt(key):
    return thumbprint({name: value for name, value in jwk(key).items() if isinstance(value, str)})


def code(bench, client_id="dpop", **changes):
    return bench.code(client_id=client_id, **changes)


def bound(bench, client_id="dpop", *, key=CLIENT_EC, alg="ES256"):
    """An access token bound to ``key``."""
    response = bench.token(
        code(bench, client_id), client_id=client_id, headers={"DPoP": bench.proof(key=key, alg=alg)}
    )
    assert response.status_code == 200, response.text
    assert response.json()["token_type"] == "DPoP"
    return response.json()["access_token"]


def userinfo(bench, token, *proofs, scheme="DPoP"):
    headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", proof) for proof in proofs)]
    return bench.http.get("/userinfo", headers=headers)


@pytest.mark.parametrize(("key", "alg"), [(CLIENT_EC, "ES256"), (CLIENT_RSA, "PS256"), (CLIENT_ED, "EdDSA")])
def test_bound_token_opens_userinfo_with_a_fresh_proof_by_its_key(bench, key, alg):
    """§7.1, with every algorithm that discovery names."""
    token = bound(bench, key=key, alg=alg)
    proof = bench.proof("/userinfo", "GET", key=key, alg=alg, ath=ath(token))
    assert userinfo(bench, token, proof).json()["sub"]


def test_whole_fapi_login(bench):
    """PAR, private_key_jwt, PKCE, DPoP: SP §5.3.2; fapi2-security-profile-final happy flow."""
    answer = bench.answer_to(bench.come_with(bench.pushed(FAPI, proofs=[bench.proof("/par")]), FAPI))
    response = bench.token_by_assertion(
        bench.assertion(FAPI), answer["code"], client_id=FAPI, headers={"DPoP": bench.proof()}
    )
    assert response.json()["token_type"] == "DPoP"
    token = response.json()["access_token"]
    assert userinfo(bench, token, bench.proof("/userinfo", "GET", ath=ath(token))).status_code == 200


def test_stolen_bound_token_is_useless(bench):
    """§7.2: as bearer, without proof, with the thief's own proof, with the proof of another request."""
    token = bound(bench)
    good = {"ath": ath(token)}
    attempts = [
        userinfo(bench, token, scheme="Bearer"),
        userinfo(bench, token, bench.proof("/userinfo", "GET", **good), scheme="Bearer"),
        userinfo(bench, token),
        userinfo(bench, token, bench.proof("/userinfo", "GET", key=OTHER, **good)),
        userinfo(bench, token, bench.proof("/token", "POST", **good)),
        userinfo(bench, token, bench.proof("/userinfo", "GET")),
        userinfo(bench, token, bench.proof("/userinfo", "GET", ath=ath("another token"))),
        bench.http.post("/userinfo", data={"access_token": token}),
    ]
    for refused in attempts:
        assert refused.status_code in {400, 401}
        assert "sub" not in refused.text
        assert refused.headers["www-authenticate"].startswith("DPoP ")


def test_bearer_token_is_no_dpop_token(bench):
    """§7.1: the scheme says what was issued."""
    token = bench.tokens()["access_token"]
    proof = bench.proof("/userinfo", "GET", ath=ath(token))
    assert userinfo(bench, token, proof).status_code == 401


def test_client_that_must_bind_gets_no_bearer_token(bench):
    """ensure-holder-of-key-required; SP §5.3.2.1(4), RFC 9449 §5.2."""
    response = bench.token(code(bench), client_id="dpop")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_code_is_bound_to_the_key_of_the_pushed_request(bench):
    """ensure-dpopproof-at-par-endpoint-binding-success and its negative; §10.1. A stolen code is useless."""
    request_uri = bench.pushed(FAPI, proofs=[bench.proof("/par")])
    stolen = bench.answer_to(bench.come_with(request_uri, FAPI))["code"]
    response = bench.token_by_assertion(
        bench.assertion(FAPI), stolen, client_id=FAPI, headers={"DPoP": bench.proof(key=OTHER)}
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(("key", "status"), [(CLIENT_EC, 200), (OTHER, 400)])
def test_code_is_bound_to_dpop_jkt(bench, key, status):
    """ensure-dpop-auth-code-binding-success, ensure-token-endpoint-fails-with-mismatched-dpop-jkt."""
    got = code(bench, dpop_jkt=jkt(CLIENT_EC))
    response = bench.token(got, client_id="dpop", headers={"DPoP": bench.proof(key=key)})
    assert response.status_code == status


def test_dpop_jkt_and_proof_of_a_push_must_name_one_key(bench):
    """ensure-mismatched-dpop-jkt-fails; §10.1."""
    response = bench.push(FAPI, proofs=[bench.proof("/par")], dpop_jkt=jkt(OTHER))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("seconds", [8, 10, -10, -59])
def test_proof_some_seconds_off_is_accepted(bench, seconds):
    """ensure-dpopproof-with-iat-10seconds-before-succeeds, …-after-succeeds."""
    proof = bench.proof(iat=int(bench.now.timestamp()) + seconds)
    assert bench.token(code(bench), client_id="dpop", headers={"DPoP": proof}).status_code == 200


@pytest.mark.parametrize("seconds", [61, 3600, -61, -3600])
def test_proof_far_off_is_refused(bench, seconds):
    """SP §5.3.2.1(13)."""
    proof = bench.proof(iat=int(bench.now.timestamp()) + seconds)
    response = bench.token(code(bench), client_id="dpop", headers={"DPoP": proof})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")


NEGATIVE = {
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
    "no htm": {"htm": None},
    "other method": {"htm": "GET"},
    "method in lower case": {"htm": "post"},
    "no htu": {"htu": None},
    "other host": {"htu": "https://evil.example/token"},
    "other path": {"htu": f"{ISSUER}/par"},
    "http": {"htu": f"{ISSUER}/token".replace("https", "http")},
    "htu that is no URL": {"htu": "https://[/token"},
    "no iat": {"iat": None},
    "iat as text": {"iat": "1"},
    "expired": {"exp": 1},
    "not yet valid": {"nbf": 4102444800},
    "typ JWT": {"header": {"typ": "JWT"}},
    "no typ": {"header": {"typ": None}},
    "alg none": {"header": {"alg": "none"}},
    "HS256": {"header": {"alg": "HS256"}},
    "RS256": {"key": CLIENT_RSA, "alg": "RS256"},
    "crit": {"header": {"crit": ["x"], "x": True}},
    "no jwk": {"header": {"jwk": None}},
    "another's jwk": {"header": {"jwk": {k: v for k, v in jwk(OTHER).items() if k in {"kty", "crv", "x", "y"}}}},
    "small RSA key": {"key": rsa.generate_private_key(65537, 2048), "alg": "PS256"},
    "private key": {"header": {"jwk": {**{k: v for k, v in jwk(CLIENT_EC).items() if k in {"kty", "crv", "x", "y"}}, "d": "AQ"}}},
    "x5u": {"header": {"x5u": "https://evil.example/"}},
    "jku": {"header": {"jku": "https://evil.example/"}},
}  # fmt: skip


@pytest.mark.parametrize("name", NEGATIVE)
def test_defective_proof_is_refused(bench, name):
    """dpop-negative-tests; §4.3."""
    proof = bench.proof(**NEGATIVE[name])
    response = bench.token(code(bench), client_id="dpop", headers={"DPoP": proof})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")
    assert "access_token" not in response.text


@pytest.mark.parametrize("htu", [f"{ISSUER}:443/token", f"{ISSUER}/token?x=1#y", f"{ISSUER.upper()}/token"])
def test_address_is_compared_normalised_and_without_query(bench, htu):
    """§4.3(9): RFC 3986 §6.2.2 and §6.2.3."""
    response = bench.token(code(bench), client_id="dpop", headers={"DPoP": bench.proof(htu=htu)})
    assert response.status_code == 200


def test_replayed_proof_is_refused(bench):
    """§11.1: jti is remembered for as long as iat could be accepted."""
    proof = bench.proof()
    assert bench.token(code(bench), client_id="dpop", headers={"DPoP": proof}).status_code == 200
    bench.advance(59)
    again = bench.token(code(bench), client_id="dpop", headers={"DPoP": proof})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")


def test_two_proofs_are_refused(bench):
    """§4.3(1)."""
    form = {"grant_type": "authorization_code", "code": code(bench), "redirect_uri": "x"}
    headers = [("DPoP", bench.proof()), ("DPoP", bench.proof())]
    response = bench.http.post("/token", data=form | bench.by_assertion("key-es"), headers=headers)
    assert response.status_code == 400


def test_scheme_is_compared_without_case(bench):
    """access-token-type-header-case-sensitivity."""
    token = bound(bench)
    proof = bench.proof("/userinfo", "GET", ath=ath(token))
    assert userinfo(bench, token, proof, scheme="dPoP").status_code == 200
