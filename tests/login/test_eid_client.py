"""A login with an eID-Client, as browser and client meet it (TR-03124-1; npa.md §3; ux.md §3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.contract import AuthenticationRequest, Start, TokenSource
from connectors.errors import PeerUnavailable
from gateway.login.eid_records import TICKET_LIFE
from gateway.store import StoreAddress
from tests.login.eid_steps import (
    choose_card,
    come_back,
    fetch_token,
    open_client,
    start_link,
    token_path,
)
from tests.login.fake_card import FAILURES, element
from tests.login.installation import Browser, Installation, client, install, query_of

pytestmark = pytest.mark.anyio
PAOS = "application/vnd.paos+xml; charset=UTF-8"


@pytest.fixture
async def running(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Installation]:
    made = install(tmp_path, address, client(means=("npa", "eidas")), card=True)
    yield made
    await made.application.stop()


@pytest.fixture
def browser(running: Installation) -> Browser:
    return running.browser()


# ------------------------------------------------------------------------------------ pages


async def test_login_with_the_card_ends_in_a_code(running: Installation, browser: Browser) -> None:
    """npa.md §3: browser, client, card, refresh, release."""
    journey = await choose_card(browser)
    eid_client = await open_client(running, await start_link(browser, journey))
    running.card.identify(eid_client.session)
    response = await come_back(browser, eid_client)
    assert response.headers["location"] == f"{journey}/release"
    tokens = await browser.redeem(query_of(await browser.release(journey))["code"])
    assert tokens.status_code == 200
    assert [e for e in running.events() if e.startswith("Client")] == ["ClientTicketRedeemed"]


async def test_pages_lead_from_what_happens_to_three_equal_ways(browser: Browser) -> None:
    """ux.md §3: landing page, prerequisites, a page while it runs; no way hidden."""
    journey = await choose_card(browser)
    landing = (await browser.get(f"{journey}/client")).text
    assert f'href="{journey}/client/start"' in landing
    start = (await browser.get(f"{journey}/client/start")).text
    for way in ("computer", "phone", "qr"):
        assert f'href="{journey}/client/{way}"' in start
    assert "eid://127.0.0.1:24727/eID-Client?tcTokenURL=https%3A%2F%2F" in await start_link(
        browser, journey, "phone"
    )
    assert (await start_link(browser, journey)).startswith("http://127.0.0.1:24727/eID-Client?tcTokenURL=")


@pytest.mark.parametrize(
    ("agent", "first"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "computer"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Mobile Safari/537.36", "phone"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", "phone"),
        ("", "computer"),
    ],
)
async def test_best_guess_stands_first(browser: Browser, agent: str, first: str) -> None:
    """ux.md §3: ordered by the user agent."""
    journey = await choose_card(browser)
    page = (await browser.get(f"{journey}/client/start", headers={"user-agent": agent})).text
    positions = {way: page.index(f'/client/{way}"') for way in ("computer", "phone", "qr")}
    assert min(positions, key=lambda way: positions[way]) == first


async def test_only_the_page_of_this_computer_may_ask_whether_a_client_runs(browser: Browser) -> None:
    """ux.md §3, §9: detection is an enhancement; connect-src names one origin, on one page."""
    journey = await choose_card(browser)
    policies = {
        page: (await browser.get(f"{journey}/client{page}")).headers["content-security-policy"]
        for page in ("", "/start", "/computer", "/phone", "/qr")
    }
    assert "connect-src http://127.0.0.1:24727;" in policies.pop("/computer")
    assert not [policy for policy in policies.values() if "connect-src" in policy]


async def test_pages_of_the_client_need_the_browser_that_began(
    running: Installation, browser: Browser
) -> None:
    """security.md A.18."""
    journey = await choose_card(browser)
    stranger = running.browser()
    for page in ("", "/start", "/computer", "/phone", "/qr"):
        assert (await stranger.get(f"{journey}/client{page}")).status_code == 403


async def test_page_of_the_client_leads_to_where_the_journey_stands(
    running: Installation, browser: Browser
) -> None:
    """Back button and bookmarks: the server decides by the state."""
    journey = await browser.authorize()
    assert (await browser.get(f"{journey}/client")).headers["location"] == journey
    await browser.post(f"{journey}/start", {"means": "npa"})
    assert (await browser.get(f"{journey}/client/other")).status_code == 404
    await browser.begin(journey)
    assert (await browser.get(f"{journey}/client")).headers["location"] == f"{journey}?choose=1"
    assert running.card.opened == []


async def test_no_page_shows_where_the_answer_is_awaited(running: Installation, browser: Browser) -> None:
    """npa.md §3.5: who passes the tcTokenURL on does not learn the refresh address."""
    journey = await choose_card(browser)
    shown = [
        (await browser.get(f"{journey}/client{page}")).text for page in ("", "/start", "/computer", "/qr")
    ]
    eid_client = await open_client(running, await start_link(browser, journey))
    handle = eid_client.refresh.partition("RelayState=")[2]
    assert len(handle) == 33
    assert not [page for page in shown if handle in page or handle.partition(".")[2] in page]


# --------------------------------------------------------------------------------- TC token


async def test_tc_token_is_handed_out_once_and_without_cookies(
    running: Installation, browser: Browser
) -> None:
    """npa.md §3.2: one unguessable value, once; a program that is no browser."""
    journey = await choose_card(browser)
    link = await start_link(browser, journey)
    first = await fetch_token(running, link)
    assert first.status_code == 200
    assert first.headers["content-type"] == "text/xml; charset=utf-8"
    assert first.headers["cache-control"] == "no-store"
    assert "set-cookie" not in first.headers
    assert element(first.text, "ServerAddress") == "https://id.example/connectors/npa/paos"
    second = await fetch_token(running, link)
    assert second.status_code == 404
    assert len(running.card.opened) == 1
    assert "ClientRefused" in running.events()


async def test_asking_for_the_head_does_not_use_the_ticket_up(
    running: Installation, browser: Browser
) -> None:
    """A link checker must not take the citizen's only ticket."""
    journey = await choose_card(browser)
    link = await start_link(browser, journey)
    assert (await running.browser().request("HEAD", token_path(link))).status_code == 405
    assert (await fetch_token(running, link)).status_code == 200


