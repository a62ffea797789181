"""The same AusweisApp and card where the eID-Server is a service's: by SOAP or SAML, over TLS_RSA_PSK (TR-03130-1 §3, §4).

By SAML, AusweisApp follows the gateway's redirect to the processor, authenticates there over another
channel and another host, and brings the browser back to the gateway with the signed response.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.ausweisapp.screen import Citizen

HIGH = "http://eidas.europa.eu/LoA/high"


@pytest.mark.parametrize("means", ["npa-soap", "npa-saml"])
def test_names_on_the_card_come_through_an_eid_service(visit, screen, card, means):
    """Issue "Online-Ausweis", shows 3."""
    citizen = visit("personenstand")
    seen = citizen.identify(screen, Citizen(card=card("din-91379")), means)
    assert seen.ok, seen.reason
    token = citizen.release()["id_token"]
    assert token["family_name"] == "GROẞE-ĐORĐEVIĆ ŁÓŹŇA"
    assert token["acr"] == HIGH


def test_card_that_is_not_valid_delivers_nothing_through_the_saml_processor(visit, screen, card):
    """The processor's assertion says ``DocumentValidity`` failed, and nothing else."""
    citizen = visit("personenstand")
    seen = citizen.identify(screen, Citizen(card=card("expired")), "npa-saml")
    assert not seen.ok
    expect(citizen.main).to_contain_text("abgelaufen, gesperrt oder konnte nicht als echt bestätigt werden")
