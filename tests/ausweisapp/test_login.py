"""A citizen with a card logs in: service, gateway, AusweisApp, attached eID-Server, and back.

Nothing is replaced: Chromium follows the link of TR-03124-1 §2.2, AusweisApp fetches the TC token over
TLS, checks certificates, origins and the certificate description, runs PACE, terminal and chip
authentication with the simulated card, and the browser comes back with its 303.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.ausweisapp.cards import simulated
from tests.ausweisapp.screen import Citizen, SimulatedCard

HIGH = "http://eidas.europa.eu/LoA/high"
KEEP_ALIVE_SECONDS = 5
"""How long the server holds an idle connection."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("year-only", {"family_name": "JAHR", "given_name": "AMINA", "birthdate": "1964"}),
        ("union-citizen", {"family_name": "GARCÍA LÓPEZ", "given_name": "LUCÍA", "birthdate": "1989-05-21"}),
    ],
    ids=["partial-birth-date", "union-citizen"],
)
def test_names_on_the_card_are_in_the_id_token(visit, screen, card, name, expected):
    """npa.md §5.2: the chip's own letters, and of the date of birth what the chip knows, no more."""
    citizen = visit("personenstand")
    seen = citizen.identify(screen, Citizen(card=card(name)))
    assert seen.ok, seen.reason
    expect(citizen.heading).to_have_text("Diese Daten bekommt Personenstandsurkunde")
    token = citizen.release()["id_token"]
    assert {claim: token[claim] for claim in expected} == expected
    assert token["acr"] == HIGH
    assert citizen.complaints == []


def test_citizen_with_umlauts_looks_for_the_pin_longer_than_a_connection_lives(visit, screen, card):
    """npa.md §3.4: the idle connection has ended meanwhile; the TLS session is resumed, not lost."""
    citizen = visit("personenstand")
    seen = citizen.identify(screen, Citizen(card=card("din-91379"), seconds_to_pin=KEEP_ALIVE_SECONDS + 0.5))
    assert seen.ok, seen.reason
    token = citizen.release()["id_token"]
    assert token["family_name"] == "GROẞE-ĐORĐEVIĆ ŁÓŹŇA"
    assert token["given_name"] == "ÄNNE-ŞEYDA M̂IRA"
    assert token["birthdate"] == "1976-02-29"


def test_same_card_is_the_same_person_at_one_service_only(visit, screen, card, sandbox):
    """npa.md §5.3: same card and sector, same ``sub``; another service cannot join it.

    TR-03130-1 §3.2.1: the certificate names the operator, TransactionInfo the service.
    """
    subjects = []
    for service, name in (
        ("personenstand", "Personenstandsurkunde"),
        ("personenstand", "Personenstandsurkunde"),
        ("feuerwehr", "Verdienstausfall Feuerwehr"),
    ):
        citizen = visit(service)
        seen = citizen.identify(screen, Citizen(card=card("erika")))
        assert seen.transaction == name
        assert seen.certificate["subjectUrl"] == sandbox.addresses.gateway
        content = citizen.release()
        assert content["userinfo"]["sub_stability"] == "may-change"
        subjects.append(content["id_token"]["sub"])
    first, again, elsewhere = subjects
    assert again == first
    assert elsewhere != first


@pytest.mark.parametrize("name", ["expired", "blocked"])
def test_card_that_is_not_valid_any_more_delivers_nothing(visit, ausweisapp, screen, card, name):
    """npa.md §4.4 (9), §5.4: validity, then block list, then data."""
    if name == "blocked" and ausweisapp.old_simulator:
        pytest.skip("AusweisApp 1.26 has one card only to block, for all tests")
    citizen = visit("feuerwehr")
    seen = citizen.identify(screen, Citizen(card=card(name)))
    assert not seen.ok
    expect(citizen.main).to_contain_text("abgelaufen, gesperrt oder konnte nicht als echt bestätigt werden")
    expect(citizen.main).to_contain_text("Es wurden keine Daten übermittelt")
    expect(citizen.main).not_to_contain_text(re.compile("GESPERRT|BRUNO"))


def test_card_of_an_unknown_issuer_delivers_nothing(visit, ausweisapp, screen, tmp_path):
    """npa.md §4.4 (4): the same data, but signed below a CSCA that this server does not know."""
    citizen = visit("feuerwehr")
    seen = citizen.identify(
        screen, Citizen(card=simulated("erika", tmp_path, fixed_keys=ausweisapp.old_simulator))
    )
    assert not seen.ok
    expect(citizen.main).to_contain_text("konnte nicht als echt bestätigt werden")
    expect(citizen.main).not_to_contain_text("MUSTERMANN")


def test_card_that_ausweisapp_brings_along_works_in_the_sandbox(visit, screen):
    """docs/ausweisapp.md: whoever tries the sandbox with an AusweisApp of their own has only this one."""
    citizen = visit("feuerwehr")
    seen = citizen.identify(screen, Citizen(card=SimulatedCard()))
    assert seen.ok, seen.reason
    expect(citizen.main).to_contain_text("MUSTERMANN")