@pytest.mark.parametrize("ticket", ["x", "0123456789." + "A" * 43, "0123456789." + "A" * 44])
async def test_invented_ticket_gives_nothing(running: Installation, ticket: str) -> None:
    """npa.md §3.2."""
    response = await running.browser().get(f"/connectors/npa/tctoken/{ticket}")
    assert response.status_code == 404
    assert running.card.opened == []


async def test_ticket_of_one_connector_is_no_ticket_of_another(
    running: Installation, browser: Browser
) -> None:
    """Only a connector with an eID-Client has TC tokens at all."""
    journey = await choose_card(browser)
    path = token_path(await start_link(browser, journey))
    assert (await running.browser().get(path.replace("/npa/", "/eidas/"))).status_code == 404
    assert (await running.browser().get(path)).status_code == 200


async def test_ticket_ends_after_minutes_and_the_page_has_a_fresh_one(
    running: Installation, browser: Browser
) -> None:
    """npa.md §3.2: expire quickly. The citizen who installs the AusweisApp meanwhile loses nothing."""
    journey = await choose_card(browser)
    link = await start_link(browser, journey)
    running.clock.forward(seconds=TICKET_LIFE.total_seconds())
    assert (await fetch_token(running, link)).status_code == 404
    fresh = await start_link(browser, journey)
    assert fresh != link
    assert (await fetch_token(running, link)).status_code == 404
    assert (await fetch_token(running, fresh)).status_code == 200


