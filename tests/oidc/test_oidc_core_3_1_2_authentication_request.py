"""The authentication request (OpenID Connect Core §3.1.2.1), answered as §3.1.2.6 says."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.identity import PersonKind
from gateway.audit import AuditUnavailable, RequestRefused
from gateway.oidc.request import AuthorizationRequest, ResponseMode
from gateway.store import StoreUnavailable
from tests.oidc.harness import CALLBACK, ISSUER, claims_parameter


def test_valid_request_opens_a_journey_and_comes_back_with_code_state_and_issuer(bench):
    """Core §3.1.2.5, RFC 9207 §2; no parameter beyond these three."""
    answer = bench.answer()
    assert set(answer) == {"code", "state", "iss"}
    assert answer["state"] == "st"
    assert answer["iss"] == ISSUER


def test_post_works_like_get(bench):
    """Core §3.1.2.1: both methods must be supported."""
    response = bench.http.post("/authorize", data=bench.parameters())
    assert response.status_code == 303
    assert "code=" in response.headers["location"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_not_allowed(bench, method):
    assert bench.http.request(method, "/authorize").status_code == 405


def test_authorization_endpoint_speaks_no_cors(bench):
    """FAPI 2.0 SP 5.2.3(3)."""
    response = bench.http.get("/authorize?client_id=portal", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in response.headers


# ----------------------------------------------- before client and redirect URI are proven: a page


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": None}, "authorize.client_unknown"),
        ({"client_id": ""}, "authorize.client_unknown"),
        ({"client_id": "nobody"}, "authorize.client_unknown"),
        ({"client_id": "Portal"}, "authorize.client_unknown"),
        ({"redirect_uri": None}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": ""}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": "https://evil.example/cb"}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": CALLBACK + "/"}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": CALLBACK + "?x=1"}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": CALLBACK + "#x"}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": CALLBACK + "/../x"}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": CALLBACK.upper()}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": "https://portal.example:443/cb"}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": "https://portal.example@evil.example/cb"}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": "https://portal.example%2f@evil.example/cb"}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": "//portal.example/cb"}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": "https:\\\\portal.example/cb"}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": "https://other.example/cb"}, "authorize.redirect_uri_mismatch"),
        ({"redirect_uri": "javascript:alert(1)"}, "authorize.redirect_uri_mismatch"),
    ],
)
def test_unproven_client_or_redirect_uri_is_a_page_and_never_a_redirect(bench, changes, code):
    """RFC 6749 §4.1.2.1, RFC 9700 §4.1.3, §4.11; suite oidcc-ensure-registered-redirect-uri."""
    response = bench.authorize(**changes)
    assert (response.status_code, response.text) == (400, code)
    assert "location" not in response.headers
    assert bench.audit.names() == ["RequestRefused"]


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_repeated_client_or_redirect_uri_proves_nothing(bench, name):
    """RFC 6749 §3.1: nobody knows which of the two was meant."""
    value = bench.parameters()[name]
    query = urlencode([*bench.parameters().items(), (name, value)])
    response = bench.http.get("/authorize?" + query)
    assert response.status_code == 400
    assert "location" not in response.headers


@pytest.mark.parametrize(
    "query",
    ["client_id=%ff", "a=1&" * 101, "state=%c3%28"],
    ids=["not UTF-8", "101 parameters", "overlong UTF-8"],
)
def test_unreadable_query_is_a_page(bench, query):
    response = bench.http.get("/authorize?" + query)
    assert (response.status_code, response.text) == (400, "authorize.unreadable")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b'{"client_id":"portal"}', "application/json"),
        (b"client_id=portal", "text/plain"),
        (b"client_id=\xff", "application/x-www-form-urlencoded"),
        (b"state=" + b"a" * 65_536, "application/x-www-form-urlencoded"),
    ],
    ids=["JSON", "text", "not ASCII", "too large"],
)
def test_unreadable_form_is_a_page(bench, content, media_type):
    response = bench.http.post("/authorize", content=content, headers={"Content-Type": media_type})
    assert (response.status_code, response.text) == (400, "authorize.unreadable")


def test_redirect_uri_with_a_query_of_its_own_keeps_it(bench):
    """RFC 6749 §3.1.2: existing query components are retained."""
    uri = "https://portal.example/cb?tenant=a"
    query = urlsplit(bench.authorize(redirect_uri=uri).headers["location"]).query
    assert query.startswith("tenant=a&code=")


# ------------------------------------------------------------------- afterwards: to the client


MALFORMED = [
    ({"response_type": None}, "invalid_request", "authorize.response_type_missing"),
    ({"response_type": "token"}, "unsupported_response_type", "authorize.response_type_unsupported"),
    ({"response_type": "id_token"}, "unsupported_response_type", "authorize.response_type_unsupported"),
    ({"response_type": "code id_token"}, "unsupported_response_type", "authorize.response_type_unsupported"),
    ({"response_type": "none"}, "unsupported_response_type", "authorize.response_type_unsupported"),
    ({"response_type": "Code"}, "unsupported_response_type", "authorize.response_type_unsupported"),
    ({"response_mode": "fragment"}, "invalid_request", "authorize.response_mode_unsupported"),
    ({"response_mode": "fragment.jwt"}, "invalid_request", "authorize.response_mode_unsupported"),
    ({"scope": None}, "invalid_scope", "authorize.scope_without_openid"),
    ({"scope": "profile"}, "invalid_scope", "authorize.scope_without_openid"),
    ({"scope": "OpenID"}, "invalid_scope", "authorize.scope_without_openid"),
    ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported", "authorize.request_unsupported"),
    ({"request": "eyJ"}, "invalid_request_object", "authorize.request_object_invalid"),
    ({"request_uri": "https://portal.example/r"}, "request_uri_not_supported", "authorize.request_uri_unsupported"),
    ({"request_uri": "urn:example:x"}, "request_uri_not_supported", "authorize.request_uri_unsupported"),
    ({"registration": "{}"}, "registration_not_supported", "authorize.registration_unsupported"),
    ({"prompt": "none"}, "login_required", "authorize.login_required"),
    ({"prompt": "none login"}, "invalid_request", "authorize.prompt_invalid"),
    ({"prompt": "create"}, "invalid_request", "authorize.prompt_invalid"),
    ({"prompt": "Login"}, "invalid_request", "authorize.prompt_invalid"),
    ({"max_age": "-1"}, "invalid_request", "authorize.max_age_invalid"),
    ({"max_age": "1.5"}, "invalid_request", "authorize.max_age_invalid"),
    ({"max_age": "ten"}, "invalid_request", "authorize.max_age_invalid"),
    ({"max_age": "٣"}, "invalid_request", "authorize.max_age_invalid"),
    ({"max_age": "9999999999"}, "invalid_request", "authorize.max_age_invalid"),
    ({"nonce": "n" * 513}, "invalid_request", "authorize.parameter_too_long"),
    ({"login_hint": "n" * 2049}, "invalid_request", "authorize.parameter_too_long"),
    ({"claims": "x"}, "invalid_request", "authorize.claims_malformed"),
    ({"claims": "[]"}, "invalid_request", "authorize.claims_malformed"),
    ({"claims": '{"userinfo":[]}'}, "invalid_request", "authorize.claims_malformed"),
    ({"claims": '{"userinfo":{"name":1}}'}, "invalid_request", "authorize.claims_malformed"),
    ({"claims": '{"userinfo":{"name":{"essential":"yes"}}}'}, "invalid_request", "authorize.claims_malformed"),
    ({"claims": '{"userinfo":{"birthdate":{"max_age":%s}}}' % ("9" * 400)}, "invalid_request", "authorize.claims_malformed"),
    ({"claims": '{"userinfo":{"name":{"values":"x"}}}'}, "invalid_request", "authorize.claims_malformed"),
    ({"claims": '{"userinfo":{"name":{"values":[]}}}'}, "invalid_request", "authorize.claims_malformed"),
    ({"claims": '{"userinfo":{"name":{"value":1,"values":[1]}}}'}, "invalid_request", "authorize.claims_malformed"),
    ({"claims": '{"userinfo":{},"userinfo":{}}'}, "invalid_request", "authorize.claims_malformed"),
    ({"claims": '{"id_token":{"sub":{"value":1}}}'}, "invalid_request", "authorize.claims_malformed"),
    ({"id_token_hint": "x"}, "invalid_request", "authorize.id_token_hint_invalid"),
    ({"dpop_jkt": "x"}, "invalid_request", "authorize.dpop_jkt_mismatch"),
    ({"resource": "https://other.example"}, "invalid_target", "authorize.resource_unknown"),
    ({"code_challenge": None}, "invalid_request", "authorize.pkce_missing"),
    ({"client_id": "fapi"}, "invalid_request", "authorize.push_required"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "error", "code"), MALFORMED)
def test_malformed_request_goes_back_to_the_client(bench, changes, error, code):
    """Core §3.1.2.6, RFC 6749 §4.1.2.1, RFC 9207 §2; suite oidcc-response-type-missing,
    oidcc-request-uri-unsigned, oidcc-unsigned-request-object, oidcc-prompt-none-not-logged-in."""
    answer = bench.answer(**changes)
    assert answer["error"] == error
    assert answer["error_uri"] == f"{ISSUER}/error/{code}"
    assert answer["state"] == "st"
    assert answer["iss"] == ISSUER
    assert "code" not in answer
    assert answer["error_description"].isascii()
    assert not {'"', "\\"} & set(answer["error_description"])
    assert not bench.opened
    client = changes.get("client_id", "portal")
    assert bench.audit.events == [RequestRefused(client=client, code=code)]


@pytest.mark.parametrize("name", ["state", "nonce", "scope", "claims", "unknown", "response_mode", "prompt"])
def test_repeated_parameter_is_invalid(bench, name):
    """RFC 6749 §3.1."""
    query = urlencode([*bench.parameters(**{name: "openid"}).items(), (name, "other")])
    location = bench.http.get("/authorize?" + query).headers["location"]
    answer = parse_qs(urlsplit(location).query)
    assert answer["error"] == ["invalid_request"]
    assert ("state" in answer) is (name != "state")


def test_parameter_without_value_counts_as_not_sent(bench):
    """RFC 6749 §3.1."""
    assert "code" in bench.answer(prompt="", max_age="", claims="", request="", nonce="")


def test_unknown_parameters_are_ignored(bench):
    """Core §3.1.2.1; suite oidcc-ensure-request-with-unknown-parameter-succeeds."""
    assert "code" in bench.answer(extra="x", display="popup", claims_locales="de")


def test_request_without_nonce_works(bench):
    """Suite oidcc-ensure-request-without-nonce-succeeds-for-code-flow."""
    assert "nonce" not in bench.id_token(nonce=None)


def test_request_without_state_works(bench):
    """Suite ensure-authorization-request-without-state-success."""
    assert "state" not in bench.answer(state=None)


@pytest.mark.parametrize("state", ["x" * 4096, 'ü & = ? # %00 \\ " <script>', "a b", "\U0001f600"])
def test_state_comes_back_unchanged(bench, state):
    """Core §3.1.2.5; suite ensure-authorization-request-with-long-state."""
    assert bench.answer(state=state)["state"] == state
    assert bench.answer(state=state, scope="profile")["state"] == state


def test_state_that_is_too_long_is_refused_and_not_echoed(bench):
    assert set(bench.answer(state="x" * 4097)) == {"error", "error_description", "error_uri", "iss"}


@pytest.mark.parametrize("nonce", ["n" * 64, "n" * 512, "ü"])
def test_nonce_comes_back_in_the_id_token(bench, nonce):
    """Core §2; FAPI 2.0 SP 5.3.2.2(14): 64 characters at least."""
    assert bench.id_token(nonce=nonce)["nonce"] == nonce


@pytest.mark.parametrize(
    "scope", ["openid", "profile openid email", "openid unknown offline_access", "openid openid"]
)
def test_scopes_come_in_any_order_and_unknown_ones_mean_nothing(bench, scope):
    """Core §3.1.2.1; suite ensure-other-scope-order-succeeds."""
    granted = bench.tokens(scope=scope)["scope"].split()
    assert "openid" in granted
    assert not {"unknown", "offline_access"} & set(granted)


@pytest.mark.parametrize("prompt", ["login", "consent", "select_account", "login consent"])
def test_prompts_that_every_login_fulfils_are_accepted(bench, prompt):
    """Core §3.1.2.1; suite oidcc-prompt-login."""
    assert "code" in bench.answer(prompt=prompt)


def test_defect_is_told_before_login_required(bench):
    """A malformed request with prompt=none learns of its defect."""
    assert bench.answer(prompt="none", scope="x")["error"] == "invalid_scope"


@pytest.mark.parametrize("mode", ["query", None])
def test_response_mode_query_redirects_with_303(bench, mode):
    """RFC 9700 §4.12: never 307."""
    assert bench.authorize(response_mode=mode).status_code == 303


def test_response_mode_form_post_answers_with_a_form(bench):
    """OAuth 2.0 Form Post Response Mode §2, for success and for errors."""
    success = bench.authorize(response_mode="form_post").json()
    assert success["action"] == CALLBACK
    assert set(success["fields"]) == {"code", "state", "iss"}
    failure = bench.authorize(response_mode="form_post", scope="x").json()
    assert failure["fields"]["error"] == "invalid_scope"


def test_error_redirect_is_303_and_not_stored(bench):
    response = bench.authorize(scope="x")
    assert response.status_code == 303
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("locales", "kept"),
    [
        ("fr-CA fr en", ("fr-CA", "fr", "en")),
        ("xx-unknown", ("xx-unknown",)),
        ("<script> de", ("de",)),
        (None, ()),
    ],
)
def test_ui_locales_are_a_wish(bench, locales, kept):
    """Core §3.1.2.1: an unsupported value is no error; suite oidcc-ui-locales."""
    bench.answer(ui_locales=locales)
    assert bench.opened[0].ui_locales == kept


# ------------------------------------------------------------------------------------------ hints


@pytest.mark.parametrize(
    ("changes", "country", "means"),
    [
        ({"login_hint": "GR"}, "GR", None),
        ({"login_hint": "el"}, "GR", None),
        ({"login_hint": "country:EL"}, "GR", None),
        ({"login_hint": "eidas:country:gr"}, "GR", "eidas"),
        ({"login_hint": "country:uk"}, "GB", None),
        ({"login_hint": "means:eidas FR"}, "FR", "eidas"),
        ({"login_hint": "means:unknown"}, None, None),
        ({"scope": "openid eidas:country:ee"}, "EE", "eidas"),
        ({"scope": "openid eidas"}, None, "eidas"),
        ({"scope": "openid eidas:country:eee"}, None, "eidas"),
        ({"login_hint": "anna@example.org"}, None, None),
        ({"login_hint": "country:DEU"}, None, None),
        ({"login_hint": "<b>"}, None, None),
        ({}, None, None),
    ],
)
def test_country_can_be_hinted(bench, changes, country, means):
    """oidc.md §2: login_hint is free text, never trusted; TARA's eidas:country:xx scope."""
    bench.answer(**changes)
    assert (bench.opened[0].country, bench.opened[0].means) == (country, means)


