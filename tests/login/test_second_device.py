"""Identify on a phone, go on where the login began (docs/adr/0010; ux.md §3, §9)."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import Start
from connectors.errors import PeerUnavailable
from gateway.generation import generation
from gateway.login.eid_records import CODE_LIFE, CODE_TRIES, LINK_LIFE
from gateway.login.second_device import ALPHABET, CODE_LENGTH, new_code, normalised, shown_code
from gateway.store import StoreAddress
from gateway.withdrawn import NOTHING
from tests.login.eid_steps import (
    choose_card,
    code_by_phone,
    code_on,
    come_back,
    connect_phone,
    open_client,
    scan,
    start_link,
)
from tests.login.installation import Browser, Installation, client, install, query_of

pytestmark = pytest.mark.anyio
WRONG = "BBBB-BBBB"


@pytest.fixture
async def running(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Installation]:
    made = install(tmp_path, address, client(means=("npa", "eidas")), card=True)
    yield made
    await made.application.stop()


@pytest.fixture
def computer(running: Installation) -> Browser:
    return running.browser()


@pytest.fixture
def phone(running: Installation) -> Browser:
    return running.browser()


async def type_code(browser: Browser, journey: str, code: str) -> tuple[int, str]:
    """Status, and where it leads or what the page says."""
    response = await browser.post(f"{journey}/client/qr", {"code": code})
    return response.status_code, response.headers.get("location", response.text)


async def test_code_of_the_phone_continues_the_login_on_the_computer(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """The whole way: scan, identify, type, release, redeem."""
    journey = await choose_card(computer)
    code = await code_by_phone(running, computer, phone, journey)
    before = dict(computer.jar)
    assert await type_code(computer, journey, code) == (303, f"{journey}/release")
    assert set(computer.jar) & set(before) == {f"__Host-journey-{journey.removeprefix('/login/')}"}
    assert set(computer.jar.values()).isdisjoint(before.values())
    tokens = await computer.redeem(query_of(await computer.release(journey))["code"])
    assert tokens.status_code == 200
    events = running.events()
    order = ["SecondDeviceLinked", "ClientTicketRedeemed", "IdentityAccepted", "SecondDeviceCodeUsed"]
    assert [event for event in events if event in order] == order


async def test_phone_is_told_who_asks_before_anything_happens(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """The page names service, operator and journey number; opening it takes nothing (link previews)."""
    journey = await choose_card(computer)
    path = await scan(computer, journey)
    number = journey.removeprefix("/login/")
    for _ in range(3):
        page = (await phone.get(path)).text
        assert "Amt24" in page
        assert "Freistaat Sachsen" in page
        assert f"{number[:5]}-{number[5:]}" in page
        assert "eigenen Bildschirm" in page
    assert phone.jar == {}
    assert len(running.card.begun) == 1
    assert await connect_phone(phone, path)


async def test_code_page_warns_with_the_name_of_the_service(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """ADR 10: typed only where one began oneself, told to nobody."""
    journey = await choose_card(computer)
    await code_by_phone(running, computer, phone, journey)
    page = (await phone.get(f"{journey}/phone")).text
    assert "Tippen Sie den Code nur dort ein, wo Sie sich selbst bei Amt24 anmelden." in page
    assert "niemandem" in page


async def test_qr_code_is_opened_by_one_phone(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """Who looks over the shoulder comes too late, or is noticed."""
    journey = await choose_card(computer)
    path = await scan(computer, journey)
    await connect_phone(phone, path)
    second = running.browser()
    assert (await second.get(path)).status_code == 410
    assert (await second.post(path, {})).status_code == 410
    assert second.jar == {}
    assert "<svg" not in (await computer.get(f"{journey}/client/qr")).text
    assert "link.gone" in running.log_text()


async def test_two_phones_at_the_same_instant_are_one(running: Installation, computer: Browser) -> None:
    """GETDEL: exactly one wins."""
    journey = await choose_card(computer)
    path = await scan(computer, journey)
    answers = await asyncio.gather(*(running.browser().post(path, {}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [303, 410, 410, 410]


async def test_a_connector_that_was_removed_meanwhile_ends_the_way_and_breaks_nothing(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """Two people have taken it away while somebody holds the phone in hand."""
    journey = await choose_card(computer)
    path = await scan(computer, journey)
    live, premises = running.application.live, running.application.following._premises
    others = {name: one for name, one in live.current.connectors.items() if name != "npa"}
    live.swap(generation(premises, live.current.configuration, others, withdrawn=NOTHING))
    assert (await phone.post(path, {})).status_code == 410
    back = await computer.get(f"{journey}/client/qr")
    assert (back.status_code, back.headers["location"]) == (303, f"{journey}?choose=1")


async def test_qr_code_ends_after_minutes(running: Installation, computer: Browser, phone: Browser) -> None:
    """It is on a screen, where others may see it."""
    journey = await choose_card(computer)
    path = await scan(computer, journey)
    running.clock.forward(seconds=LINK_LIFE.total_seconds())
    assert (await phone.get(path)).status_code == 410
    assert (await phone.post(path, {})).status_code == 410


async def test_new_qr_code_makes_the_old_one_and_its_code_worthless(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """The remedy when somebody else has opened it."""
    journey = await choose_card(computer)
    code = await code_by_phone(running, computer, phone, journey)
    response = await computer.post(f"{journey}/client/qr", {"new": "1"})
    assert response.headers["location"] == f"{journey}/client/qr"
    assert (await type_code(computer, journey, code))[0] == 400
    unopened = await scan(computer, journey)
    await computer.post(f"{journey}/client/qr", {"new": "1"})
    assert (await running.browser().get(unopened)).status_code == 410
    other = running.browser()
    assert (await type_code(computer, journey, await code_by_phone(running, computer, other, journey)))[
        0
    ] == 303


async def test_three_wrong_codes_end_it(running: Installation, computer: Browser, phone: Browser) -> None:
    """34 bits, three tries, three minutes."""
    journey = await choose_card(computer)
    code = await code_by_phone(running, computer, phone, journey)
    answers = [await type_code(computer, journey, WRONG) for _ in range(CODE_TRIES)]
    assert [status for status, _ in answers] == [400, 400, 400]
    assert "noch 2 Versuche" in answers[0][1]
    assert "noch 1 Versuch." in answers[1][1]
    assert (await type_code(computer, journey, code))[0] == 400
    for reason in ("code.wrong", "code.tries", "code.none"):
        assert reason in running.log_text()
    assert "SecondDeviceCodeUsed" not in running.events()


async def test_right_code_counts_after_a_wrong_one(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """A slip of the finger is no catastrophe; case, blanks and hyphen do not matter."""
    journey = await choose_card(computer)
    code = await code_by_phone(running, computer, phone, journey)
    await type_code(computer, journey, WRONG)
    typed = f" {code.lower().replace('-', ' ')} "
    assert await type_code(computer, journey, typed) == (303, f"{journey}/release")


async def test_guesses_at_the_same_instant_are_not_more_tries(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """The record is taken for each guess and put back: in parallel there is nothing to guess at."""
    journey = await choose_card(computer)
    await code_by_phone(running, computer, phone, journey)
    await asyncio.gather(*(type_code(computer, journey, WRONG) for _ in range(8)))
    counted = running.log_text().count("code.wrong") + running.log_text().count("code.tries")
    assert 1 <= counted <= CODE_TRIES


async def test_code_is_used_once_and_ends_after_minutes(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """One time, short."""
    journey = await choose_card(computer)
    code = await code_by_phone(running, computer, phone, journey)
    running.clock.forward(seconds=CODE_LIFE.total_seconds())
    assert (await type_code(computer, journey, code))[0] == 400
    assert (await phone.get(f"{journey}/phone")).status_code == 410


async def test_code_before_the_phone_is_ready_is_no_try(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """Impatience costs nothing."""
    journey = await choose_card(computer)
    path = await scan(computer, journey)
    for _ in range(CODE_TRIES + 1):
        assert (await type_code(computer, journey, WRONG))[0] == 400
    eid_client = await open_client(running, await connect_phone(phone, path))
    running.card.identify(eid_client.session)
    await come_back(phone, eid_client)
    assert (await type_code(computer, journey, await code_on(phone, journey)))[0] == 303


async def test_code_continues_only_the_login_it_belongs_to(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """A code told to somebody with a login of their own is of no use there."""
    journey = await choose_card(computer)
    code = await code_by_phone(running, computer, phone, journey)
    other = running.browser()
    theirs = await choose_card(other)
    await scan(other, theirs)
    assert (await type_code(other, theirs, code))[0] == 400
    assert (await other.post(f"{journey}/client/qr", {"code": code})).status_code == 403
    assert (await phone.post(f"{journey}/client/qr", {"code": code})).status_code == 403
    assert (await type_code(computer, journey, code))[0] == 303


async def test_code_counts_no_more_when_the_citizen_chose_another_way(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """The newest choice counts."""
    journey = await choose_card(computer)
    code = await code_by_phone(running, computer, phone, journey)
    await computer.begin(journey)
    assert await type_code(computer, journey, code) == (303, f"{journey}?choose=1")
    await computer.post(f"{journey}/start", {"means": "npa"})
    assert (await type_code(computer, journey, code))[0] == 400


async def test_phone_learns_nothing_of_a_login_that_was_cancelled(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """No code for a journey that is over."""
    journey = await choose_card(computer)
    eid_client = await open_client(running, await connect_phone(phone, await scan(computer, journey)))
    running.card.identify(eid_client.session)
    await computer.post(f"{journey}/cancel", {})
    assert (await come_back(phone, eid_client)).status_code == 410
    assert "eg-code" not in (await phone.get(f"{journey}/phone")).text


async def test_failure_on_the_phone_is_told_there_and_leaves_the_computer_its_ways(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """Each side says what to do next; the journey lives."""
    journey = await choose_card(computer)
    eid_client = await open_client(running, await connect_phone(phone, await scan(computer, journey)))
    back = await come_back(phone, eid_client, "ResultMajor=error&ResultMinor=cancellationByUser")
    assert back.headers["location"] == f"{journey}/phone"
    page = await phone.get(f"{journey}/phone")
    assert page.status_code == 400
    assert "3203" in page.text
    direct = await open_client(running, await start_link(computer, journey))
    running.card.identify(direct.session)
    assert (await come_back(computer, direct)).headers["location"] == f"{journey}/release"


async def test_refresh_on_the_phone_counts_once(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """npa.md §3.5: a reload shows the same code and reads nothing again."""
    journey = await choose_card(computer)
    eid_client = await open_client(running, await connect_phone(phone, await scan(computer, journey)))
    running.card.identify(eid_client.session)
    await come_back(phone, eid_client)
    code = await code_on(phone, journey)
    assert (await come_back(phone, eid_client)).status_code == 403
    assert await code_on(phone, journey) == code
    assert len(running.card.finished) == 1


async def test_identity_is_not_readable_without_the_computers_secret(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """The store alone shows no citizen, while the identity waits for the code either (ADR 7)."""
    journey = await choose_card(computer)
    await code_by_phone(running, computer, phone, journey)
    number = journey.removeprefix("/login/")
    found = [
        await running.application.store._client.execute_command("GET", key)
        for key in await running.application.store._client.execute_command("KEYS", f"eg:{{{number}}}:*")
    ]
    assert len(found) > 4
    for value in found:
        assert b"Alexandros" not in value
        assert "Ωνάσης".encode() not in value


async def test_phone_without_a_visit_sees_nothing(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """The journey number is public; the phone's cookie is the key."""
    journey = await choose_card(computer)
    await connect_phone(phone, await scan(computer, journey))
    stranger = running.browser()
    for browser in (stranger, computer):
        assert (await browser.get(f"{journey}/phone")).status_code == 403
    for link in ("x", "A" * 43, "A" * 44):
        assert (await stranger.get(f"{journey}/phone/{link}")).status_code == 410
        assert (await stranger.post(f"{journey}/phone/{link}", {})).status_code == 410