async def test_page_says_when_a_client_has_taken_the_ticket(running: Installation, browser: Browser) -> None:
    """An exchange has one client: the way on is a new exchange, at the press of a button."""
    journey = await choose_card(browser)
    await open_client(running, await start_link(browser, journey))
    page = (await browser.get(f"{journey}/client/computer")).text
    assert "tcTokenURL" not in page
    assert f'action="{journey}/start"' in page
    running.clock.forward(seconds=TICKET_LIFE.total_seconds())
    assert "tcTokenURL" not in (await browser.get(f"{journey}/client/computer")).text
    await browser.post(f"{journey}/start", {"means": "npa", "person": "natural"})
    assert (await open_client(running, await start_link(browser, journey))).session == "s2"


async def test_service_that_is_away_sends_the_browser_back_with_its_reason(
    running: Installation, browser: Browser
) -> None:
    """TR-03124-2 A2_05: the error form names the address to return to, and nothing else."""
    journey = await choose_card(browser)
    running.card.refuse = PeerUnavailable("npa.service.busy")
    response = await fetch_token(running, await start_link(browser, journey))
    assert response.status_code == 200
    address = element(response.text, "CommunicationErrorAddress")
    for name in ("ServerAddress", "SessionIdentifier", "RefreshAddress", "Binding"):
        assert f"<{name}/>" in response.text
    path = address.removeprefix("https://id.example")
    back = await browser.get(f"{path}&ResultMajor=error&ResultMinor=communicationError", cross_site=True)
    assert back.headers["location"] == f"{journey}/failed"
    assert "3202" in (await browser.get(f"{journey}/failed")).text
    assert "npa.service.busy" in running.log_text()


async def test_client_may_be_sent_on_instead_of_getting_a_token(
    running: Installation, browser: Browser
) -> None:
    """TR-03130-1 §4: the SAML way answers the tcTokenURL with a redirect."""
    journey = await choose_card(browser)
    running.card.redirect = "https://eid-service.example/saml?SAMLRequest=x"
    response = await fetch_token(running, await start_link(browser, journey))
    assert (response.status_code, response.headers["location"]) == (303, running.card.redirect)


# -------------------------------------------------------------------------------------- PAOS


async def test_paos_reaches_the_attached_server_only(running: Installation, browser: Browser) -> None:
    """npa.md §4.1."""
    answer = await browser.request(
        "POST", "/connectors/npa/paos", data={"a": "b"}, headers={"content-type": PAOS}
    )
    assert (answer.status_code, answer.text) == (200, "<answer/>")
    assert answer.headers["content-type"] == PAOS
    running.card.attached = False
    gone = await browser.request(
        "POST", "/connectors/npa/paos", data={"a": "b"}, headers={"content-type": PAOS}
    )
    assert gone.status_code == 404


@pytest.mark.parametrize(
    ("path", "content_type", "length", "status"),
    [
        ("/connectors/npa/paos", "application/x-www-form-urlencoded", 10, 415),
        ("/connectors/npa/paos", PAOS, 0, 400),
        ("/connectors/npa/paos", PAOS, 70_000, 413),
        ("/connectors/eidas/paos", PAOS, 10, 404),
    ],
)
async def test_paos_refuses_what_is_no_message(
    running: Installation, path: str, content_type: str, length: int, status: int
) -> None:
    """Content type and size are checked before anything is parsed."""
    data = {"a": "x" * (length - 2)} if length else {}
    response = await running.browser().request(
        "POST", path, data=data, headers={"content-type": content_type}
    )
    assert response.status_code == status
    assert running.card.messages == []


# ----------------------------------------------------------------------------------- refresh


