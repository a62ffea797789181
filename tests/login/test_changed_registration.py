"""Two people change a service's registration while somebody is logging in to it.

What the citizen saw is what may leave, and to nobody but whom the registry vouches for now (design.md §3).
"""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from connectors.assurance import LevelOfAssurance
from gateway.client_settings import Client
from gateway.generation import generation
from gateway.store import StoreAddress
from gateway.withdrawn import NOTHING
from tests.login.eid_steps import choose_card, code_by_phone, come_back, connect_phone, open_client, scan
from tests.login.installation import Browser, Installation, client, install, query_of

pytestmark = pytest.mark.anyio


def change(running: Installation, **changes: object) -> None:
    """Another generation, in which the service is registered differently."""
    bring(running, {"amt24": client(**changes)})


def remove(running: Installation) -> None:
    bring(running, {"other": client(client_id="other")})


def bring(running: Installation, clients: dict[str, Client]) -> None:
    live, premises = running.application.live, running.application.following._premises
    configuration = replace(live.current.configuration, clients=clients)
    live.swap(generation(premises, configuration, live.current.connectors, withdrawn=NOTHING))


async def shown_form(browser: Browser, journey: str) -> list[tuple[str, str]]:
    """The form of the release page as a browser sends it, nothing ticked."""
    page = (await browser.get(f"{journey}/release")).text
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return [("decision", "release"), *((name, unescape(value)) for name, value in hidden)]


async def test_what_the_citizen_did_not_tick_does_not_become_required_unseen(
    installation: Installation,
) -> None:
    """The page is shown again, with what is required now; only then it leaves."""
    browser = installation.browser()
    journey = await browser.identified()
    form = await shown_form(browser, journey)
    change(installation, required=("family_name", "given_name", "date_of_birth"), optional=())
    again = await browser.request("POST", f"{journey}/release", data=form)
    assert (again.status_code, again.headers["location"]) == (303, f"{journey}/release")
    assert "DataReleased" not in installation.events()
    form = await shown_form(browser, journey)
    assert "code" in query_of(await browser.request("POST", f"{journey}/release", data=form))
    assert '"date_of_birth"' in installation.log_text()


async def test_another_recipient_is_shown_before_anything_leaves(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.identified()
    form = await shown_form(browser, journey)
    change(installation, operator={"de": "Jemand anderes"})
    again = await browser.request("POST", f"{journey}/release", data=form)
    assert again.status_code == 303
    assert "Jemand anderes" in (await browser.get(f"{journey}/release")).text
    assert "DataReleased" not in installation.events()


async def test_unchanged_registration_of_a_new_generation_asks_nothing_twice(
    installation: Installation,
) -> None:
    browser = installation.browser()
    journey = await browser.identified()
    form = await shown_form(browser, journey)
    change(installation)
    assert "code" in query_of(await browser.request("POST", f"{journey}/release", data=form))


@pytest.mark.parametrize("step", ["release", "cancel", "failed"])
async def test_nothing_goes_to_a_redirect_uri_that_was_taken_away(
    installation: Installation, step: str
) -> None:
    """RFC 9700 §4.1: whoever got hold of the abandoned address gets neither code nor error."""
    browser = installation.browser()
    journey = await browser.identified()
    change(installation, redirect_uris=("https://service.example/other",))
    if step == "release":
        response = await browser.release(journey)
    elif step == "cancel":
        response = await browser.post(f"{journey}/cancel", {})
    else:
        response = await browser.get(f"{journey}/failed")
    assert response.status_code == 410
    assert "https://service.example/callback" not in response.text
    assert not {"DataReleased", "JourneyEnded"} & set(installation.events())


async def test_way_back_after_the_deadline_ends_with_the_redirect_uri(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    installation.clock.forward(minutes=16)
    change(installation, redirect_uris=("https://service.example/other",))
    response = await browser.post(f"{journey}/cancel", {})
    assert response.status_code == 410
    assert "https://service.example/callback" not in response.text


@pytest.mark.parametrize(
    "changes",
    [
        {"minimum_level": "high"},
        {"means": ("other",)},
        {"persons": ("legal",)},
        {"representation": "require"},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_identity_that_no_longer_suffices_is_not_released(
    tmp_path: Path, address: StoreAddress, changes: dict[str, object]
) -> None:
    """Checked when the answer came, and again by the rules of the moment it would leave."""
    running = install(tmp_path, address)
    running.source.identity_changes = {"level": LevelOfAssurance.SUBSTANTIAL}
    browser = running.browser()
    journey = await browser.identified()
    change(running, **changes)
    answer = query_of(await browser.release(journey))
    assert "code" not in answer
    assert answer["error"] in {
        "access_denied",
        "temporarily_unavailable",
        "unmet_authentication_requirements",
    }
    assert "DataReleased" not in running.events()
    await running.application.stop()


@pytest.mark.parametrize("step", ["link", "connect", "visit", "answer"])
async def test_phone_of_a_removed_service_learns_that_it_is_over(
    tmp_path: Path, address: StoreAddress, step: str
) -> None:
    """Never an error of ours, and no code."""
    running = install(tmp_path, address, client(means=("npa", "eidas")), card=True)
    computer, phone = running.browser(), running.browser()
    journey = await choose_card(computer)
    path = await scan(computer, journey)
    if step in {"link", "connect"}:
        remove(running)
        response = await (phone.get(path) if step == "link" else phone.post(path, {}))
    else:
        opened = await open_client(running, await connect_phone(phone, path))
        running.card.identify(opened.session)
        remove(running)
        response = await (phone.get(f"{journey}/phone") if step == "visit" else come_back(phone, opened))
    assert response.status_code == 410, response.text
    assert "IdentityAccepted" not in running.events()
    await running.application.stop()


async def test_code_of_the_phone_is_worth_nothing_for_a_removed_service(
    tmp_path: Path, address: StoreAddress
) -> None:
    running = install(tmp_path, address, client(means=("npa", "eidas")), card=True)
    computer, phone = running.browser(), running.browser()
    journey = await choose_card(computer)
    code = await code_by_phone(running, computer, phone, journey)
    remove(running)
    assert (await computer.post(f"{journey}/client/qr", {"code": code})).status_code == 410
    assert (await phone.get(f"{journey}/phone")).status_code == 410
    await running.application.stop()
