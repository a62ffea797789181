"""``oidcc-basic-certification-test-plan``: each function is the module that its docstring begins with.

Variant ``server_metadata=discovery``, ``client_registration=static_client``, ``response_type=code``. The
plan sends no PKCE, so its clients are registered with ``require_pkce = false``.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest

from connectors.assurance import LevelOfAssurance
from gateway.errors import CATALOGUE
from tests.certification.judge import CALLBACK, Judge, Pair
from tests.oidc.tokens import compact

pytestmark = pytest.mark.anyio

NEEDS_A_PAGE = ("login_required", "interaction_required", "account_selection_required", "consent_required")


async def test_oidcc_server(judge: Judge) -> None:
    """oidcc-server: the whole flow through the citizen's pages."""
    await judge.metadata()
    found = await judge.log_in()
    assert str(found["token_type"]).lower() == "bearer"
    assert "refresh_token" not in found
    assert [page.rpartition("/")[2] for page in found["pages"]][-2:] == ["release", "release"]


async def test_oidcc_response_type_missing(judge: Judge) -> None:
    """oidcc-response-type-missing: told to the client."""
    asked = judge.request(response_type=None)
    judge.error(asked, await judge.walk(f"/authorize?{urlencode(asked)}"), "invalid_request")


async def test_oidcc_idtoken_signature(judge: Judge) -> None:
    """oidcc-idtoken-signature: with several keys published, the header names the one."""
    found = await judge.log_in()
    await judge.read(str(found["id_token"]), ("ES256",))


async def test_oidcc_idtoken_unsigned(judge: Judge) -> None:
    """oidcc-idtoken-unsigned is skipped by the suite, because ``none`` is not offered."""
    assert "none" not in (await judge.metadata())["id_token_signing_alg_values_supported"]


@pytest.mark.parametrize("how", ["get", "post-header", "post-body"])
async def test_oidcc_userinfo(judge: Judge, how: str) -> None:
    """oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body."""
    found = await judge.log_in()
    token = str(found["access_token"])
    if how == "post-body":
        response = await judge.http.post("/userinfo", data={"access_token": token})
    else:
        method = "GET" if how == "get" else "POST"
        response = await judge.http.request(method, "/userinfo", headers={"authorization": f"Bearer {token}"})
    judge.person(found, response)


async def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(judge: Judge) -> None:
    """oidcc-ensure-request-without-nonce-succeeds-for-code-flow: and no nonce comes back."""
    assert "nonce" not in (await judge.log_in(nonce=None))["claims"]


@pytest.mark.parametrize("scope", ["profile", "email", "address", "phone", "profile email address phone"])
async def test_oidcc_scope(judge: Judge, scope: str) -> None:
    """oidcc-scope-profile, -email, -address, -phone, -all: in UserInfo, well-formed, nothing empty."""
    assert set(scope.split()) <= set((await judge.metadata())["scopes_supported"])
    person = (await judge.log_in(scope=f"openid {scope}"))["userinfo"]
    assert isinstance(person, dict)
    assert None not in person.values()
    if "profile" in scope:
        assert person["family_name"]
        assert person["given_name"]
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", person.get("birthdate", "1964-12-31"))
    for name, kind in (("email_verified", bool), ("phone_number_verified", bool), ("address", dict)):
        assert isinstance(person.get(name, kind()), kind)


async def test_oidcc_ensure_other_scope_order_succeeds(judge: Judge) -> None:
    """oidcc-ensure-other-scope-order-succeeds: ``openid`` need not be the first."""
    await judge.log_in(scope="email openid")


@pytest.mark.parametrize("display", ["page", "popup"])
async def test_oidcc_display(judge: Judge, display: str) -> None:
    """oidcc-display-page, oidcc-display-popup."""
    await judge.log_in(display=display)


async def test_oidcc_prompt_login(judge: Judge) -> None:
    """oidcc-prompt-login: the citizen identifies again, and ``auth_time`` moves."""
    first = await judge.log_in()
    judge.clock.forward(seconds=2)
    second = await judge.log_in(prompt="login")
    assert _auth_time(second) > _auth_time(first)
    assert len(second["pages"]) == len(first["pages"])


