"""The same secret at two nodes at the same instant: one store decides, and one of them loses."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.certification.judge import CALLBACK, Judge
from tests.certification.profiles import DPoP

pytestmark = pytest.mark.anyio

Twins = tuple[Judge, Judge]


async def test_code_is_redeemed_at_one_of_two_nodes_and_the_replay_ends_the_token(twins: Twins) -> None:
    """RFC 6749 §4.1.2, FAPI 2.0 SP §5.3.2.2(9)."""
    first, second = twins
    for _ in range(5):
        asked = first.request()
        landed = await first.walk(f"/authorize?{urlencode(asked)}")
        answers = await asyncio.gather(first.token(landed), second.token(landed))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses in ([200, 400], [400, 400])
        for answer in answers:
            if answer.status_code == 200:
                bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
                for node in twins:
                    assert (await node.http.get("/userinfo", headers=bearer)).status_code == 401
            else:
                node_says = answer.json()["error"]
                assert node_says == "invalid_grant"


async def test_code_redeemed_at_one_node_is_spent_at_the_other(twins: Twins) -> None:
    """The usual order: the client first, the thief a moment later elsewhere."""
    first, second = twins
    landed = await first.walk(f"/authorize?{urlencode(first.request())}")
    assert (await first.token(landed)).status_code == 200
    second.refused(await second.token(landed), "invalid_grant")


async def test_proof_counts_at_one_of_two_nodes(twins: Twins) -> None:
    """RFC 9449 §11.1: ``jti`` is remembered by all of them together."""
    first, _ = twins
    token = (await DPoP(first, "client", "client2").log_in())["access_token"]
    for _ in range(5):
        proof = first.proof("GET", "/userinfo", access_token=token)
        headers = {"authorization": f"DPoP {token}", "dpop": proof}
        answers = await asyncio.gather(*(node.http.get("/userinfo", headers=headers) for node in twins))
        taken, refused = sorted(answer.status_code for answer in answers)
        assert taken == 200
        assert refused in {400, 401}


async def test_client_assertion_counts_at_one_of_two_nodes(twins: Twins) -> None:
    """RFC 7523 §3: ``jti``."""
    first, _ = twins
    profile = DPoP(first, "client", "client2")
    form: dict[str, Any] = {**profile.request(), **first.assertion("client")}
    answers = await asyncio.gather(*(node.http.post("/par", data=form) for node in twins))
    assert sorted(answer.status_code for answer in answers) in ([201, 400], [201, 401])


async def test_pushed_request_gives_one_code_to_two_browsers_at_two_nodes(twins: Twins) -> None:
    """RFC 9126 §7.3: two citizens opened it; both release at the same instant."""
    first, _ = twins
    profile = DPoP(first, "client", "client2")
    request_uri = await profile.pushed(profile.request())
    query = urlencode({"client_id": "client", "request_uri": request_uri})
    ready = [await node.walk(f"/authorize?{query}", until="/release") for node in twins]
    releases = []
    for node, landed in zip(twins, ready, strict=True):
        assert landed.page is not None
        (form,) = [form for form in landed.page.forms if "decision" in form.choices]
        fields = {**dict(form.fields), "decision": "release"}
        releases.append(node.walk(form.action, form=fields))
    ended = await asyncio.gather(*releases)
    codes = [landed.parameters["code"] for landed in ended if "code" in landed.parameters]
    assert len(codes) == 1
    assert all(landed.address in {CALLBACK, None} for landed in ended)


async def test_logout_at_one_node_ends_the_session_at_the_other(twins: Twins) -> None:
    """RP-Initiated Logout §2: the browser's cookie is worthless everywhere."""
    first, second = twins
    found = await first.log_in()
    second.browser.jar.update(first.browser.jar)
    await first.walk(f"/logout?{urlencode({'id_token_hint': found['id_token']})}")
    asked = second.request(prompt="none")
    second.error(asked, await second.walk(f"/authorize?{urlencode(asked)}"), "login_required")