@pytest.mark.parametrize(
    ("client_id", "hint", "person"),
    [
        ("portal", "person:legal", PersonKind.LEGAL),
        ("portal", "person:natural DE", PersonKind.NATURAL),
        ("portal", "person:alien", None),
    ],
)
def test_kind_of_person_can_be_hinted(bench, client_id, hint, person):
    bench.answer(client_id=client_id, login_hint=hint)
    assert bench.opened[0].person is person


# ----------------------------------------------------------------------------------------- max_age


def test_max_age_and_its_default_reach_the_journey(bench):
    """Core §3.1.2.1; Registration §2 default_max_age."""
    bench.answer(max_age="0")
    bench.answer(client_id="timed")
    bench.answer(client_id="timed", max_age="7")
    assert [request.max_age for request in bench.opened] == [0, 60, 7]


def test_auth_time_is_the_instant_of_the_source(bench):
    """Core §2; suite oidcc-max-age-1: auth_time is what the source states, not our clock."""
    token = bench.id_token(max_age="1")
    assert token["auth_time"] == int(bench.identity.source.authenticated_at.timestamp())


def test_authentication_older_than_max_age_is_refused(bench):
    """Core §3.1.2.1: the source ignored the demand for a fresh authentication."""
    from dataclasses import replace
    from datetime import timedelta

    old = replace(bench.identity.source, authenticated_at=bench.now - timedelta(seconds=200))
    bench.identity = replace(bench.identity, source=old)
    assert bench.answer(max_age="100")["error"] == "login_required"
    assert "code" in bench.answer(max_age="300")
    assert "code" in bench.answer()


