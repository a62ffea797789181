"""RP-Initiated, Back-Channel and Front-Channel Logout 1.0; names in docstrings are the suite's modules."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest

from connectors.assurance import LevelOfAssurance
from gateway.oidc.backchannel_logout import EVENT, BackChannel
from gateway.store import StoreAddress
from tests.login.installation import (
    ISSUER,
    Browser,
    Installation,
    authorize_path,
    client,
    install,
    query_of,
    target_of,
)
from tests.login.tokens import id_token_claims
from trust.errors import OutgoingError

pytestmark = pytest.mark.anyio

AFTER = "https://service.example/after?x=1"


class Peer:
    """The client's back-channel logout endpoint."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.failures = 0

    def __call__(self, url: str, form: bytes) -> None:
        assert url == "https://service.example/backchannel"
        if self.failures:
            self.failures -= 1
            raise OutgoingError("fetch.status", "status 500")
        self.tokens.append(dict(parse_qsl(form.decode()))["logout_token"])


@pytest.fixture
async def peer() -> Peer:
    return Peer()


@pytest.fixture
async def short(tmp_path: Path, address: StoreAddress, peer: Peer) -> AsyncIterator[Installation]:
    running = install(
        tmp_path,
        address,
        client(
            session_seconds=600,
            post_logout_redirect_uris=(AFTER,),
            backchannel_logout_uri="https://service.example/backchannel",
            frontchannel_logout_uri="https://service.example/front?a=b",
        ),
        client(client_id="other", session_seconds=600, sector_identifier="other.example"),
    )

    async def at_once(_: float) -> None:
        return None

    channel: BackChannel = running.application.live.current.back_channel
    object.__setattr__(channel, "post", peer)
    object.__setattr__(channel, "pause", at_once)
    running.source.identity_changes = {"level": LevelOfAssurance.SUBSTANTIAL}
    yield running
    await running.application.stop()


async def logged_in(browser: Browser) -> str:
    """A browser with a session; its ID token."""
    answered = query_of(await browser.release(await browser.identified()))
    token: str = (await browser.redeem(answered["code"])).json()["id_token"]
    return token


async def logout(browser: Browser, **parameters: str) -> httpx.Response:
    return await browser.get(f"/logout?{urlencode(parameters)}")


async def confirm(browser: Browser, page: httpx.Response) -> httpx.Response:
    fields = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', page.text))
    return await browser.post("/logout", {**fields, "confirm": "yes"})


async def has_session(browser: Browser) -> bool:
    location = (await browser.get(authorize_path(prompt="none"))).headers["location"]
    return "code" in parse_qs(urlsplit(location).query)


async def test_logout_with_the_id_token_ends_the_session_and_goes_back_with_state(
    short: Installation,
) -> None:
    """oidcc-rp-initiated-logout: no question, the registered address, state unchanged."""
    browser = short.browser()
    hint = await logged_in(browser)
    page = await logout(browser, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="s &t")
    assert target_of(page) == f"{AFTER}&state=s+%26t"
    assert not await has_session(browser)
    assert "LoggedOut" in short.events()


async def test_logout_works_by_post_as_well(short: Installation) -> None:
    """RP-Initiated Logout §2: GET and POST; a cross-site POST comes without our cookie."""
    browser = short.browser()
    hint = await logged_in(browser)
    form = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER}
    page = await browser.request("POST", "/logout", data=form, cross_site=True)
    assert target_of(page) == AFTER
    assert not await has_session(browser)


async def test_address_is_compared_octet_by_octet(short: Installation) -> None:
    """oidcc-rp-initiated-logout-bad-post-logout-redirect-uri, -query-added-to-post-logout-redirect-uri."""
    browser = short.browser()
    hint = await logged_in(browser)
    for uri in ("https://evil.example/", f"{AFTER}&y=2", AFTER.removesuffix("?x=1"), AFTER.upper()):
        page = await logout(browser, id_token_hint=hint, post_logout_redirect_uri=uri)
        assert page.status_code == 400
        assert "refresh" not in page.text
        assert uri not in page.text
    assert await has_session(browser)


async def test_forged_hint_is_refused(short: Installation) -> None:
    """oidcc-rp-initiated-logout-modified-id-token-hint, -bad-id-token-hint."""
    browser = short.browser()
    head, payload, signature = (await logged_in(browser)).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "x"}).encode()).rstrip(b"=").decode()
    for hint in (f"{head}.{forged}.{signature}", "x", "a.b.c"):
        page = await logout(browser, id_token_hint=hint, post_logout_redirect_uri=AFTER)
        assert (page.status_code, "refresh" in page.text) == (400, False)
    assert await has_session(browser)


async def test_hint_and_client_id_must_name_one_client(short: Installation) -> None:
    browser = short.browser()
    hint = await logged_in(browser)
    assert (await logout(browser, id_token_hint=hint, client_id="other")).status_code == 400
    assert (await logout(browser, client_id="nobody")).status_code == 400


