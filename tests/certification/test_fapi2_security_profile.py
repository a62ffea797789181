"""``fapi2-security-profile-final-test-plan`` with ``sender_constrain`` DPoP and mTLS.

The suite's names begin with ``fapi2-security-profile-final-``, left out in the docstrings. Modules about client
assertions or proofs run in the variant that has them. There are no refresh tokens (``refresh-token`` is
skipped) and no grant management.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.certification.judge import CALLBACK, KEYS, LONG_STATE, MTLS, Judge, Pair, sign
from tests.certification.profiles import DPoP, MutualTLS, Profile, certificate
from tests.login.installation import ISSUER
from tests.oidc.tokens import compact, jwk, signer

pytestmark = pytest.mark.anyio

CLIENT_ERRORS = ("invalid_client", "invalid_request")


@pytest.fixture
def dpop(judge: Judge) -> DPoP:
    return DPoP(judge, "client", "client2")


@pytest.fixture
def mtls(judge: Judge) -> MutualTLS:
    return MutualTLS(judge, "mtls-client", "mtls-client2")


@pytest.fixture(params=["dpop", "mtls"])
def fapi(request: pytest.FixtureRequest, dpop: DPoP, mtls: MutualTLS) -> Profile:
    return dpop if request.param == "dpop" else mtls


# ---------------------------------------------------------------------------------- well-behaved clients


async def test_happy_flow(fapi: Profile) -> None:
    """happy-flow, with both clients of the plan."""
    found = await fapi.log_in()
    assert found["token_type"].lower() == ("dpop" if isinstance(fapi, DPoP) else "bearer")
    assert "refresh_token" not in found


async def test_user_rejects_authentication(fapi: Profile) -> None:
    """user-rejects-authentication: the citizen keeps the data back."""
    asked = fapi.request()
    fapi.judge.error(asked, await fapi.landed(asked, decide="refuse"), "access_denied")


@pytest.mark.parametrize("left_out", ["state", "nonce"])
async def test_ensure_authorization_request_without_optional_parameter_success(
    fapi: Profile, left_out: str
) -> None:
    """ensure-authorization-request-without-state-success, -without-nonce-success."""
    await fapi.log_in(**{left_out: None})


async def test_ensure_authorization_request_with_64_char_nonce_success(fapi: Profile) -> None:
    """ensure-authorization-request-with-64-char-nonce-success."""
    await fapi.log_in(nonce="n" * 64)


async def test_ensure_authorization_request_with_long_nonce(fapi: Profile) -> None:
    """ensure-authorization-request-with-long-nonce: kept whole or refused, never shortened."""
    await fapi.log_in(nonce="n" * 384)


async def test_ensure_authorization_request_with_long_state(fapi: Profile) -> None:
    """ensure-authorization-request-with-long-state."""
    await fapi.log_in(state=LONG_STATE)


async def test_ensure_other_scope_order_succeeds(fapi: Profile) -> None:
    """ensure-other-scope-order-succeeds."""
    await fapi.log_in(scope="profile openid")


async def test_claims_parameter_identity_claims(fapi: Profile) -> None:
    """test-claims-parameter-identity-claims: in the ID token and in UserInfo, as asked."""
    names: dict[str, Any] = {"given_name": None, "family_name": {"essential": True}, "birthdate": None}
    found = await fapi.log_in(claims=json.dumps({"id_token": names, "userinfo": names}))
    person = (await fapi.resource(found)).json()
    for place in (found["claims"], person):
        assert {"given_name", "family_name"} <= place.keys()


async def test_access_token_type_header_case_sensitivity(fapi: Profile) -> None:
    """access-token-type-header-case-sensitivity: ``dPOP`` and ``bEARER``."""
    found = await fapi.log_in()
    scheme = ("DPoP" if isinstance(fapi, DPoP) else "Bearer").swapcase()
    headers = {"authorization": f"{scheme} {found['access_token']}"}
    fapi.judge.person(found, await fapi.resource(found, headers))


# ------------------------------------------------------------------------------------------------ DPoP


async def test_check_dpop_proof_nbf_exp(dpop: DPoP) -> None:
    """check-dpop-proof-nbf-exp: two claims that a proof need not have, and may."""
    landed = await dpop.landed(asked := dpop.request())
    proof = dpop.judge.proof("POST", "/token", nbf=dpop.judge.now, exp=dpop.judge.now + 300)
    found = await dpop.judge.checked(asked, await _redeem_with(dpop, landed, proof))
    dpop.judge.person(found, await dpop.resource(found))


@pytest.mark.parametrize("seconds", [-10, 10])
async def test_ensure_dpopproof_with_iat_10seconds_off_succeeds(dpop: DPoP, seconds: int) -> None:
    """ensure-dpopproof-with-iat-10seconds-before-succeeds, -after-succeeds."""
    landed = await dpop.landed(asked := dpop.request())
    proof = dpop.judge.proof("POST", "/token", iat=dpop.judge.now + seconds)
    await dpop.judge.checked(asked, await _redeem_with(dpop, landed, proof))


async def test_ensure_mismatched_dpop_jkt_fails(dpop: DPoP) -> None:
    """ensure-mismatched-dpop-jkt-fails: parameter and proof at PAR name different keys."""
    asked = dpop.request(dpop_jkt=_thumbprint(KEYS["client2"]))
    dpop.judge.refused(await dpop.push(asked, **dpop.holding("POST", "/par")), "invalid_request")


@pytest.mark.parametrize("by", ["dpop_jkt", "proof"])
async def test_ensure_token_endpoint_fails_with_mismatched_dpop_key(dpop: DPoP, by: str) -> None:
    """ensure-token-endpoint-fails-with-mismatched-dpop-jkt, -mismatched-dpop-proof-jkt."""
    other = KEYS["client2"]
    asked = dpop.request(**({"dpop_jkt": _thumbprint(other)} if by == "dpop_jkt" else {}))
    headers = dpop.holding("POST", "/par", key=other) if by == "proof" else {}
    landed = await dpop.visit(await dpop.pushed(asked, **headers))
    dpop.judge.refused(await dpop.redeem(landed), "invalid_grant", "invalid_dpop_proof")


@pytest.mark.parametrize("by", ["dpop_jkt", "proof"])
async def test_ensure_dpop_auth_code_binding_success(dpop: DPoP, by: str) -> None:
    """ensure-dpop-auth-code-binding-success, ensure-dpopproof-at-par-endpoint-binding-success."""
    asked = dpop.request(**({"dpop_jkt": _thumbprint(KEYS["client"])} if by == "dpop_jkt" else {}))
    headers = dpop.holding("POST", "/par") if by == "proof" else {}
    await dpop.complete(asked, await dpop.visit(await dpop.pushed(asked, **headers)))


NEGATIVE_PROOFS: dict[str, dict[str, Any]] = {
    "typ missing": {"header": {"typ": None}},
    "typ invalid": {"header": {"typ": "jwt"}},
    "alg missing": {"header": {"alg": None}},
    "jwk missing": {"header": {"jwk": None}},
    "jwk private": {"header": {"jwk": {**jwk(KEYS["client"]), "d": "AAAA"}}},
    "jti missing": {"jti": None},
    "htm missing": {"htm": None},
    "htm wrong": {"htm": "PUT"},
    "htu missing": {"htu": None},
    "htu elsewhere": {"htu": "https://suite.example/userinfo"},
    "iat missing": {"iat": None},
    "iat an hour ahead": {"iat": 3600},
    "iat an hour old": {"iat": -3600},
    "ath missing": {"ath": None},
    "ath wrong": {"ath": "wrong"},
    "another key": {"key": ec.generate_private_key(ec.SECP256R1())},
}


async def test_dpop_negative_tests(dpop: DPoP) -> None:
    """dpop-negative-tests: each wrong proof at the resource, and the right ones between."""
    found = await dpop.log_in()
    token = found["access_token"]

    async def status(*proofs: str, scheme: str = "DPoP") -> int:
        headers = [("authorization", f"{scheme} {token}"), *(("dpop", proof) for proof in proofs)]
        return (await dpop.judge.http.get("/userinfo", headers=headers)).status_code

    def proof(**changes: Any) -> str:
        if isinstance(changes.get("iat"), int):
            changes["iat"] += dpop.judge.now
        return dpop.judge.proof("GET", "/userinfo", access_token=token, **changes)

    assert await status(proof()) == 200
    for name, changes in NEGATIVE_PROOFS.items():
        assert await status(proof(**changes)) in {400, 401}, name
    assert await status(proof(), proof()) in {400, 401}, "two proofs"
    assert await status("not.a.jwt") in {400, 401}
    assert await status(_unsigned(dpop, token)) in {400, 401}, "alg none"
    head, body, signature = proof().split(".")
    broken = signature[:8] + ("A" if signature[8] != "A" else "B") + signature[9:]
    assert await status(f"{head}.{body}.{broken}") in {400, 401}, "signature"
    assert await status(proof(htu=f"{ISSUER}/userinfo?a=b#c")) == 200, "htu with query and fragment"
    assert await status(proof(htu="HTTPS://ID.example:443/userinfo")) == 200, "htu to be normalised"
    assert await status(once := proof()) == 200
    assert await status(once) in {400, 401}, "jti again"
    assert await status(proof(header={"extra": 1}, more="claims")) == 200, "unknown members"
    assert await status(proof(), scheme="Bearer") == 401, "bound token as bearer token"
    assert await status() == 401, "no proof"


# --------------------------------------------------------------------- negative: authorization requests


async def test_plain_fapi_tolerate_unregistered_redirect_uri(fapi: Profile) -> None:
    """plain-fapi-tolerate-unregistered-redirect-uri: refused where it is pushed."""
    asked = fapi.request(redirect_uri=f"{CALLBACK}/unregistered")
    fapi.judge.refused(await fapi.push(asked), "invalid_request", "invalid_redirect_uri")


async def test_ensure_unsigned_authorization_request_without_using_par_fails(fapi: Profile) -> None:
    """ensure-unsigned-authorization-request-without-using-par-fails."""
    asked = fapi.request()
    fapi.judge.error(asked, await fapi.judge.walk(f"/authorize?{urlencode(asked)}"), "invalid_request")


async def test_ensure_redirect_uri_in_authorization_request(fapi: Profile) -> None:
    """ensure-redirect-uri-in-authorization-request."""
    fapi.judge.refused(await fapi.push(fapi.request(redirect_uri=None)), "invalid_request")


@pytest.mark.parametrize("response_type", ["code id_token", "token"])
async def test_ensure_response_type_fails(fapi: Profile, response_type: str) -> None:
    """ensure-response-type-code-idtoken-fails, ensure-response-type-token-fails."""
    response = await fapi.push(fapi.request(response_type=response_type))
    fapi.judge.refused(response, "unsupported_response_type", "invalid_request", "unauthorized_client")


# -------------------------------------------------------------------------- negative: token endpoint


async def test_ensure_client_id_in_token_endpoint(fapi: Profile) -> None:
    """ensure-client-id-in-token-endpoint: the other client's name with this client's credentials."""
    landed = await fapi.landed(fapi.request())
    if isinstance(fapi, DPoP):
        own = {"client_id": "client2", **fapi.judge.assertion("client2", key="client")}
        response = await fapi.send("/token", {**_redemption(fapi, landed), **own}, "client")
    else:
        response = await fapi.judge.mtls.post(
            "/token",
            data={**_redemption(fapi, landed), "client_id": fapi.client2},
            headers={"client-cert": certificate("client")},
        )
    fapi.judge.refused(response, "invalid_client", "invalid_grant")


async def test_ensure_holder_of_key_required(fapi: Profile) -> None:
    """ensure-holder-of-key-required: no proof, or no certificate, no token."""
    landed = await fapi.landed(fapi.request())
    if isinstance(fapi, DPoP):
        response = await fapi.send("/token", _redemption(fapi, landed), "client")
        fapi.judge.refused(response, "invalid_request", "invalid_dpop_proof", "invalid_grant")
    else:
        form = {**_redemption(fapi, landed), "client_id": fapi.client}
        for listener in (fapi.judge.mtls, fapi.judge.http):
            fapi.judge.refused(await listener.post("/token", data=form), *CLIENT_ERRORS)


async def test_ensure_authorization_code_is_bound_to_client(fapi: Profile) -> None:
    """ensure-authorization-code-is-bound-to-client: the second client, well authenticated."""
    landed = await fapi.landed(fapi.request())
    fapi.judge.refused(await fapi.redeem(landed, fapi.client2), "invalid_grant")


async def test_attempt_reuse_authorization_code_after_one_second(fapi: Profile) -> None:
    """attempt-reuse-authorization-code-after-one-second: refused, and the access token ends (a warning else)."""
    landed = await fapi.landed(asked := fapi.request())
    found = await fapi.complete(asked, landed)
    fapi.judge.clock.forward(seconds=1)
    fapi.judge.refused(await fapi.redeem(landed), "invalid_grant")
    assert (await fapi.resource(found)).status_code == 401


async def test_ensure_token_endpoint_fails_with_expired_auth_code(fapi: Profile) -> None:
    """ensure-token-endpoint-fails-with-expired-auth-code: the suite waits 62 seconds."""
    landed = await fapi.landed(fapi.request())
    fapi.judge.clock.forward(seconds=62)
    fapi.judge.refused(await fapi.redeem(landed), "invalid_grant")


# -------------------------------------------------------------------------------- client assertions


def _rs256(judge: Judge) -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    claims = {"iss": "client", "sub": "client", "aud": ISSUER, "jti": "x", "exp": judge.now + 60}
    signed = compact({"alg": "RS256", "kid": "client"}, claims, signer(key, "RS256"))
    return {**judge.assertion("client"), "client_assertion": signed}


ASSERTIONS: dict[str, Callable[[Judge], dict[str, str]]] = {
    "ensure-signed-client-assertion-with-RS256-fails": _rs256,
    "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails": lambda judge: judge.assertion(
        "client", exp=judge.now - 300
    ),
    "ensure-client-assertion-with-wrong-aud-fails": lambda judge: judge.assertion(
        "client", aud="https://suite.example/invalid"
    ),
    "ensure-client-assertion-with-no-sub-fails": lambda judge: judge.assertion("client", sub=None),
}


@pytest.mark.parametrize("module", ASSERTIONS)
async def test_client_assertion_fails(dpop: DPoP, module: str) -> None:
    """ensure-signed-client-assertion-with-RS256-fails, ensure-client-assertion-with-… (see the identifiers)."""
    landed = await dpop.landed(dpop.request())
    form = {**_redemption(dpop, landed), **ASSERTIONS[module](dpop.judge)}
    response = await dpop.judge.http.post("/token", data=form, headers=dpop.holding("POST", "/token"))
    dpop.judge.refused(response, *CLIENT_ERRORS)


async def test_ensure_client_assertion_in_token_endpoint(dpop: DPoP) -> None:
    """ensure-client-assertion-in-token-endpoint: a name alone is nobody."""
    landed = await dpop.landed(dpop.request())
    form = {**_redemption(dpop, landed), "client_id": "client"}
    response = await dpop.judge.http.post("/token", data=form, headers=dpop.holding("POST", "/token"))
    dpop.judge.refused(response, *CLIENT_ERRORS)


@pytest.mark.parametrize(
    "audience",
    [f"{ISSUER}/par", f"{ISSUER}/token", [ISSUER], [f"{ISSUER}/par"], [ISSUER, f"{ISSUER}/par"]],
    ids=["par-endpoint-url", "token-endpoint-url", "array", "array of the endpoint", "array with another"],
)
async def test_par_test_audience_fails(dpop: DPoP, audience: str | list[str]) -> None:
    """par-test-par-endpoint-url-as-audience-fails, -token-endpoint-url-as-audience-fails, -array-as-…-fails."""
    form = {**dpop.request(), **dpop.judge.assertion("client", aud=audience)}
    dpop.judge.refused(await dpop.judge.http.post("/par", data=form), *CLIENT_ERRORS)


async def test_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(dpop: DPoP) -> None:
    """par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted."""
    ahead = dpop.judge.now + 8
    form = {**dpop.request(), **dpop.judge.assertion("client", nbf=ahead, iat=ahead)}
    assert (await dpop.judge.http.post("/par", data=form)).status_code == 201


async def test_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(dpop: DPoP) -> None:
    """par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails."""
    ahead = dpop.judge.now + 65
    for late in ({"nbf": ahead}, {"iat": ahead}, {"nbf": ahead, "iat": ahead}):
        form = {**dpop.request(), **dpop.judge.assertion("client", exp=ahead + 60, **late)}
        dpop.judge.refused(await dpop.judge.http.post("/par", data=form), *CLIENT_ERRORS)


# ---------------------------------------------------------------------------------------------- PAR


async def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(fapi: Profile) -> None:
    """par-ensure-reused-request-uri-prior-to-auth-completion-succeeds: a page shown spends nothing."""
    request_uri = await fapi.pushed(asked := fapi.request())
    first = await fapi.judge.browser.get(_address(fapi, request_uri))
    assert first.status_code == 303
    await fapi.complete(asked, await fapi.visit(request_uri))


async def test_par_attempt_reuse_request_uri(fapi: Profile) -> None:
    """par-attempt-reuse-request_uri: after a completed login."""
    request_uri = await fapi.pushed(asked := fapi.request())
    await fapi.complete(asked, await fapi.visit(request_uri))
    fapi.judge.page(await fapi.visit(request_uri))


async def test_par_attempt_to_use_expired_request_uri(fapi: Profile) -> None:
    """par-attempt-to-use-expired-request_uri."""
    request_uri = await fapi.pushed(fapi.request())
    fapi.judge.clock.forward(seconds=600)
    fapi.judge.page(await fapi.visit(request_uri))


async def test_par_attempt_to_use_request_uri_for_different_client(fapi: Profile) -> None:
    """par-attempt-to-use-request_uri-for-different-client."""
    request_uri = await fapi.pushed(fapi.request())
    fapi.judge.page(await fapi.visit(request_uri, fapi.client2))


async def test_par_authorization_request_containing_request_uri_form_param(fapi: Profile) -> None:
    """par-authorization-request-containing-request_uri-form-param."""
    asked = fapi.request(request_uri="urn:ietf:params:oauth:request_uri:invalid")
    fapi.judge.refused(await fapi.push(asked), "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_par_attempt_invalid_http_method(fapi: Profile, method: str) -> None:
    """par-attempt-invalid-http-method (RFC 9126 §2.3)."""
    http = fapi.judge.http if isinstance(fapi, DPoP) else fapi.judge.mtls
    assert (await http.request(method, "/par")).status_code == 405


async def test_par_without_duplicate_parameters(fapi: Profile) -> None:
    """par-without-duplicate-parameters: only ``client_id`` and ``request_uri`` count, and they suffice."""
    request_uri = await fapi.pushed(asked := fapi.request())
    outside = {"client_id": fapi.client, "request_uri": request_uri, "state": "other", "scope": "email"}
    await fapi.complete(asked, await fapi.judge.walk(f"/authorize?{urlencode(outside)}"))


# --------------------------------------------------------------------------------------------- PKCE


@pytest.mark.parametrize(
    "changes",
    [{"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"}],
    ids=["par-ensure-pkce-required", "par-plain-pkce-rejected"],
)
async def test_par_pkce(fapi: Profile, changes: dict[str, Any]) -> None:
    """par-ensure-pkce-required, par-plain-pkce-rejected."""
    fapi.judge.refused(await fapi.push(fapi.request(**changes)), "invalid_request")


@pytest.mark.parametrize(
    "verifier",
    [None, Pair().verifier],
    ids=["ensure-pkce-code-verifier-required", "incorrect-pkce-code-verifier-rejected"],
)
async def test_pkce_code_verifier(fapi: Profile, verifier: str | None) -> None:
    """ensure-pkce-code-verifier-required, incorrect-pkce-code-verifier-rejected."""
    landed = await fapi.landed(fapi.request())
    response = await fapi.redeem(landed, code_verifier=verifier)
    fapi.judge.refused(response, "invalid_grant", "invalid_request")


# ------------------------------------------------------------------------ the listener for certificates


async def test_bound_token_is_worthless_without_its_certificate(mtls: MutualTLS) -> None:
    """RFC 8705 §3: another certificate, none, or the header on the listener for everybody."""
    found = await mtls.log_in()
    bearer = {"authorization": f"Bearer {found['access_token']}"}
    for headers in (bearer, {**bearer, "client-cert": certificate("client2")}):
        assert (await mtls.judge.mtls.get("/userinfo", headers=headers)).status_code == 401
    forged = {**bearer, "client-cert": certificate("client")}
    assert (await mtls.judge.http.get("/userinfo", headers=forged)).status_code == 401


async def test_certificate_endpoints_are_where_the_metadata_say(mtls: MutualTLS) -> None:
    """RFC 8705 §5: and no page of a citizen is among them."""
    aliases = (await mtls.judge.metadata())["mtls_endpoint_aliases"]
    assert aliases["token_endpoint"] == f"{MTLS}/token"
    assert "authorization_endpoint" not in aliases
    assert (await mtls.judge.mtls.get("/authorize")).status_code == 404


async def test_happy_flow_with_private_key_jwt_and_mtls(judge: Judge, mtls: MutualTLS) -> None:
    """happy-flow, ``client_auth_type=private_key_jwt``, ``sender_constrain=mtls``: the suite pushes to the alias
    without a certificate, and shows one to the token endpoint and the resource."""
    client_id, shown = "key-and-mtls", {"client-cert": certificate("client")}
    for headers in ({}, shown):
        asked = mtls.request(client_id)
        pushed = await judge.mtls.post("/par", data={**asked, **judge.assertion(client_id)})
        assert pushed.status_code == 201, pushed.text
        landed = await mtls.visit(pushed.json()["request_uri"], client_id)
        form = {**_redemption(mtls, landed), **judge.assertion(client_id)}
        response = await judge.mtls.post("/token", data=form, headers=headers)
        if not headers:
            judge.refused(response, *CLIENT_ERRORS, "invalid_grant")
            continue
        found = await judge.checked(asked, response)
        judge.person(found, await mtls.resource(found))


def _address(fapi: Profile, request_uri: str) -> str:
    return f"/authorize?{urlencode({'client_id': fapi.client, 'request_uri': request_uri})}"


def _redemption(fapi: Profile, landed: Any) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": landed.code,
        "redirect_uri": CALLBACK,
        "code_verifier": fapi.pair.verifier,
    }


async def _redeem_with(dpop: DPoP, landed: Any, proof: str) -> Any:
    return await dpop.send("/token", _redemption(dpop, landed), "client", {"dpop": proof})


def _thumbprint(key: ec.EllipticCurvePrivateKey) -> str:
    from joserfc.jwk import ECKey

    return str(ECKey.import_key(jwk(key)).thumbprint())


def _unsigned(dpop: DPoP, token: str) -> str:
    head, body, _ = dpop.judge.proof("GET", "/userinfo", access_token=token).split(".")
    none = sign(KEYS["client"], {"alg": "none", "typ": "dpop+jwt", "jwk": jwk(KEYS["client"])}, {}).split(
        "."
    )[0]
    assert head != none
    return f"{none}.{body}."