# -------------------------------------------------------------------------- one particular person


def test_sub_with_a_value_lets_only_that_person_in(bench):
    """Core §5.5.1: sub with a value that does not match must not succeed."""
    sub = bench.id_token()["sub"]
    assert "code" in bench.answer(claims=claims_parameter(id_token={"sub": {"value": sub}}))
    answer = bench.answer(claims=claims_parameter(id_token={"sub": {"value": "x" + sub}}))
    assert answer["error"] == "login_required"
    assert "code" in bench.answer(claims=claims_parameter(id_token={"sub": None}))


def test_sub_with_several_values_lets_each_of_them_in(bench):
    """Core §5.5.1 values; asked for in UserInfo it binds as well."""
    sub = bench.id_token()["sub"]
    for place in ("id_token", "userinfo"):
        several = {"essential": True, "values": ["x", sub]}
        assert "code" in bench.answer(claims=claims_parameter(**{place: {"sub": several}}))
        answer = bench.answer(claims=claims_parameter(**{place: {"sub": {"values": ["x", "y"]}}}))
        assert answer["error"] == "login_required"
    both = claims_parameter(id_token={"sub": {"values": ["x", sub]}}, userinfo={"sub": {"value": "x"}})
    assert bench.answer(claims=both)["error"] == "login_required"