@pytest.mark.parametrize(
    ("minor", "number"),
    [
        ("cancellationByUser", "3203"),
        ("clientError", "3204"),
        ("communicationError", "3211"),
        ("trustedChannelEstablishmentFailed", "3211"),
    ],
)
async def test_each_failure_has_its_own_page_and_a_way_on(
    running: Installation, browser: Browser, minor: str, number: str
) -> None:
    """npa.md §3.3."""
    assert minor in FAILURES
    journey = await choose_card(browser)
    eid_client = await open_client(running, await start_link(browser, journey))
    running.card.identify(eid_client.session)
    back = await come_back(browser, eid_client, f"ResultMajor=error&ResultMinor={minor}")
    page = (await browser.get(back.headers["location"])).text
    assert number in page
    assert f'href="{journey}?choose=1"' in page
    await browser.post(f"{journey}/start", {"means": "npa"})
    again = await open_client(running, await start_link(browser, journey))
    running.card.identify(again.session)
    assert (await come_back(browser, again)).headers["location"] == f"{journey}/release"


async def test_success_is_never_taken_from_the_address(running: Installation, browser: Browser) -> None:
    """npa.md §3.3, §3.5: ResultMajor=ok without a result of the server is nothing."""
    journey = await choose_card(browser)
    eid_client = await open_client(running, await start_link(browser, journey))
    back = await come_back(browser, eid_client, "ResultMajor=ok")
    assert back.headers["location"] == f"{journey}/failed"
    assert (await browser.get(f"{journey}/release")).headers["location"] == journey
    assert "IdentityAccepted" not in running.events()


async def test_refresh_before_any_client_asked_is_refused(
    running: Installation, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """npa.md §3.5: who knows the address ahead of time gets nothing; the connector is not even asked."""
    seen: list[str] = []
    begin = running.card.begin

    def overheard(
        request: AuthenticationRequest, *, relay_state: str, now: datetime, random: TokenSource
    ) -> Start:
        seen.append(relay_state)
        return begin(request, relay_state=relay_state, now=now, random=random)

    monkeypatch.setattr(running.card, "begin", overheard)
    journey = await choose_card(browser)
    path = f"/connectors/npa/acs?RelayState={seen[0]}&ResultMajor=ok"
    assert (await browser.get(path, cross_site=True)).headers["location"] == f"{journey}/failed"
    assert "3210" in (await browser.get(f"{journey}/failed")).text
    assert running.card.finished == []
    assert "client.never-asked" in running.log_text()


async def test_second_refresh_is_refused(running: Installation, browser: Browser) -> None:
    """npa.md §3.5: reload, back button, replay."""
    journey = await choose_card(browser)
    eid_client = await open_client(running, await start_link(browser, journey))
    running.card.identify(eid_client.session)
    kept = dict(browser.jar)
    await come_back(browser, eid_client)
    assert (await come_back(browser, eid_client)).status_code == 403
    browser.jar |= {name: value for name, value in kept.items() if name.startswith("__Host-flow")}
    assert (await come_back(browser, eid_client)).status_code == 410
    assert len(running.card.finished) == 1
    assert (await browser.get(f"{journey}/release")).status_code == 200


async def test_level_below_the_request_is_refused_by_the_gateway_too(
    running: Installation, browser: Browser
) -> None:
    """Invariant 2: the level is checked twice."""
    journey = await choose_card(browser, acr_values="http://eidas.europa.eu/LoA/high")
    running.card.level = LevelOfAssurance.LOW
    eid_client = await open_client(running, await start_link(browser, journey))
    running.card.identify(eid_client.session)
    assert (await come_back(browser, eid_client)).headers["location"] == f"{journey}/failed"
    assert "3206" in (await browser.get(f"{journey}/failed")).text


async def test_eid_of_a_phone_is_refused_as_what_it_is(running: Installation, browser: Browser) -> None:
    """eidas.md §11.4: its level would do, but Germany has notified the cards alone."""
    journey = await choose_card(browser, acr_values="http://eidas.europa.eu/LoA/substantial")
    running.card.level, running.card.notified = LevelOfAssurance.SUBSTANTIAL, False
    eid_client = await open_client(running, await start_link(browser, journey))
    running.card.identify(eid_client.session)
    assert (await come_back(browser, eid_client)).headers["location"] == f"{journey}/failed"
    assert "3213" in (await browser.get(f"{journey}/failed")).text
