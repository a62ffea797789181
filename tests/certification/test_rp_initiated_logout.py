"""``oidcc-rp-initiated-logout-certification-test-plan`` and ``oidcc-backchannel-rp-initiated-logout-…``.

Each module logs in, sends the browser to the end-session endpoint, and asks with ``prompt=none`` whether the
session is gone.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.certification.conftest import LOGGED_OUT, BackChannelPeer
from tests.certification.judge import Judge, Landed, sign
from tests.certification.test_basic import NEEDS_A_PAGE

pytestmark = pytest.mark.anyio

STATE = "x" * 128


async def _log_out(judge: Judge, found: dict[str, Any], **changes: str | None) -> Landed:
    asked = {
        "id_token_hint": found["id_token"],
        "post_logout_redirect_uri": LOGGED_OUT,
        "state": STATE,
        **changes,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    return await judge.walk(f"/logout?{urlencode(given)}")


async def _is_logged_out(judge: Judge) -> None:
    asked = judge.request(prompt="none")
    judge.error(asked, await judge.walk(f"/authorize?{urlencode(asked)}"), *NEEDS_A_PAGE)


def _returned(landed: Landed, expected: dict[str, str]) -> None:
    assert landed.address == LOGGED_OUT
    assert landed.parameters == expected


async def test_oidcc_rp_initiated_logout(judge: Judge) -> None:
    """oidcc-rp-initiated-logout: back at the client with ``state`` and nothing else."""
    _returned(await _log_out(judge, await judge.log_in()), {"state": STATE})
    await _is_logged_out(judge)


@pytest.mark.parametrize(
    ("uri", "module"),
    [(f"{LOGGED_OUT}/bad", "bad"), (f"{LOGGED_OUT}?foo=bar", "query-added")],
    ids=lambda value: value.rpartition("/")[2],
)
async def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(
    judge: Judge, uri: str, module: str
) -> None:
    """oidcc-rp-initiated-logout-bad-post-logout-redirect-uri, -query-added-to-post-logout-redirect-uri."""
    page = judge.page(await _log_out(judge, await judge.log_in(), post_logout_redirect_uri=uri))
    assert LOGGED_OUT not in page.text


async def test_oidcc_rp_initiated_logout_modified_id_token_hint(judge: Judge) -> None:
    """oidcc-rp-initiated-logout-modified-id-token-hint: the signature no longer fits."""
    found = await judge.log_in()
    head, body, signature = found["id_token"].split(".")
    flipped = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    landed = await _log_out(judge, found, id_token_hint=f"{head}.{body}.{flipped}")
    assert LOGGED_OUT not in judge.page(landed).text


async def test_oidcc_rp_initiated_logout_bad_id_token_hint(judge: Judge) -> None:
    """oidcc-rp-initiated-logout-bad-id-token-hint: signed by the suite, not by us."""
    found = await judge.log_in()
    forged = sign(ec.generate_private_key(ec.SECP256R1()), {"kid": "suite"}, found["claims"])
    assert LOGGED_OUT not in judge.page(await _log_out(judge, found, id_token_hint=forged)).text


@pytest.mark.parametrize(
    "left_out",
    [
        ("id_token_hint",),
        ("id_token_hint", "post_logout_redirect_uri", "state"),
        ("post_logout_redirect_uri",),
        ("id_token_hint", "post_logout_redirect_uri"),
    ],
    ids=["no-id-token-hint", "no-params", "no-post-logout-redirect-uri", "only-state"],
)
async def test_oidcc_rp_initiated_logout_incomplete(judge: Judge, left_out: tuple[str, ...]) -> None:
    """oidcc-rp-initiated-logout-no-id-token-hint, -no-params, -no-post-logout-redirect-uri, -only-state.

    The citizen is asked where nobody proves whose session it is, and stays on a page of ours.
    """
    found = await judge.log_in()
    landed = await _log_out(judge, found, **dict.fromkeys(left_out))
    assert landed.page is not None
    assert landed.page.status == 200
    assert len(landed.pages) == (2 if "id_token_hint" in left_out else 1)
    await _is_logged_out(judge)


async def test_oidcc_rp_initiated_logout_no_state(judge: Judge) -> None:
    """oidcc-rp-initiated-logout-no-state: none comes back."""
    _returned(await _log_out(judge, await judge.log_in(), state=None), {})
    await _is_logged_out(judge)


async def test_oidcc_backchannel_rp_initiated_logout(judge: Judge, peer: BackChannelPeer) -> None:
    """oidcc-backchannel-rp-initiated-logout: exactly one parameter, and a logout token for this session."""
    found = await judge.log_in()
    _returned(await _log_out(judge, found), {"state": STATE})
    await judge.installation.application.live.current.back_channel.settled()
    ((name, text),) = peer.requests[0]
    assert (len(peer.requests), name) == (1, "logout_token")
    token = await judge.read(text)
    assert token.header["typ"] == "logout+jwt"
    claims = token.claims
    assert "nonce" not in claims
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert claims["iss"] == found["claims"]["iss"]
    assert claims["aud"] == "suite"
    assert claims["sub"] == found["claims"]["sub"]
    assert claims["sid"] == found["claims"]["sid"]
    assert claims["jti"]
    assert judge.now - 10 <= claims["iat"] <= judge.now < claims["exp"] <= judge.now + 120
    await _is_logged_out(judge)


async def test_logout_of_one_client_leaves_the_other_client_logged_in(judge: Judge) -> None:
    """Sessions belong to one client each; a hint ends only its own."""
    first = await judge.log_in()
    await judge.log_in("suite2")
    await _log_out(judge, first)
    await _is_logged_out(judge)
    assert (await judge.log_in("suite2", prompt="none"))["pages"] == []