def test_id_token_hint_lets_only_that_person_in(bench):
    """Core §3.1.2.1; suite oidcc-id-token-hint."""
    from dataclasses import replace

    hint = bench.tokens()["id_token"]
    assert "code" in bench.answer(id_token_hint=hint)
    other = replace(
        bench.identity.subject, identifier=replace(bench.identity.subject.identifier, value="NL/DE/2")
    )
    bench.identity = replace(bench.identity, subject=other)
    assert bench.answer(id_token_hint=hint)["error"] == "login_required"


def test_expired_id_token_hint_is_accepted(bench):
    """Core §3.1.2.1: the hint may have expired."""
    from datetime import timedelta

    hint = bench.tokens()["id_token"]
    bench.now += timedelta(hours=1)
    bench.fresh(bench.identity)
    assert "code" in bench.answer(id_token_hint=hint)


def test_id_token_hint_of_another_client_or_key_is_refused(bench):
    foreign = bench.tokens("other")["id_token"]
    assert bench.answer(id_token_hint=foreign)["error"] == "invalid_request"
    head, body, tail = bench.tokens()["id_token"].split(".")
    forged = f"{head}.{body}.{tail[:-6]}AAAAAA"
    assert bench.answer(id_token_hint=forged)["error"] == "invalid_request"


