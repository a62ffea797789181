"""A link of the attacker's login, sent to a victim, logs nobody in on either side (issue 4, Shows 4; npa.md §3.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store import StoreAddress
from tests.login.eid_steps import (
    choose_card,
    code_on,
    come_back,
    connect_phone,
    fetch_token,
    open_client,
    opened,
    scan,
    start_link,
    token_path,
)
from tests.login.installation import Browser, Installation, client, install

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["https://id.example", "http://id.example"], ids=["https", "http"])
async def running(
    request: pytest.FixtureRequest, tmp_path: Path, address: StoreAddress, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    monkeypatch.setattr("tests.login.eid_steps.ISSUER", request.param)
    made = install(tmp_path, address, client(means=("npa", "eidas")), card=True, issuer=request.param)
    yield made
    await made.application.stop()


@pytest.fixture
def attacker(running: Installation) -> Browser:
    return running.browser()


@pytest.fixture
def victim(running: Installation) -> Browser:
    return running.browser()


def nobody_is_logged_in(running: Installation) -> bool:
    return not {"IdentityAccepted", "DataReleased", "SecondDeviceCodeUsed"} & set(running.events())


async def test_victim_with_the_attackers_token_comes_back_to_nothing(
    running: Installation, attacker: Browser, victim: Browser
) -> None:
    """The victim's client fetches the attacker's token, the victim enters the PIN; both sides stay outside."""
    journey = await choose_card(attacker)
    eid_client = await open_client(running, await start_link(attacker, journey))
    running.card.identify(eid_client.session)
    back = await come_back(victim, eid_client)
    assert back.status_code == 403
    assert victim.jar == {}
    for page in ("", "/client", "/client/computer", "/release"):
        assert (await victim.get(f"{journey}{page}")).status_code == 403
    assert running.card.finished == []
    # The attacker waits and looks: nothing goes on by itself.
    for page in ("/client", "/client/computer", "/client/qr"):
        assert (await attacker.get(f"{journey}{page}")).status_code == 200
    assert (await attacker.get(f"{journey}/release")).headers["location"] == journey
    assert nobody_is_logged_in(running)
    assert "AnswerRefused" in running.events()


async def test_victim_in_a_login_of_their_own_is_not_moved_into_the_attackers(
    running: Installation, attacker: Browser, victim: Browser
) -> None:
    """The victim's cookies of another journey open nothing of the attacker's, and stay as they were."""
    own = await choose_card(victim)
    before = dict(victim.jar)
    journey = await choose_card(attacker)
    eid_client = await open_client(running, await start_link(attacker, journey))
    running.card.identify(eid_client.session)
    assert (await come_back(victim, eid_client)).status_code == 403
    assert victim.jar == before
    mine = await open_client(running, await start_link(victim, own))
    running.card.identify(mine.session)
    assert (await come_back(victim, mine)).headers["location"] == f"{own}/release"


async def test_attacker_who_takes_the_token_leaves_the_victim_none(
    running: Installation, attacker: Browser, victim: Browser
) -> None:
    """To learn the refresh address one must redeem the ticket, which works once."""
    journey = await choose_card(attacker)
    link = await start_link(attacker, journey)
    taken = opened(await fetch_token(running, link))
    assert (await fetch_token(running, link)).status_code == 404
    assert (await come_back(attacker, taken)).headers["location"] == f"{journey}/failed"
    assert nobody_is_logged_in(running)
    assert victim.jar == {}


async def test_answer_for_the_victim_is_not_taken_by_the_attackers_next_exchange(
    running: Installation, attacker: Browser, victim: Browser
) -> None:
    """A fresh exchange of the same journey awaits a fresh answer, not the one that was identified."""
    journey = await choose_card(attacker)
    eid_client = await open_client(running, await start_link(attacker, journey))
    running.card.identify(eid_client.session)
    await attacker.post(f"{journey}/start", {"means": "npa"})
    assert (await come_back(attacker, eid_client)).status_code == 410
    assert (await come_back(victim, eid_client)).status_code == 403
    assert nobody_is_logged_in(running)


async def test_qr_link_sent_to_a_victim_gives_the_attacker_nothing_without_the_code(
    running: Installation, attacker: Browser, victim: Browser
) -> None:
    """docs/adr/0010: even a victim who overrides the warning logs nobody in."""
    journey = await choose_card(attacker)
    link = await connect_phone(victim, await scan(attacker, journey))
    eid_client = await open_client(running, link)
    running.card.identify(eid_client.session)
    assert (await come_back(victim, eid_client)).headers["location"] == f"{journey}/phone"
    # on the victim's side: a code, no journey
    assert len(await code_on(victim, journey)) == 9
    assert not [name for name in victim.jar if "journey" in name]
    for page in ("", "/release", "/client"):
        assert (await victim.get(f"{journey}{page}")).status_code == 403
    # on the attacker's side: pages that ask for the code
    for page in ("/client", "/client/qr", "/client/computer"):
        assert (await attacker.get(f"{journey}{page}")).status_code == 200
    assert (await attacker.get(f"{journey}/release")).headers["location"] == journey
    assert (await attacker.get(f"{journey}/phone")).status_code == 403
    assert not {"DataReleased", "SecondDeviceCodeUsed"} & set(running.events())


async def test_token_of_a_phone_sent_to_a_victim_logs_nobody_in(
    running: Installation, attacker: Browser, victim: Browser
) -> None:
    """The attacker connects a phone of their own and passes its tcTokenURL on: no cookie, no code."""
    journey = await choose_card(attacker)
    phone = running.browser()
    link = await connect_phone(phone, await scan(attacker, journey))
    eid_client = await open_client(running, link)
    running.card.identify(eid_client.session)
    assert (await come_back(victim, eid_client)).status_code == 403
    assert "eg-code" not in (await phone.get(f"{journey}/phone")).text
    assert nobody_is_logged_in(running)


async def test_form_of_another_site_connects_no_phone(
    running: Installation, attacker: Browser, victim: Browser
) -> None:
    """The warning cannot be skipped by a page that posts the form for the victim."""
    journey = await choose_card(attacker)
    path = await scan(attacker, journey)
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://attacker.example"}):
        assert (await victim.post(path, {}, cross_site=True, headers=headers)).status_code == 403
    assert victim.jar == {}
    assert len(running.card.begun) == 1


async def test_ticket_in_a_browser_opens_no_page(running: Installation, attacker: Browser) -> None:
    """The tcTokenURL is for a program: it sets no cookie and shows no page of a journey."""
    journey = await choose_card(attacker)
    stranger = running.browser()
    response = await stranger.get(token_path(await start_link(attacker, journey)))
    assert response.headers["content-type"].startswith("text/xml")
    assert stranger.jar == {}
