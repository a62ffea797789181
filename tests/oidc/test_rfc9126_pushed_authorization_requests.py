"""RFC 9126 and FAPI 2.0 Security Profile §5.3.2.2: pushed authorization requests.

Module names in docstrings are those of the certification suite's FAPI 2.0 plan (oidc.md §16).
"""

import pytest

from gateway.audit import PushRefused, RequestPushed
from tests.oidc.harness import CALLBACK, CLIENT_RSA, ISSUER

FAPI = "key-fapi-es"


def code_of(bench, request_uri, client_id="key-es"):
    return bench.answer_to(bench.come_with(request_uri, client_id))["code"]


def test_push_gives_a_request_uri_that_opens_the_pushed_request(bench):
    """RFC 9126 §2.2: 201, no caching, less than ten minutes; SP §5.3.2.2(12)."""
    response = bench.push(scope="openid email", nonce="n-1")
    assert response.status_code == 201
    assert "no-store" in response.headers["cache-control"]
    body = response.json()
    assert body["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert 5 <= body["expires_in"] < 600
    code_of(bench, body["request_uri"])
    (opened,) = bench.opened
    assert (opened.scope, opened.nonce, opened.state) == (("openid", "email"), "n-1", "st")


def test_nothing_outside_a_pushed_request_counts(bench):
    """RFC 9126 §4, RFC 9101 §6.3: parameters beside it are ignored."""
    answer = bench.answer_to(
        bench.come_with(bench.pushed(), scope="x", state="other", redirect_uri="https://evil.example/")
    )
    assert answer["state"] == "st"
    assert bench.opened[0].redirect_uri == CALLBACK


def test_request_uri_may_be_opened_again_until_its_code_is_issued(bench):
    """par-ensure-reused-request-uri-prior-to-auth-completion-succeeds."""
    bench.held = True
    request_uri = bench.pushed()
    assert bench.come_with(request_uri).status_code == 200
    assert bench.come_with(request_uri).status_code == 200
    assert "code" in bench.finish(0)


def test_second_code_for_one_request_uri_is_refused(bench):
    """par-attempt-reuse-request_uri."""
    request_uri = bench.pushed()
    code_of(bench, request_uri)
    again = bench.come_with(request_uri)
    assert (again.status_code, again.text) == (400, "authorize.request_uri_invalid")


def test_of_two_journeys_with_one_request_uri_only_the_first_gets_a_code(bench):
    """SP §5.3.2.2 note 3: single use is enforced when the code is issued."""
    bench.held = True
    request_uri = bench.pushed()
    bench.come_with(request_uri)
    bench.come_with(request_uri)
    assert "code" in bench.finish(1)
    refused = bench.finish(0)
    assert refused["error"] == "invalid_request_uri"
    assert "code" not in refused


def test_expired_request_uri_is_refused(bench):
    """par-attempt-to-use-expired-request_uri."""
    response = bench.push()
    bench.advance(response.json()["expires_in"] + 1)
    late = bench.come_with(response.json()["request_uri"])
    assert (late.status_code, late.text) == (400, "authorize.request_uri_invalid")


def test_request_uri_of_another_client_is_refused(bench):
    """par-attempt-to-use-request_uri-for-different-client."""
    stolen = bench.come_with(bench.pushed("key-es"), "key-ps")
    assert (stolen.status_code, stolen.text) == (400, "authorize.request_uri_invalid")


@pytest.mark.parametrize("uri", ["x", "", "AAAAAAAAAA." + "A" * 43, "." * 100])
def test_unknown_request_uri_is_a_page(bench, uri):
    answer = bench.come_with("urn:ietf:params:oauth:request_uri:" + uri)
    assert (answer.status_code, answer.text) == (400, "authorize.request_uri_invalid")


def test_fapi_client_without_push_is_refused(bench):
    """ensure-unsigned-authorization-request-without-using-par-fails; SP §5.3.2.2(3)."""
    answer = bench.answer(client_id=FAPI)
    assert (answer["error"], "code" in answer) == ("invalid_request", False)


def test_push_without_client_authentication_is_refused(bench):
    """SP §5.3.2.2(4)."""
    response = bench.http.post("/par", data=bench.parameters(client_id=FAPI))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert [type(event) for event in bench.audit.events] == [PushRefused]


def test_push_is_a_post(bench):
    """par-attempt-invalid-http-method; RFC 9126 §2.3."""
    assert bench.http.get("/par").status_code == 405


def test_push_that_contains_a_request_uri_is_refused(bench):
    """par-authorization-request-containing-request_uri-form-param; RFC 9126 §2.1."""
    response = bench.push(request_uri="urn:ietf:params:oauth:request_uri:x")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "https://portal.example/unregistered"}, "invalid_request"),
        ({"redirect_uri": "http://portal.example/cb"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"state": "s" * 4097}, "invalid_request"),
        ({"resource": "https://pay.example/"}, "invalid_target"),
    ],
)
def test_defect_is_told_when_it_is_pushed(bench, changes, error):
    """par-ensure-pkce-required, par-plain-pkce-rejected, ensure-redirect-uri-in-authorization-request,
    ensure-response-type-token-fails, ensure-response-type-code-idtoken-fails."""
    response = bench.push(FAPI, **changes)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response.json()["error_uri"].startswith("https://")
    assert not any(isinstance(event, RequestPushed) for event in bench.audit.events)


def test_repeated_parameter_in_a_push_is_refused(bench):
    """par-without-duplicate-parameters."""
    body = [*bench.by_assertion(FAPI).items(), *bench.parameters(client_id=FAPI).items(), ("state", "b")]
    response = bench.http.post("/par", data=None, content="&".join(f"{k}={v}" for k, v in body),
                               headers={"Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("audience", [[ISSUER], f"{ISSUER}/par"])
def test_assertion_with_another_audience_than_the_issuer_as_a_string_is_refused(bench, audience):
    """par-test-array-as-audience-fails, par-test-par-endpoint-url-as-audience-fails; SP §5.3.2.1(8)."""
    form = {**bench.parameters(client_id=FAPI), **bench.by_assertion(FAPI, aud=audience)}
    response = bench.http.post("/par", data=form)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_rs256_assertion_of_a_fapi_client_is_refused(bench):
    """ensure-signed-client-assertion-with-RS256-fails."""
    form = {
        **bench.parameters(client_id="key-fapi"),
        **bench.by_assertion("key-fapi", key=CLIENT_RSA, alg="RS256", kid="r"),
    }
    assert bench.http.post("/par", data=form).status_code == 401


@pytest.mark.parametrize("nonce", ["n" * 64, None])
def test_nonce_of_64_characters_and_none_at_all_are_accepted(bench, nonce):
    """ensure-authorization-request-with-64-char-nonce-success, …-without-nonce-success."""
    assert bench.push(FAPI, nonce=nonce).status_code == 201


def test_registration_that_changed_since_the_push_counts(bench):
    """What was checked when it was pushed is checked again when the browser comes."""
    request_uri = bench.pushed("resourceful", resource="https://pay.example/")
    changed = bench.provider.clients["resourceful"].model_copy(update={"resources": ()})
    bench.register(changed)
    answer = bench.answer_to(bench.come_with(request_uri, "resourceful"))
    assert answer["error"] == "invalid_target"
