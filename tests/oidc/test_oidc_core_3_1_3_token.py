"""The token endpoint (Core §3.1.3, RFC 6749 §4.1.3 and §5) and the ID token (Core §2)."""

import asyncio
import base64
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.requests import Request

from gateway.audit import AuditUnavailable, TokenIssued, TokenRefused
from gateway.jose import KeyRing, SigningKey
from gateway.oidc import token as token_endpoint
from gateway.store import Store, StoreAddress, connect
from tests.oidc.harness import EC_KEY, ISSUER, RSA_KEY, SECRET, VERIFIER, basic
from tests.oidc.tokens import jwk
from trust.keys import InMemoryKey


def test_code_becomes_tokens(bench):
    """RFC 6749 §5.1: JSON, no-store, Bearer, whole seconds."""
    response = bench.token(bench.code())
    body = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    assert set(body) == {"access_token", "token_type", "expires_in", "id_token", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 300, "openid profile")


def test_expires_in_is_what_is_really_left(bench):
    code = bench.code()
    bench.now += timedelta(seconds=20)
    body = bench.token(code).json()
    assert body["expires_in"] == 280


def test_id_token_has_the_required_claims_and_no_personal_ones(bench):
    """Core §2, §5.4: with code, scope claims go to UserInfo."""
    token = bench.id_token(scope="openid identity")
    assert set(token) == {"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash"}
    assert (token["iss"], token["aud"], token["nonce"]) == (ISSUER, "portal", "no")
    assert token["exp"] - token["iat"] == 300
    assert token["iat"] == int(bench.now.timestamp())


def test_at_hash_binds_the_access_token(bench):
    """Core §3.1.3.6."""
    tokens = bench.tokens()
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert bench.read(tokens["id_token"]).claims["at_hash"] == expected


@pytest.mark.parametrize(
    ("client_id", "alg", "key"), [("portal", "ES256", EC_KEY), ("rs256", "RS256", RSA_KEY)]
)
def test_algorithm_is_the_registered_one(bench, client_id, alg, key):
    """oidc.md §10.1."""
    header = bench.read(bench.tokens(client_id)["id_token"]).header
    published = {entry["kid"]: entry for entry in bench.http.get("/jwks").json()["keys"]}
    assert header["alg"] == alg
    assert jwk(key).items() <= published[header["kid"]].items()


def test_token_issued_is_audited_before_it_is_visible(bench):
    """design.md invariant 6."""
    bench.tokens()
    assert bench.audit.events[-1] == TokenIssued(
        journey=bench.audit.events[-1].journey,
        client="portal",
        level="substantial",
        authentication="client_secret_basic",
    )
    code = bench.code()
    bench.audit.failure = AuditUnavailable(OSError())
    response = bench.token(code)
    assert response.status_code == 503
    assert "access_token" not in response.text


def test_audit_log_that_is_away_is_not_asked_again(bench, monkeypatch):
    """Each try lasts seconds; the refusal could not be written down either."""
    code, asked = bench.code(), []

    async def record(*events, now):
        asked.extend(type(event).__name__ for event in events)
        raise AuditUnavailable(OSError())

    monkeypatch.setattr(bench.audit, "record", record)
    assert bench.token(code).status_code == 503
    bench.failure = AuditUnavailable(OSError())
    assert bench.authorize().status_code == 503
    assert asked == ["TokenIssued"]


# ----------------------------------------------------------------------------------- single use


def test_code_is_refused_on_second_redemption(bench):
    """RFC 6749 §4.1.2; suite oidcc-codereuse."""
    code = bench.code()
    assert bench.token(code).status_code == 200
    response = bench.token(code)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


def test_second_redemption_revokes_the_access_token(bench):
    """RFC 6749 §4.1.2; suite oidcc-codereuse-30seconds."""
    code = bench.code()
    headers = {"Authorization": "Bearer " + bench.token(code).json()["access_token"]}
    assert bench.http.get("/userinfo", headers=headers).status_code == 200
    bench.now += timedelta(seconds=30)
    assert bench.token(code).status_code == 400
    assert bench.http.get("/userinfo", headers=headers).status_code == 401
    refused = [event for event in bench.audit.events if isinstance(event, TokenRefused)]
    assert [event.revoked for event in refused] == [True]


def test_of_many_simultaneous_redemptions_at_most_one_gets_tokens(bench):
    """design.md invariant 3. The others revoke, so that even its access token is dead afterwards."""
    code = bench.code()
    body = (
        f"grant_type=authorization_code&code={code}&code_verifier={VERIFIER}"
        "&redirect_uri=https%3A%2F%2Fportal.example%2Fcb"
    ).encode()

    async def once():
        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/token",
            "query_string": b"",
            "headers": [
                (b"content-type", b"application/x-www-form-urlencoded"),
                (b"authorization", basic("portal", SECRET).encode()),
            ],
        }
        return await token_endpoint.token(bench.provider, Request(scope, receive))

    async def many():
        return await asyncio.gather(*(once() for _ in range(8)))

    answers = bench.http.portal.call(many)
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


def test_guessed_code_of_a_known_journey_revokes_nothing(bench):
    """The journey number is public; only who holds the code may end the token."""
    code = bench.code()
    tokens = bench.token(code).json()
    guess = code.partition(".")[0] + "." + "A" * 43
    assert bench.token(guess).json()["error"] == "invalid_grant"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert bench.http.get("/userinfo", headers=headers).status_code == 200