async def test_oidcc_prompt_none_not_logged_in(judge: Judge) -> None:
    """oidcc-prompt-none-not-logged-in: an error without any page."""
    asked = judge.request(prompt="none")
    landed = await judge.walk(f"/authorize?{urlencode(asked)}")
    judge.error(asked, landed, *NEEDS_A_PAGE)
    assert landed.pages == []


async def test_oidcc_prompt_none_logged_in(judge: Judge) -> None:
    """oidcc-prompt-none-logged-in: the same login, without a page."""
    await _same_login_again(judge, prompt="none")


async def test_oidcc_max_age_1(judge: Judge) -> None:
    """oidcc-max-age-1: two seconds later the citizen identifies again."""
    first = await judge.log_in()
    judge.clock.forward(seconds=2)
    second = await judge.log_in(max_age="1")
    assert _auth_time(second) > _auth_time(first)
    assert judge.now - _auth_time(second) < 10
    assert second["pages"]


async def test_oidcc_max_age_10000(judge: Judge) -> None:
    """oidcc-max-age-10000: the login of a moment ago is young enough."""
    await _same_login_again(judge, max_age="10000")


async def test_oidcc_ensure_request_with_unknown_parameter_succeeds(judge: Judge) -> None:
    """oidcc-ensure-request-with-unknown-parameter-succeeds."""
    await judge.log_in(extra="foobar")


async def test_oidcc_id_token_hint(judge: Judge) -> None:
    """oidcc-id-token-hint: with ``prompt=none``, for whom it was issued."""
    first = await judge.log_in()
    await _again(judge, first, prompt="none", id_token_hint=str(first["id_token"]))


async def test_oidcc_login_hint(judge: Judge) -> None:
    """oidcc-login-hint: anybody's address means nothing here."""
    await judge.log_in(login_hint="buffy@suite.example")


async def test_oidcc_ui_locales(judge: Judge) -> None:
    """oidcc-ui-locales: also with a language that is not supported."""
    await judge.log_in(ui_locales="se")


async def test_oidcc_claims_locales(judge: Judge) -> None:
    """oidcc-claims-locales."""
    await judge.log_in(claims_locales="se")


async def test_oidcc_ensure_request_with_acr_values_succeeds(judge: Judge) -> None:
    """oidcc-ensure-request-with-acr-values-succeeds: values nobody knows, then one of ours."""
    await judge.log_in(acr_values="1 2")
    supported = (await judge.metadata())["acr_values_supported"]
    assert isinstance(supported, list)
    assert (await judge.log_in(acr_values=supported[0]))["claims"]["acr"] in supported


@pytest.mark.parametrize("seconds", [0, 30])
async def test_oidcc_codereuse(judge: Judge, seconds: int) -> None:
    """oidcc-codereuse, oidcc-codereuse-30seconds: refused, and what was issued from it ends."""
    asked = judge.request()
    landed = await judge.walk(f"/authorize?{urlencode(asked)}")
    found = await judge.tokens(asked, landed)
    await judge.userinfo(found)
    judge.clock.forward(seconds=seconds)
    judge.refused(await judge.token(landed), "invalid_grant")
    response = await judge.http.get("/userinfo", headers={"authorization": f"Bearer {found['access_token']}"})
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


async def test_oidcc_ensure_registered_redirect_uri(judge: Judge) -> None:
    """oidcc-ensure-registered-redirect-uri: a page says so, and nothing goes to that address."""
    asked = judge.request(redirect_uri=f"{CALLBACK}/unregistered")
    page = judge.page(await judge.walk(f"/authorize?{urlencode(asked)}"))
    assert "unregistered" not in page.text


async def test_oidcc_ensure_post_request_succeeds(judge: Judge) -> None:
    """oidcc-ensure-post-request-succeeds: from the client's site, without our cookies."""
    asked = judge.request()
    landed = await judge.walk("/authorize", form=asked, cross_site=True)
    await judge.tokens(asked, landed)


