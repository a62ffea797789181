"""AusweisApp is missing, busy or left half-way: each has its words, and a login is possible afterwards."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Error, expect

from tests.ausweisapp.application import PORT
from tests.ausweisapp.screen import Citizen, Screen


@pytest.mark.parametrize("where", ["consent", "card", "pin"])
def test_cancelling_in_ausweisapp_ends_without_data(visit, screen, card, where):
    """npa.md §3.3: ``cancellationByUser``; the text is chosen by the eID-Server's result."""
    ways = {
        "consent": Citizen(refuses=True),
        "card": Citizen(card=None),
        "pin": Citizen(card=card("erika"), walks_away_at_pin=True),
    }
    citizen = visit("feuerwehr")
    seen = citizen.identify(screen, ways[where])
    assert seen.reason in {None, "User_Cancelled"}  # 1.26 has no reasons
    expect(citizen.main).to_contain_text("abgebrochen")
    expect(citizen.main).to_contain_text("Es wurden keine Daten übermittelt")
    assert citizen.back_to_the_service()["error"] == "access_denied"


def test_cancelled_login_can_be_tried_again(visit, screen):
    """ux.md §6: the way back to the choice stays open."""
    citizen = visit("feuerwehr")
    citizen.identify(screen, Citizen(refuses=True))
    citizen.page.get_by_role("link", name=re.compile("anderen Weg wählen")).click()
    citizen.choose_the_card()
    assert citizen.start_ausweisapp(screen, Citizen(refuses=True)).required


def test_page_says_what_to_do_when_ausweisapp_is_missing(visit, ausweisapp):
    """ux.md §3: nothing answers on the port; after starting it the same page goes on."""
    citizen = visit("feuerwehr")
    citizen.begin()
    ausweisapp.stop()
    try:
        with pytest.raises(Error, match="ERR_CONNECTION_REFUSED"):
            citizen.context.new_page().goto(citizen.start_address)
        citizen.page.get_by_text("Der Browser meldet einen Fehler").click()
        expect(citizen.main).to_contain_text("nicht gestartet oder nicht installiert")
    finally:
        ausweisapp.start()
    with Screen() as screen:
        assert citizen.start_ausweisapp(screen, Citizen(refuses=True)).required


def test_page_says_what_to_do_when_ausweisapp_is_busy(visit, screen):
    """TR-03124-1 §2.2: one workflow at a time, 409; the ticket is not used up by the attempt."""
    first, second = visit("feuerwehr"), visit("personenstand")
    first.begin()
    second.begin()
    with screen.watched_by(Citizen(refuses=True, waits_at_consent=True)) as watching:
        first.start_link.click(no_wait_after=True)
        screen.at_consent.wait()
        answer = second.page.goto(second.start_address)
        assert answer is not None
        assert answer.status == 409
        screen.go_on.set()
    assert watching.result().transaction == "Verdienstausfall Feuerwehr"
    second.page.go_back()
    second.page.get_by_text("dass sie schon beschäftigt ist").click()
    expect(second.main).to_contain_text("Sie führt noch einen anderen Vorgang aus")
    assert second.start_ausweisapp(screen, Citizen(refuses=True)).transaction == "Personenstandsurkunde"


def test_link_works_once(visit, screen):
    """npa.md §3.2: one TC token for one request; the address of the page's link is worthless afterwards."""
    citizen = visit("feuerwehr")
    citizen.begin()
    used = citizen.start_address
    assert citizen.start_ausweisapp(screen, Citizen(refuses=True)).required
    with screen.watched_by(Citizen()) as watching:
        answer = citizen.context.new_page().goto(used)
        assert answer is not None
        assert answer.status == 404
        assert answer.url.startswith(f"http://127.0.0.1:{PORT}/")
    assert not watching.result().required