def test_expired_code_is_refused(bench):
    """FAPI 2.0 SP 5.3.2.1(11); suite ensure-token-endpoint-fails-with-expired-auth-code."""
    code = bench.code()
    bench.now += timedelta(seconds=30)
    assert bench.token(code).json()["error"] == "invalid_grant"


def test_code_just_before_its_end_is_accepted(bench):
    code = bench.code()
    bench.now += timedelta(seconds=29)
    assert bench.token(code).status_code == 200


# --------------------------------------------------------------------------------------- binding


def test_code_is_bound_to_the_client_and_is_spent_by_the_attempt(bench):
    """RFC 6749 §4.1.3; suite ensure-authorization-code-is-bound-to-client."""
    code = bench.code()
    stolen = bench.token(code, client_id="other", redirect_uri="https://portal.example/cb")
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert bench.token(code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("uri", ["https://portal.example/cb?tenant=a", "https://portal.example/cb/", "x"])
def test_code_is_bound_to_the_redirect_uri(bench, uri):
    """Core §3.1.3.2: also another registered one is not the same."""
    assert bench.token(bench.code(), redirect_uri=uri).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"grant_type": None}, "invalid_request", "token.grant_type_missing"),
        ({"grant_type": "password"}, "unsupported_grant_type", "token.grant_type_unsupported"),
        ({"grant_type": "refresh_token"}, "unsupported_grant_type", "token.grant_type_unsupported"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type", "token.grant_type_unsupported"),
        ({"code": None}, "invalid_request", "token.code_missing"),
        ({"redirect_uri": None}, "invalid_request", "token.code_missing"),
        ({"code": "x"}, "invalid_grant", "token.code_invalid"),
        ({"code": "0123456789." + "A" * 43}, "invalid_grant", "token.code_invalid"),
        ({"code": "0123456789." + "A" * 42 + "}"}, "invalid_grant", "token.code_invalid"),
        ({"code": "*"}, "invalid_grant", "token.code_invalid"),
    ],
)
def test_malformed_token_request_is_answered_in_json(bench, changes, error, code):
    """RFC 6749 §5.2."""
    values = {"code": bench.code(), **changes}
    response = bench.token(values.pop("code"), **values)
    assert response.status_code == 400
    assert response.json()["error"] == error
    assert response.json()["error_uri"] == f"{ISSUER}/error/{code}"
    assert response.headers["cache-control"] == "no-store"
    assert bench.audit.events[-1].code == code


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"{}", "application/json"),
        (b"grant_type=authorization_code", "text/plain"),
        (b"grant_type=%ff", "application/x-www-form-urlencoded"),
        (b"grant_type=a&grant_type=b", "application/x-www-form-urlencoded"),
        (b"code=" + b"a" * 32_768, "application/x-www-form-urlencoded"),
    ],
    ids=["JSON", "text", "not UTF-8", "repeated", "too large"],
)
def test_unreadable_body_is_an_invalid_request(bench, content, media_type):
    headers = {"Content-Type": media_type, "Authorization": basic("portal", SECRET)}
    response = bench.http.post("/token", content=content, headers=headers)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_token_endpoint_answers_post_only(bench):
    assert bench.http.get("/token").status_code == 405


def test_parameters_in_the_query_do_not_count(bench):
    """RFC 6749 §3.2: parameters are sent in the body."""
    response = bench.http.post("/token?grant_type=authorization_code", headers={
        "Authorization": basic("portal", SECRET), "Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert response.json()["error_uri"].endswith("token.grant_type_missing")


def test_identity_in_the_store_is_sealed(bench, valkey):
    """design.md invariant 4: a dump of the store shows no citizen."""
    import redis

    bench.tokens(scope="openid identity")
    bench.code(scope="openid identity")
    with redis.Redis(unix_socket_path=valkey.url.removeprefix("unix://"), password=valkey.password) as raw:
        dump = b"".join((raw.get(key) or b"") + key for key in raw.scan_iter())
    assert len(dump) > 500
    for word in (b"Jansen", b"Utrecht", b"1980-02-01", b"anna@", b"NL/DE"):
        assert word not in dump


def test_nothing_personal_reaches_the_log_or_the_audit(bench, caplog):
    """design.md invariant 4."""
    caplog.set_level("DEBUG")
    bench.userinfo(scope="openid identity")
    code = bench.code()
    bench.token(code)
    bench.token(code)
    told = caplog.text + repr(bench.audit.events)
    for word in ("Jansen", "Utrecht", "1980", "NL/DE", code, SECRET):
        assert word not in told


def test_without_a_signing_key_nothing_is_issued(bench):
    """The module with the key is away: 503, and the token of the spent code is dead."""
    code = bench.code(client_id="rs256")
    bench.provider = replace(bench.provider, keys=KeyRing([SigningKey.of(InMemoryKey(EC_KEY), "ES256")]))
    response = bench.token(code, client_id="rs256")
    assert (response.status_code, response.json()["error"]) == (503, "server_error")
    assert bench.audit.events[-1].code == "token.unsigned"


def test_store_that_is_away_is_503_and_recovers(bench):
    """Issue 2: no half-done login, recovery without restart."""
    code = bench.code()
    working = bench.provider
    away = Store(connect(StoreAddress(url="redis://127.0.0.1:1", timeout_seconds=0.2)))
    bench.provider = replace(working, store=away)
    response = bench.token(code)
    assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
    bench.provider = working
    assert bench.token(code).status_code == 200