@pytest.mark.parametrize(
    "parameters", [{}, {"post_logout_redirect_uri": AFTER, "state": "s"}, {"state": "s"}]
)
async def test_without_a_hint_the_citizen_is_asked_and_stays_here(
    short: Installation, parameters: dict[str, str]
) -> None:
    """oidcc-rp-initiated-logout-no-params, -no-id-token-hint, -only-state."""
    browser = short.browser()
    await logged_in(browser)
    question = await logout(browser, **parameters)
    assert "Abmelden?" in question.text
    assert await has_session(browser)
    done = await confirm(browser, question)
    assert "Sie sind abgemeldet" in done.text
    assert "refresh" not in done.text
    assert not await has_session(browser)


async def test_with_client_id_alone_the_citizen_is_asked_and_then_goes_back(short: Installation) -> None:
    browser = short.browser()
    await logged_in(browser)
    question = await logout(browser, client_id="amt24", post_logout_redirect_uri=AFTER)
    assert target_of(await confirm(browser, question)) == AFTER


async def test_without_an_address_the_browser_stays_here(short: Installation) -> None:
    """oidcc-rp-initiated-logout-no-post-logout-redirect-uri."""
    browser = short.browser()
    page = await logout(browser, id_token_hint=await logged_in(browser))
    assert "Sie sind abgemeldet" in page.text
    assert "refresh" not in page.text


async def test_without_a_session_nobody_is_asked(short: Installation) -> None:
    page = await logout(short.browser(), client_id="amt24", post_logout_redirect_uri=AFTER)
    assert target_of(page) == AFTER


async def test_hint_of_an_older_session_does_not_end_the_current_one_unasked(short: Installation) -> None:
    """RP-Initiated Logout §2: ask if the hint does not belong to the current session."""
    browser = short.browser()
    old = await logged_in(browser)
    journey = await browser.authorize(prompt="login")
    await browser.answer(await browser.begin(journey))
    await browser.release(journey)
    question = await logout(browser, id_token_hint=old)
    assert "Abmelden?" in question.text
    assert await has_session(browser)


async def test_question_of_another_site_is_not_taken_for_an_answer(short: Installation) -> None:
    """Login CSRF's counterpart: a form of another site cannot confirm."""
    browser = short.browser()
    await logged_in(browser)
    headers = {"sec-fetch-site": "cross-site"}
    refused = await browser.post("/logout", {"confirm": "yes"}, headers=headers)
    assert refused.status_code >= 400
    assert await has_session(browser)


async def test_repeated_parameter_is_refused(short: Installation) -> None:
    page = await short.browser().get("/logout?state=a&state=b")
    assert page.status_code == 400


async def test_client_is_told_by_the_back_channel(short: Installation, peer: Peer) -> None:
    """oidcc-backchannel-rp-initiated-logout: §2.4 the token, §2.5 how it is sent."""
    browser = short.browser()
    hint = await logged_in(browser)
    claims = json.loads(base64.urlsafe_b64decode(hint.split(".")[1] + "=="))
    await logout(browser, id_token_hint=hint)
    await short.application.live.current.back_channel.settled()
    (token,) = peer.tokens
    header, payload = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    assert header["typ"] == "logout+jwt"
    assert payload["events"] == {EVENT: {}}
    assert "nonce" not in payload
    assert (payload["iss"], payload["aud"]) == (ISSUER, "amt24")
    assert (payload["sub"], payload["sid"]) == (claims["sub"], claims["sid"])
    assert 0 < payload["exp"] - payload["iat"] <= 120
    assert "LogoutTold" in short.events()


async def test_back_channel_tries_again_and_says_in_the_log_if_nobody_heard(
    short: Installation, peer: Peer
) -> None:
    """§2.5: bounded; each attempt has a token of its own."""
    browser = short.browser()
    peer.failures = 2
    await logout(browser, id_token_hint=await logged_in(browser))
    await short.application.live.current.back_channel.settled()
    assert len(peer.tokens) == 1
    peer.failures = 9
    await logout(browser, id_token_hint=await logged_in(browser))
    await short.application.live.current.back_channel.settled()
    assert len(peer.tokens) == 1
    assert '"failure":"fetch.status"' in short.log_text().replace(" ", "")


async def test_second_logout_of_a_session_tells_nobody_again(short: Installation, peer: Peer) -> None:
    browser = short.browser()
    hint = await logged_in(browser)
    for _ in range(2):
        await logout(browser, id_token_hint=hint)
    await short.application.live.current.back_channel.settled()
    assert len(peer.tokens) == 1


async def test_front_channel_address_is_called_in_a_hidden_frame(short: Installation) -> None:
    """Front-Channel Logout §2, §3: iss and sid; the policy of the page admits that origin only."""
    browser = short.browser()
    hint = await logged_in(browser)
    sid = json.loads(base64.urlsafe_b64decode(hint.split(".")[1] + "=="))["sid"]
    page = await logout(browser, id_token_hint=hint)
    frame = re.search(r'<iframe src="([^"]+)"', page.text)
    assert frame is not None
    expected = f"https://service.example/front?a=b&amp;{urlencode({'iss': ISSUER, 'sid': sid}).replace('&', '&amp;')}"
    assert frame[1] == expected
    assert "frame-src https://service.example;" in page.headers["content-security-policy"]


async def test_token_response_names_the_session(short: Installation) -> None:
    """Back-Channel Logout §2.1: sid in the ID token."""
    browser = short.browser()
    answered = query_of(await browser.release(await browser.identified()))
    assert id_token_claims(await browser.redeem(answered["code"]))["sid"]
