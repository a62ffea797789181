"""What the token endpoint says to those it does not know, and where its clock draws the line."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.certification.judge import CALLBACK, Judge
from tests.certification.profiles import DPoP, MutualTLS, certificate
from tests.login.installation import SECRET

pytestmark = pytest.mark.anyio

FORM = {"grant_type": "authorization_code", "code": "x", "redirect_uri": CALLBACK, "code_verifier": "v" * 43}
ENDPOINTS = ("/token", "/par", "/introspect", "/revoke")


def _seen(response: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    kept = [(name, value) for name, value in response.headers.items() if name != "content-length"]
    return response.status_code, response.text, sorted(kept)


def _basic(client_id: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_unknown_client_and_wrong_secret_look_the_same(judge: Judge, path: str) -> None:
    """Issue 5: nobody learns which clients there are, nor how they authenticate."""
    wrong = await judge.http.post(path, data=FORM, headers=_basic("suite", "wrong"))
    assert wrong.status_code == 401
    for client_id, secret in (
        ("nobody", SECRET),
        ("nobody", "wrong"),
        ("suite-post", SECRET),
        ("client", SECRET),
    ):
        unknown = await judge.http.post(path, data=FORM, headers=_basic(client_id, secret))
        assert _seen(unknown) == _seen(wrong), client_id


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_secret_in_the_form_looks_the_same_for_everybody_it_does_not_let_in(
    judge: Judge, path: str
) -> None:
    """``client_secret_post``: wrong secret, unknown client, client of another method."""
    answers = [
        await judge.http.post(path, data={**FORM, "client_id": client_id, "client_secret": secret})
        for client_id, secret in (
            ("suite-post", "wrong"),
            ("nobody", SECRET),
            ("suite", SECRET),
            ("client", SECRET),
        )
    ]
    assert answers[0].status_code == 401
    assert {str(_seen(answer)) for answer in answers} == {str(_seen(answers[0]))}


async def test_certificate_looks_the_same_for_everybody_it_does_not_let_in(mtls: MutualTLS) -> None:
    """RFC 8705 §2: a certificate of somebody else, an unknown client, a client of another method."""
    answers = [
        await mtls.judge.mtls.post(
            "/token", data={**FORM, "client_id": client_id}, headers={"client-cert": certificate("client2")}
        )
        for client_id in ("mtls-client", "nobody", "suite", "client")
    ]
    assert answers[0].status_code == 401
    assert {str(_seen(answer)) for answer in answers} == {str(_seen(answers[0]))}


async def test_assertion_of_an_unknown_client_tells_no_more_than_a_wrong_signature(dpop: DPoP) -> None:
    """RFC 7523 §3: both are ``invalid_client`` with status 401, and nothing names the reason in the token."""
    forged = dpop.judge.assertion("client", key="client2")
    unknown = dpop.judge.assertion("nobody", key="client2")
    answers = [await dpop.judge.http.post("/token", data={**FORM, **sent}) for sent in (forged, unknown)]
    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [
        (401, "invalid_client")
    ] * 2
    assert "nobody" not in answers[1].text


@pytest.mark.parametrize(("seconds", "status"), [(29, 200), (30, 400)])
async def test_code_lives_thirty_seconds_and_not_one_more(judge: Judge, seconds: int, status: int) -> None:
    """FAPI 2.0 SP §5.3.2.1(11), oidc.md §10.5."""
    landed = await judge.walk(f"/authorize?{urlencode(judge.request())}")
    judge.clock.forward(seconds=seconds)
    assert (await judge.token(landed)).status_code == status


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (300, 401)])
async def test_access_token_lives_five_minutes_from_release(judge: Judge, seconds: int, status: int) -> None:
    """oidc.md §10.5: what the token response says is the truth."""
    found = await judge.log_in()
    assert found["expires_in"] == 300
    judge.clock.forward(seconds=seconds)
    bearer = {"authorization": f"Bearer {found['access_token']}"}
    assert (await judge.http.get("/userinfo", headers=bearer)).status_code == status


@pytest.mark.parametrize(("seconds", "found"), [(89, True), (91, False)])
async def test_pushed_request_lives_ninety_seconds(dpop: DPoP, seconds: int, found: bool) -> None:
    """RFC 9126 §2.2: ``expires_in`` is kept to the second."""
    response = await dpop.push(dpop.request())
    assert response.json()["expires_in"] == 90
    dpop.judge.clock.forward(seconds=seconds)
    landed = await dpop.visit(response.json()["request_uri"])
    assert bool(landed.parameters) is found


SKEW: dict[str, tuple[dict[str, int], bool]] = {
    "expired a minute ago, less a second": ({"exp": -59}, True),
    "expired a minute ago": ({"exp": -61}, False),
    "issued a minute ahead, less a second": ({"iat": 59, "exp": 120}, True),
    "issued more than a minute ahead": ({"iat": 61, "exp": 120}, False),
    "valid from more than a minute ahead": ({"nbf": 61, "exp": 120}, False),
    "valid for too long": ({"exp": 3600}, False),
}


@pytest.mark.parametrize("case", SKEW)
async def test_assertion_at_the_edge_of_clock_skew(dpop: DPoP, case: str) -> None:
    """FAPI 2.0 SP §5.3.2.1(13): 10 seconds ahead for certain, never more than 60."""
    shifts, accepted = SKEW[case]
    claims: dict[str, Any] = {name: dpop.judge.now + shift for name, shift in shifts.items()}
    form = {**dpop.request(), **dpop.judge.assertion("client", **claims)}
    response = await dpop.judge.http.post("/par", data=form)
    assert (response.status_code == 201) is accepted, response.text