async def test_oidcc_server_client_secret_post(judge: Judge) -> None:
    """oidcc-server-client-secret-post."""
    asked = judge.request("suite-post")
    await judge.tokens(asked, await judge.walk(f"/authorize?{urlencode(asked)}"), post=True)


async def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(
    judge: Judge,
) -> None:
    """oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported."""
    asked = judge.request(request_uri="https://suite.example/test/a/gateway/requestobject/abc#hash")
    landed = await judge.walk(f"/authorize?{urlencode(asked)}")
    judge.error(asked, landed, "request_uri_not_supported")
    assert (await judge.metadata())["request_uri_parameter_supported"] is False


async def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(
    judge: Judge,
) -> None:
    """oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported."""
    asked = judge.request()
    inside = compact({"alg": "none"}, {**asked, "iss": "suite", "aud": "https://id.example"}, lambda _: b"")
    landed = await judge.walk(f"/authorize?{urlencode({**asked, 'request': inside})}")
    judge.error(asked, landed, "request_not_supported")
    assert "none" not in (await judge.metadata())["request_object_signing_alg_values_supported"]


async def test_oidcc_claims_essential(judge: Judge) -> None:
    """oidcc-claims-essential: ``name`` from UserInfo, though no scope asks for it."""
    person = (await judge.log_in(claims=json.dumps({"userinfo": {"name": {"essential": True}}})))["userinfo"]
    assert person["name"]


async def test_oidcc_ensure_request_object_with_redirect_uri(judge: Judge) -> None:
    """oidcc-ensure-request-object-with-redirect-uri: skipped by the suite, and still no open redirect."""
    asked = judge.request()
    inside = compact({"alg": "none"}, {**asked, "iss": "suite", "aud": "https://id.example"}, lambda _: b"")
    outside = {**asked, "redirect_uri": f"{CALLBACK}/invalid", "request": inside}
    judge.page(await judge.walk(f"/authorize?{urlencode(outside)}"))


async def test_oidcc_refresh_token(judge: Judge) -> None:
    """oidcc-refresh-token: skipped by the suite, because nobody is given one."""
    found = await judge.log_in(scope="openid offline_access", prompt="consent")
    assert "refresh_token" not in found
    assert "refresh_token" not in (await judge.metadata())["grant_types_supported"]


async def test_oidcc_ensure_request_with_valid_pkce_succeeds(judge: Judge) -> None:
    """oidcc-ensure-request-with-valid-pkce-succeeds."""
    pair = Pair()
    asked = judge.request(code_challenge=pair.challenge, code_challenge_method="S256")
    landed = await judge.walk(f"/authorize?{urlencode(asked)}")
    await judge.tokens(asked, landed, code_verifier=pair.verifier)


async def test_no_session_exists_at_level_high(judge: Judge) -> None:
    """oidc.md §2.1: then ``prompt=none`` ends as if nobody had logged in."""
    judge.installation.source.identity_changes = {"level": LevelOfAssurance.HIGH}
    await judge.log_in()
    asked = judge.request(prompt="none")
    judge.error(asked, await judge.walk(f"/authorize?{urlencode(asked)}"), *NEEDS_A_PAGE)


async def test_every_page_that_explains_an_error_works_in_an_old_browser(judge: Judge) -> None:
    """The suite opens ``error_uri`` as a person would; all are plain HTML."""
    for entry in CATALOGUE:
        landed = await judge.walk(f"/error/{entry.code}", until=entry.code)
        assert landed.page is not None
        assert landed.page.status == 200


def _auth_time(found: dict[str, Any]) -> int:
    claims = found["claims"]
    assert isinstance(claims, dict)
    assert isinstance(claims["auth_time"], int)
    return claims["auth_time"]


async def _same_login_again(judge: Judge, **second: str) -> None:
    await _again(judge, await judge.log_in(), **second)


async def _again(judge: Judge, first: dict[str, Any], **second: str) -> None:
    judge.clock.forward(seconds=2)
    again = await judge.log_in(**second)
    assert again["pages"] == []
    assert _auth_time(again) == _auth_time(first)
    assert again["claims"]["sub"] == first["claims"]["sub"]
