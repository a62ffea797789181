"""A link with the attacker's TC token is sent to a victim: nobody is logged in, on either side.

npa.md §3.5 (5): the victim's card answers, so the eID-Server holds a good result; it must reach neither
the attacker's browser, which began, nor the victim's, which did not.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.ausweisapp.screen import Citizen
from tests.ausweisapp.visitor import TRIES, Visitor

VICTIM = "MUSTERMANN"


@pytest.fixture
def attack(visit, screen, card):
    """The attacker begins at the service, the victim follows the link with a card; both browsers."""
    attacker, victim = visit("feuerwehr"), visit("feuerwehr")
    for _ in range(TRIES):
        attacker.begin()
        stolen = attacker.start_address
        with screen.watched_by(Citizen(card=card("erika"))) as watching:
            victim.page.goto(stolen)
        if not (screen.may_lose_card and watching.result().lost_card):
            break
    assert watching.result().ok
    return attacker, victim


def nobody_is_logged_in(visitor: Visitor) -> None:
    assert visitor.result()["error"]
    expect(visitor.page.locator("body")).not_to_contain_text(VICTIM)


def test_link_sent_to_a_victim_logs_nobody_in(attack):
    """The refresh address without the browser that began, and that browser without the refresh address."""
    attacker, victim = attack
    assert urlsplit(victim.page.url).path == "/connectors/npa/acs"
    expect(victim.main).to_contain_text("in dem diese Anmeldung nicht begonnen hat")
    nobody_is_logged_in(victim)

    attacker.page.reload()
    expect(attacker.main).to_contain_text("Die AusweisApp hat diese Anmeldung schon geöffnet")
    nobody_is_logged_in(attacker)

    # The overview, and the callback without the handle, which only the eID-Client learnt.
    journey = urlsplit(attacker.page.url).path.split("/")[2]
    handle = f"{journey}.{'A' * 22}"
    for path in (
        f"/login/{journey}/release",
        "/connectors/npa/acs",
        "/connectors/npa/acs?ResultMajor=ok",
        f"/connectors/npa/acs?RelayState={handle}&ResultMajor=ok",
    ):
        attacker.page.goto(f"{attacker.gateway}{path}")
        nobody_is_logged_in(attacker)
    nobody_is_logged_in(victim)
