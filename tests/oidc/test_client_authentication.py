"""Client authentication: RFC 6749 §2.3, RFC 7521/7523 with the audience rule of Core errata 3 §9."""

import base64
from datetime import timedelta

import pytest

from gateway.oidc.client_keys import ClientKeys
from tests.oidc.harness import (
    ASSERTION_TYPE,
    CLIENT_EC,
    CLIENT_ED,
    CLIENT_RSA,
    ISSUER,
    SECRET,
    basic,
)
from tests.oidc.tokens import jwk, key_set
from trust.errors import MetadataError


def header(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


# ------------------------------------------------------------------------------ client_secret_basic


def test_secret_is_form_urlencoded_before_base64(bench):
    """RFC 6749 §2.3.1; the secret of the test has a space, an ampersand, a plus, a percent, an umlaut."""
    assert bench.token(bench.code()).status_code == 200
    raw = bench.token(bench.code(), auth=None, headers=header(f"portal:{SECRET}"))
    assert raw.status_code == 401


def test_two_authorization_headers_are_refused(bench):
    """RFC 6749 §2.3, RFC 9110 §5.3: which of the two a proxy has read, nobody knows."""
    form = {"grant_type": "authorization_code", "code": bench.code(), "redirect_uri": "x"}
    twice = [("Authorization", basic("portal", SECRET)), ("Authorization", basic("other", SECRET))]
    response = bench.http.post("/token", data=form, headers=twice)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert bench.audit.events[-1].code == "client.authentication_ambiguous"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": basic("portal", "wrong")},
        {"Authorization": basic("portal", "")},
        {"Authorization": basic("", SECRET)},
        {"Authorization": basic("nobody", SECRET)},
        {"Authorization": basic("key-es", SECRET)},
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:x").decode()},
        {"Authorization": "Bearer x"},
        {"Authorization": "Digest username=portal"},
        header("portal"),
        header("portal:%ff"),
    ],
)
def test_failed_authentication_is_401_with_a_challenge(bench, headers):
    """RFC 6749 §5.2: invalid_client, and WWW-Authenticate because the header was used."""
    response = bench.token(bench.code(), auth=None, headers=headers)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert response.headers["www-authenticate"].startswith("Basic ")
    assert bench.audit.names()[-1] == "TokenRefused"


def test_failed_authentication_leaves_the_code_alone(bench):
    code = bench.code()
    bench.token(code, secret="wrong")
    assert bench.token(code).status_code == 200


def test_request_without_authentication_is_refused(bench):
    """All clients are confidential (FAPI 2.0 SP 5.3.2.1(3)); client_id alone is no authentication."""
    response = bench.token(bench.code(), auth=None, client_id=None)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert "www-authenticate" not in response.headers


def test_client_secret_post_is_not_offered(bench):
    response = bench.http.post(
        "/token",
        data={"grant_type": "authorization_code", "client_id": "portal", "client_secret": SECRET},
    )
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "more",
    [
        {"client_secret": SECRET},
        {"client_assertion": "x", "client_assertion_type": ASSERTION_TYPE},
        {"client_assertion_type": ASSERTION_TYPE},
    ],
)
def test_two_methods_in_one_request_are_refused(bench, more):
    """RFC 6749 §2.3."""
    response = bench.token(bench.code(), **more)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_client_id_in_the_body_must_agree(bench):
    """Suite ensure-client-id-in-token-endpoint."""
    headers = {"Authorization": basic("portal", SECRET)}
    data = {"grant_type": "authorization_code", "code": "x", "redirect_uri": "x", "code_verifier": "v" * 43}
    agreed = bench.http.post("/token", data={**data, "client_id": "portal"}, headers=headers)
    assert agreed.json()["error"] == "invalid_grant"
    differs = bench.http.post("/token", data={**data, "client_id": "other"}, headers=headers)
    assert differs.json()["error"] == "invalid_client"


# ---------------------------------------------------------------------------------- private_key_jwt


@pytest.mark.parametrize(
    ("client_id", "key", "alg", "kid"),
    [
        ("key-es", CLIENT_EC, "ES256", "e"),
        ("key-ps", CLIENT_RSA, "PS256", "r"),
        ("key-ed", CLIENT_ED, "EdDSA", "d"),
        ("key-ed", CLIENT_ED, "Ed25519", "d"),
        ("key-rs", CLIENT_RSA, "RS256", "r"),
    ],
)
def test_assertion_by_the_registered_algorithm_authenticates(bench, client_id, key, alg, kid):
    """RFC 7523 §3; oidc.md §15."""
    assertion = bench.assertion(client_id, key, alg, kid)
    response = bench.token_by_assertion(assertion, client_id=client_id)
    assert response.status_code == 200, response.text
    assert bench.audit.events[-1].authentication == "private_key_jwt"


