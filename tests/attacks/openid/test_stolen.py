"""What an attacker has in hand, and cannot use: a token, a code, a pushed request (FAPI 2.0 attacker model)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.certification.judge import CALLBACK, KEYS, Judge, Pair
from tests.certification.profiles import DPoP, MutualTLS, certificate

pytestmark = pytest.mark.anyio

ATTACKERS = ec.generate_private_key(ec.SECP256R1())


async def test_stolen_dpop_bound_token_opens_nothing(dpop: DPoP) -> None:
    """RFC 9449 §7: no proof, the thief's proof, the victim's proof of another request, another moment."""
    found = await dpop.log_in()
    token = found["access_token"]
    judge = dpop.judge
    seen = judge.proof("GET", "/userinfo", access_token=token)
    scheme = {"authorization": f"DPoP {token}"}
    assert (await judge.http.get("/userinfo", headers={**scheme, "dpop": seen})).status_code == 200
    attempts: dict[str, dict[str, str]] = {
        "as bearer token": {"authorization": f"Bearer {token}"},
        "without proof": scheme,
        "own key": {**scheme, "dpop": judge.proof("GET", "/userinfo", access_token=token, key=ATTACKERS)},
        "proof that was seen": {**scheme, "dpop": seen},
        "proof for the token endpoint": {**scheme, "dpop": judge.proof("POST", "/token")},
        "proof for another token": {**scheme, "dpop": judge.proof("GET", "/userinfo", access_token="x")},
        "proof for another method": {**scheme, "dpop": judge.proof("POST", "/userinfo", access_token=token)},
    }
    for name, headers in attempts.items():
        response = await judge.http.get("/userinfo", headers=headers)
        assert response.status_code in {400, 401}, name
        assert "family_name" not in response.text
    in_body = await judge.http.post("/userinfo", data={"access_token": token})
    in_query = await judge.http.get("/userinfo", params={"access_token": token})
    assert in_body.status_code == 401
    assert in_query.status_code == 400


async def test_stolen_bound_token_cannot_be_exchanged_or_introspected(dpop: DPoP) -> None:
    """RFC 8693, RFC 7662: the other endpoints that take a token ask who comes, too."""
    token = (await dpop.log_in())["access_token"]
    judge = dpop.judge
    grant = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "resource": "https://pay.example/",
    }
    headers = {"dpop": judge.proof("POST", "/token", key=KEYS["client2"])}
    exchanged = await dpop.send("/token", grant, "client2", headers)
    assert exchanged.status_code in {400, 401}
    introspected = await dpop.send("/introspect", {"token": token}, "client2")
    assert introspected.status_code in {400, 401, 403} or introspected.json() == {"active": False}
    await dpop.send("/revoke", {"token": token}, "client2")
    assert (await dpop.resource({"access_token": token})).status_code == 200


async def test_stolen_certificate_bound_token_opens_nothing(mtls: MutualTLS) -> None:
    """RFC 8705 §3: with the thief's certificate, with none, on the listener without certificates."""
    token = (await mtls.log_in())["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    shown = {**bearer, "client-cert": certificate("client2")}
    answers = [
        await mtls.judge.mtls.get("/userinfo", headers=bearer),
        await mtls.judge.mtls.get("/userinfo", headers=shown),
        await mtls.judge.http.get("/userinfo", headers=bearer),
        await mtls.judge.http.get("/userinfo", headers={**bearer, "client-cert": certificate("client")}),
    ]
    assert [answer.status_code for answer in answers] == [401] * 4


async def test_stolen_code_buys_nothing(dpop: DPoP) -> None:
    """FAPI 2.0 SP §5.3.2.2: with the thief's own, genuine client; with the victim's name; with no proof."""
    judge = dpop.judge
    form: dict[str, str] = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}

    async def stolen() -> dict[str, str]:
        landed = await dpop.landed(dpop.request())
        return {**form, "code": landed.code, "code_verifier": dpop.pair.verifier}

    thief = {"dpop": judge.proof("POST", "/token", key=KEYS["client2"])}
    judge.refused(await dpop.send("/token", await stolen(), "client2", thief), "invalid_grant")
    nobody = {**await stolen(), "client_id": "client"}
    judge.refused(
        await judge.http.post("/token", data=nobody, headers=dpop.holding("POST", "/token")),
        "invalid_client",
        "invalid_request",
    )
    forged = {**await stolen(), **judge.assertion("client", key="client2")}
    judge.refused(
        await judge.http.post("/token", data=forged, headers=dpop.holding("POST", "/token")), "invalid_client"
    )
    guessed = {**await stolen(), "code_verifier": Pair().verifier}
    judge.refused(
        await dpop.send("/token", guessed, "client", dpop.holding("POST", "/token")), "invalid_grant"
    )


async def test_code_bound_to_a_key_is_refused_to_the_same_client_with_another_key(dpop: DPoP) -> None:
    """RFC 9449 §10: also where the thief has the client's credentials, but not its DPoP key."""
    landed = await dpop.visit(await dpop.pushed(dpop.request(), **dpop.holding("POST", "/par")))
    form = {
        "grant_type": "authorization_code",
        "code": landed.code,
        "redirect_uri": CALLBACK,
        "code_verifier": dpop.pair.verifier,
    }
    headers = {"dpop": dpop.judge.proof("POST", "/token", key=ATTACKERS)}
    dpop.judge.refused(
        await dpop.send("/token", form, "client", headers), "invalid_grant", "invalid_dpop_proof"
    )


async def test_stolen_pushed_request_leads_nowhere_but_to_its_client(dpop: DPoP) -> None:
    """RFC 9126 §7: whoever opens it logs in at the victim's client, with its state; and only once."""
    asked = dpop.request()
    request_uri = await dpop.pushed(asked)
    thief = Judge(dpop.judge.installation)
    dpop.judge.page(await thief.walk(_address("client2", request_uri)))
    diverted = f"{_address('client', request_uri)}&{urlencode({'redirect_uri': 'https://thief.example/cb'})}"
    landed = await thief.walk(diverted)
    assert landed.address == CALLBACK
    assert landed.parameters["state"] == asked["state"]
    own = {"dpop": dpop.judge.proof("POST", "/token", key=KEYS["client2"])}
    form: dict[str, Any] = {"grant_type": "authorization_code", "code": landed.code, "redirect_uri": CALLBACK}
    form["code_verifier"] = Pair().verifier
    dpop.judge.refused(await dpop.send("/token", form, "client2", own), "invalid_grant")
    dpop.judge.page(await dpop.visit(request_uri))


def _address(client_id: str, request_uri: str) -> str:
    return f"/authorize?{urlencode({'client_id': client_id, 'request_uri': request_uri})}"
