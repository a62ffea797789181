"""RFC 9101 and FAPI 2.0 Message Signing §5.3.1: authorization requests in signed JWTs."""

import pytest

from gateway.audit import RequestPushed
from tests.oidc.harness import CALLBACK, CLIENT_ED, CLIENT_RSA, ISSUER


def test_only_what_is_inside_the_request_object_counts(bench):
    """RFC 9101 §6.3: parameters outside are ignored, client_id must be there and be the same."""
    answer = bench.answer_to(
        bench.authorize_with({"request": bench.request_object(), "state": "outside", "scope": "x"})
    )
    assert answer["state"] == "st"
    assert bench.opened[0].scope == ("openid", "profile")


def test_pushed_request_object_is_noted_as_signed(bench):
    """FAPI 2.0 Message Signing §5.3.1(2)."""
    only = {"request": bench.request_object("key-jar")}
    answer = bench.answer_to(bench.come_with(bench.pushed("key-jar", only=only), "key-jar"))
    assert "code" in answer
    assert RequestPushed(client="key-jar", signed=True, bound=False) in bench.audit.events


def test_client_that_must_sign_may_not_send_plain_parameters(bench):
    """FAPI 2.0 Message Signing §5.3.1(2): require signed request objects."""
    response = bench.push("key-jar")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_audience_may_be_among_others_and_numbers_and_objects_are_members(bench):
    """RFC 9101 §4, §5.2: aud is or contains the issuer; claims is an object, max_age a number."""
    request = bench.request_object(
        aud=["https://other.example", ISSUER], max_age=60, claims={"userinfo": {"email": None}}
    )
    bench.answer_to(bench.authorize_with({"request": request}))
    assert bench.opened[0].max_age == 60
    assert set(bench.opened[0].claims.userinfo) == {"email"}


@pytest.mark.parametrize("ahead", [8, -5])
def test_clock_that_is_some_seconds_off_is_accepted(bench, ahead):
    """SP §5.3.2.1(13)."""
    begins = int(bench.now.timestamp()) + ahead
    bench.answer_to(bench.authorize_with({"request": bench.request_object(nbf=begins, exp=begins + 60)}))


INVALID = {
    "another issuer": {"iss": "key-ps"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "https://other.example"},
    "another client inside": {"client_id": "key-ps"},
    "no client inside": {"client_id": None},
    "client as its subject": {"sub": "key-jar"},
    "request object inside": {"request": "x"},
    "request_uri inside": {"request_uri": "urn:x"},
    "no nbf": {"nbf": None},
    "no exp": {"exp": None},
    "list as a value": {"scope": ["openid"]},
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_request_object_is_refused(bench, name):
    """RFC 9101 §6.2, §10.8; MS §5.3.1(4) and (5)."""
    response = bench.push("key-jar", only={"request": bench.request_object("key-jar", **INVALID[name])})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request_object")
    assert not bench.opened


@pytest.mark.parametrize(("begins", "lives"), [(-3700, 7300), (0, 3700), (120, 60), (-200, 60)])
def test_request_object_outside_its_time_is_refused(bench, begins, lives):
    """MS §5.3.1(4): nbf at most 60 minutes ago, exp at most 60 minutes after it."""
    begin = int(bench.now.timestamp()) + begins
    request = bench.request_object("key-jar", nbf=begin, exp=begin + lives)
    assert bench.push("key-jar", only={"request": request}).json()["error"] == "invalid_request_object"


@pytest.mark.parametrize(
    "forged",
    [
        {"key": CLIENT_RSA, "alg": "PS256", "kid": "r"},
        {"key": CLIENT_ED, "alg": "EdDSA", "kid": "d"},
        {"key": CLIENT_RSA, "alg": "RS256", "kid": "r"},
        {"header": {"typ": "at+jwt"}},
        {"header": {"typ": "dpop+jwt"}},
        {"header": {"crit": ["x"], "x": 1}},
        {"header": {"b64": False}},
        {"header": {"x5u": "https://evil.example/"}},
        {"header": {"jwk": {"kty": "EC"}}},
        {"kid": "unknown"},
    ],
)
def test_request_object_with_another_algorithm_type_or_key_is_refused(bench, forged):
    """Only what is registered (MS §5.3.1); RFC 8725 §3."""
    request = bench.request_object("key-jar", **forged)
    assert bench.push("key-jar", only={"request": request}).json()["error"] == "invalid_request_object"


def test_tampered_request_object_is_refused(bench):
    head, body, signature = bench.request_object("key-jar").split(".")
    other = bench.request_object("key-jar", state="other").split(".")[1]
    request = f"{head}.{other}.{signature}"
    assert body != other
    assert bench.push("key-jar", only={"request": request}).json()["error"] == "invalid_request_object"


def test_defect_is_told_to_a_registered_redirect_uri_beside_it_and_to_no_other(bench):
    """Nothing leaves for a URI that stands in an unreadable object or is not registered."""
    beside = {"request": "x.y.z", "redirect_uri": CALLBACK, "state": "s"}
    assert bench.answer_to(bench.authorize_with(beside))["error"] == "invalid_request_object"
    for redirect_uri in ("https://evil.example/", None):
        page = bench.authorize_with({"request": "x.y.z", "redirect_uri": redirect_uri})
        assert (page.status_code, "location" in page.headers) == (400, False)


def test_client_without_keys_cannot_send_request_objects(bench):
    """A client with a secret has registered no key that could verify one."""
    page = bench.authorize_with({"request": bench.request_object("portal")}, client_id="portal")
    assert (page.status_code, page.text) == (400, "authorize.request_object_invalid")


def test_request_object_beside_a_reference_is_refused(bench):
    """RFC 9101 §5: request and request_uri are never used together."""
    both = {"request": bench.request_object(), "request_uri": "https://client.example/object"}
    answer = bench.answer_to(bench.authorize_with({**both, "redirect_uri": CALLBACK}))
    assert answer["error"] == "request_uri_not_supported"
    assert not bench.opened


def test_code_is_bound_to_the_key_inside_the_request_object_and_to_no_other_beside_it(bench):
    """RFC 9449 §10, RFC 9101 §6.3: whoever can add a parameter on the way cannot bind the code to his key."""
    inside, outside = "A" * 43, "B" * 43
    signed = bench.request_object(dpop_jkt=inside)
    bench.answer_to(bench.authorize_with({"request": signed, "dpop_jkt": outside}))
    pushed = bench.pushed(only={"request": signed, "dpop_jkt": outside})
    bench.answer_to(bench.come_with(pushed, dpop_jkt=outside))
    assert [opened.dpop_jkt for opened in bench.opened] == [inside, inside]