NOW = "now"  # replaced by the bench's clock, plus the number


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": f"{ISSUER}/token"},
        {"aud": f"{ISSUER}/par"},
        {"aud": f"{ISSUER}/"},
        {"aud": [ISSUER]},
        {"aud": [ISSUER, "https://other.example"]},
        {"aud": "https://other.example"},
        {"aud": None},
        {"sub": None},
        {"iss": None},
        {"iss": "portal"},
        {"sub": "portal"},
        {"sub": ["key-es"]},
        {"jti": None},
        {"jti": ""},
        {"jti": 1},
        {"jti": "j" * 513},
        {"exp": None},
        {"exp": "soon"},
        {"exp": (NOW, -300)},
        {"exp": (NOW, -60)},
        {"exp": (NOW, 361)},
        {"exp": (NOW, 86_400)},
        {"nbf": (NOW, 61)},
        {"iat": (NOW, 61)},
    ],
    ids=str,
)
def test_assertion_outside_the_rules_is_refused(bench, changes):
    """Core errata 3 §9, RFC 7523 §3; suite par-test-token-endpoint-url-as-audience-fails,
    par-test-array-as-audience-fails, ensure-client-assertion-with-no-sub-fails,
    ensure-client-assertion-with-exp-is-5-minutes-in-past-fails, ensure-client-assertion-with-wrong-aud-fails,
    par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails."""
    clock = int(bench.now.timestamp())
    values = {k: clock + v[1] if isinstance(v, tuple) else v for k, v in changes.items()}
    response = bench.token_by_assertion(bench.assertion(**values))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_clock_difference_of_8_seconds_is_tolerated(bench):
    """Suite par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted."""
    ahead = int(bench.now.timestamp()) + 8
    assert bench.token_by_assertion(bench.assertion(nbf=ahead, iat=ahead)).status_code == 200


@pytest.mark.parametrize(
    ("client_id", "key", "alg", "kid"),
    [
        ("key-es", CLIENT_RSA, "RS256", "r"),
        ("key-es", CLIENT_RSA, "PS256", "r"),
        ("key-ps", CLIENT_RSA, "RS256", "r"),
        ("key-es", b"secret", "HS256", "e"),
        ("key-es", CLIENT_EC, "none", "e"),
        ("key-es", CLIENT_EC, "ES256", "d"),
        ("key-es", CLIENT_EC, "ES256", "unknown"),
        ("key-es", CLIENT_ED, "ES256", "e"),
    ],
)
def test_other_algorithm_or_key_than_registered_is_refused(bench, client_id, key, alg, kid):
    """oidc.md §9: alg fixed per client; suite ensure-signed-client-assertion-with-RS256-fails."""
    response = bench.token_by_assertion(bench.assertion(client_id, key, alg, kid), client_id=client_id)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "more",
    [{"jku": "https://evil.example"}, {"crit": ["x"], "x": 1}, {"typ": "at+jwt"}, {"jwk": jwk(CLIENT_EC)}],
)
def test_hostile_header_is_refused_and_nothing_is_fetched(bench, more):
    """security.md B.1: jku to a listener is never fetched."""
    response = bench.token_by_assertion(bench.assertion(header=more))
    assert response.json()["error"] == "invalid_client"
    assert bench.fetched == []


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt"])
def test_type_of_assertion_is_accepted_in_both_spellings(bench, typ):
    """oidc.md §9: absent, JWT, or what draft rfc7523bis says."""
    assert bench.token_by_assertion(bench.assertion(header={"typ": typ})).status_code == 200


def test_assertion_works_once(bench):
    """RFC 7523 §3 jti; oidc.md §9."""
    assertion = bench.assertion()
    assert bench.token_by_assertion(assertion).status_code == 200
    again = bench.token_by_assertion(assertion)
    assert again.json()["error_uri"].endswith("client.assertion_replayed")


def test_same_jti_of_two_clients_is_no_replay(bench):
    assert bench.token_by_assertion(bench.assertion(jti="same" + str(bench.now))).status_code == 200
    other = bench.assertion("key-ps", CLIENT_RSA, "PS256", "r", jti="same" + str(bench.now))
    assert bench.token_by_assertion(other, client_id="key-ps").status_code == 200


@pytest.mark.parametrize("kind", [None, "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"])
def test_other_assertion_type_is_refused(bench, kind):
    response = bench.token_by_assertion(bench.assertion(), client_assertion_type=kind)
    assert response.json()["error"] == "invalid_client"


def test_client_with_a_key_cannot_use_a_secret_and_the_reverse(bench):
    """One registered method per client; no fallback."""
    assert bench.token(bench.code(client_id="key-es"), client_id="key-es").status_code == 401
    assertion = bench.assertion("portal")
    assert bench.token_by_assertion(assertion, client_id="portal").status_code == 401