async def test_service_that_is_down_is_told_on_the_phone(
    running: Installation, computer: Browser, phone: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between QR code and phone the eID service can go; the computer keeps its ways."""
    journey = await choose_card(computer)
    path = await scan(computer, journey)

    def down(*_: object, **__: object) -> Start:
        raise PeerUnavailable("npa.service.down")

    monkeypatch.setattr(running.card, "begin", down)
    response = await phone.post(path, {})
    assert response.status_code == 503
    assert "3202" in response.text
    assert phone.jar == {}
    assert (await computer.get(f"{journey}/client/start")).status_code == 200


async def test_pages_of_the_qr_way_lead_to_where_the_journey_stands(computer: Browser) -> None:
    """Back button: nothing is awaited any more."""
    journey = await computer.authorize()
    assert (await computer.get(f"{journey}/client/qr")).headers["location"] == journey
    assert (await computer.post(f"{journey}/client/qr", {"code": WRONG})).headers["location"] == journey
    await choose_card(computer)
    for form in ({}, {"code": "a", "new": "1"}, {"other": "x"}):
        assert (await computer.post(f"{journey}/client/qr", form)).status_code == 400


async def test_time_of_the_journey_ends_the_phone_too(
    running: Installation, computer: Browser, phone: Browser
) -> None:
    """The deadline is the journey's, on whichever device."""
    journey = await choose_card(computer)
    eid_client = await open_client(running, await connect_phone(phone, await scan(computer, journey)))
    running.card.identify(eid_client.session)
    running.clock.forward(minutes=16)
    assert (await come_back(phone, eid_client)).status_code == 410
    assert running.card.finished == []


async def test_operator_chooses_among_the_ways(tmp_path: Path, address: StoreAddress) -> None:
    """ADR 10: ``start_on``; what is not offered is not there at all."""
    running = install(tmp_path, address, client(means=("npa",)), card=True, start_on=("phone", "computer"))
    browser = running.browser()
    journey = await browser.authorize()
    assert (await browser.get(journey)).headers["location"] == f"{journey}/client"
    assert "„Online-Ausweis“" in (await browser.get(f"{journey}/client")).text
    page = (await browser.get(f"{journey}/client/start")).text
    assert f'href="{journey}/client/phone"' in page
    assert "/client/qr" not in page
    assert (await browser.get(f"{journey}/client/qr")).status_code == 404
    assert (await browser.post(f"{journey}/client/qr", {"new": "1"})).status_code == 404
    await running.application.stop()


def test_code_is_of_letters_that_nobody_confuses_and_each_is_as_likely() -> None:
    """RFC 8628 §6.1: no vowels, no digits; 20^8 is 34 bits."""
    assert set("AEIOU0125").isdisjoint(ALPHABET)
    assert (len(set(ALPHABET)), CODE_LENGTH) == (20, 8)
    codes = [new_code(secrets.token_bytes) for _ in range(2_000)]
    assert {len(code) for code in codes} == {8}
    seen = Counter("".join(codes))
    assert set(seen) == set(ALPHABET)
    assert max(seen.values()) < 1.5 * min(seen.values())
    assert normalised(shown_code(codes[0])) == codes[0]


def test_octets_that_would_favour_a_letter_are_thrown_away() -> None:
    """256 is no multiple of 20."""
    octets = iter([255, 240, *range(8)])
    assert new_code(lambda count: bytes(next(octets) for _ in range(count))) == ALPHABET[:8]


def test_lives_are_short() -> None:
    """ADR 10: what is on a screen is worth little to whoever photographs it."""
    assert timedelta(minutes=2) <= CODE_LIFE <= timedelta(minutes=3)
    assert timedelta(minutes=5) >= LINK_LIFE