def test_hint_and_sub_that_disagree_are_refused(bench):
    hint = bench.tokens()["id_token"]
    answer = bench.answer(id_token_hint=hint, claims=claims_parameter(id_token={"sub": {"value": "x"}}))
    assert answer["error"] == "login_required"


# --------------------------------------------------------------------------------- fails closed


def test_store_that_is_away_is_a_page_with_503(bench):
    """Issue 2: a clear page, a 503 with a code, nothing sent to the client."""
    bench.failure = StoreUnavailable(OSError())
    response = bench.authorize()
    assert (response.status_code, response.text) == (503, "store.unavailable")
    assert "location" not in response.headers


def test_refusal_that_cannot_be_audited_is_not_visible(bench):
    """design.md invariant 6: the audit entry is durable before the refusal shows."""
    bench.audit.failure = AuditUnavailable(OSError())
    response = bench.authorize(scope="x")
    assert response.status_code == 503
    assert "location" not in response.headers


def test_request_survives_its_record(bench):
    """What the journey seals is what was checked."""
    bench.answer(
        claims=claims_parameter(
            userinfo={"given_name": {"essential": True}, "birthdate": {"value": "1980-02-01"}},
            id_token={"acr": {"essential": True, "values": ["http://eidas.europa.eu/LoA/low"]}},
        ),
        max_age="100",
        ui_locales="de en",
        login_hint="GR person:natural",
    )
    request = bench.opened[0]
    assert AuthorizationRequest.from_record(request.to_record()) == request
    assert request.response_mode is ResponseMode.QUERY
    assert request.minimum is LevelOfAssurance.LOW