def test_fapi_client_cannot_use_rs256_whatever_its_registration_says(bench):
    """FAPI 2.0 SP 5.4.1(1); suite ensure-signed-client-assertion-with-RS256-fails."""
    assertion = bench.assertion("key-fapi", CLIENT_RSA, "RS256", "r")
    response = bench.token_by_assertion(assertion, code="x")
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_client_id_may_hold_a_colon(bench):
    """RFC 6749 §2.3.1: that is what the form encoding is for."""
    assert bench.tokens("with:colon")


@pytest.mark.parametrize("assertion", ["x", "a.b.c", "e30.e30.AA"])
def test_text_that_is_no_assertion_is_refused(bench, assertion):
    response = bench.token_by_assertion(assertion, code="x")
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert response.json()["error_uri"].endswith("client.assertion_invalid")


# ------------------------------------------------------------------------------------------ jwks_uri


def with_uri(bench, **changes):
    return bench.token_by_assertion(bench.assertion("key-uri", **changes), client_id="key-uri")


def test_keys_are_fetched_once_and_cached(bench):
    """oidc.md §15: cached; the address is the registered one and nothing else."""
    assert with_uri(bench).status_code == 200
    assert with_uri(bench).status_code == 200
    assert bench.fetched == ["https://portal.example/jwks"]
    bench.now += timedelta(minutes=10)
    bench.fresh(bench.identity)
    assert with_uri(bench).status_code == 200
    assert len(bench.fetched) == 2


def test_unknown_kid_has_the_set_fetched_again_at_most_once_a_minute(bench):
    """oidc.md §15."""
    assert with_uri(bench).status_code == 200
    bench.fetch = lambda url: key_set(jwk(CLIENT_EC, kid="new"))
    assert with_uri(bench, kid="new").status_code == 401
    bench.now += timedelta(seconds=61)
    bench.fresh(bench.identity)
    assert with_uri(bench, kid="new").status_code == 200
    assert with_uri(bench, kid="newer").status_code == 401
    assert len(bench.fetched) == 2


def unreachable(url):
    raise MetadataError("fetch.connection")


def test_good_set_stays_in_use_through_failures_for_a_day(bench):
    """oidc.md §15: last good set kept on failure up to a limit; failures are remembered too."""
    assert with_uri(bench).status_code == 200
    bench.fetch = unreachable
    bench.now += timedelta(hours=23)
    bench.fresh(bench.identity)
    assert with_uri(bench).status_code == 200
    bench.now += timedelta(hours=2)
    bench.fresh(bench.identity)
    assert with_uri(bench).json()["error_uri"].endswith("client.keys_unavailable")


@pytest.mark.parametrize(
    "answer",
    [
        unreachable,
        lambda url: b"<html>",
        lambda url: key_set({**jwk(CLIENT_EC, kid="e"), "d": "AA"}),
        lambda url: b" " * 65_537,
    ],
    ids=["unreachable", "not JSON", "private key", "too large"],
)
def test_unusable_key_set_fails_closed_and_is_not_asked_for_again_at_once(bench, answer):
    bench.fetch = answer
    for _ in range(3):
        assert with_uri(bench).json()["error"] == "invalid_client"
    assert len(bench.fetched) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://portal.example/jwks",
        "https://127.0.0.1/jwks",
        "https://[::1]/jwks",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/jwks",
        "https://[::ffff:10.0.0.1]/jwks",
        "https://100.64.0.1/jwks",
        "file:///etc/passwd",
        "https://user@portal.example/jwks",
    ],
)
def test_dangerous_jwks_uri_is_never_connected_to(url):
    """security.md B.2; the fences themselves are tested with trust.fetch."""
    from gateway.oidc.client_keys import guarded_get
    from trust.fetch import FetchPolicy

    with pytest.raises(MetadataError):
        guarded_get(FetchPolicy(allow_http_loopback=True))(url)


def test_client_without_any_key_set_is_refused(bench):
    import asyncio

    from gateway.errors import GatewayError
    from tests.oidc.harness import CLIENTS

    with pytest.raises(GatewayError):
        asyncio.run(ClientKeys({}, unreachable).of(CLIENTS["key-es"], now=bench.now))


def test_assertion_of_a_stock_library_is_accepted_where_the_registration_allows_it(bench):
    """RFC 7523 §3: Authlib names the token endpoint and an hour; a switch of class compat only."""
    later = int(bench.now.timestamp()) + 3600
    stock = {"client_id": "key-old", "aud": f"{ISSUER}/token", "exp": later}
    assert bench.token_by_assertion(bench.assertion(**stock), client_id="key-old").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"aud": [f"{ISSUER}/token"]},
        {"aud": f"{ISSUER}/par"},
        {"aud": "https://other.example/token"},
        {"exp": 4000},
    ],
)
def test_the_switch_opens_nothing_else(bench, change):
    claims = {"aud": f"{ISSUER}/token", **change}
    if "exp" in change:
        claims["exp"] = int(bench.now.timestamp()) + change["exp"]
    refused = bench.token_by_assertion(bench.assertion(client_id="key-old", **claims), client_id="key-old")
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
