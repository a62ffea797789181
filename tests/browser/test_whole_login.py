"""A citizen of Greece in Chromium: service, gateway, node and back, with and without JavaScript.

The sandbox runs with TLS, its nodes on another site than the gateway, so that cookies, SameSite and
the policies of the pages are tested as they are in earnest (security.md B.3, ux.md §9).
"""

import re

import pytest
from playwright.sync_api import expect

from sandbox.addresses import Addresses
from sandbox.launcher import Sandbox
from sandbox.state import State
from tests.support.ports import free_base
from tests.support.sandbox_keys import ready_directory

CANCEL = "Abbrechen und zurück zu Personenstandsurkunde"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    addresses = Addresses(port_base=free_base(), tls=True)
    with Sandbox(State(ready_directory(tmp_path_factory, "sandbox")), addresses, print):
        yield addresses


class Citizen:
    """One browser, and the steps of a login as a person does them."""

    def __init__(self, page, addresses, script):
        self.page = page
        self.script = script
        self.home = f"{addresses.services}/personenstand/"
        self.gateway = addresses.gateway
        self.complaints = []
        page.on("console", lambda message: self.complaints.append(message.text))

    def go_to_the_gateway(self):
        self.page.goto(self.home)
        self.page.locator("form[action$='/login'] button").click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Womit möchten Sie sich ausweisen?")

    def identify(self):
        self.page.get_by_role("button", name="Griechenland – Ελλάδα").first.click()
        expect(self.page).to_have_title(re.compile("prove who you are"))
        self.page.locator("button[value=answer]").click()
        if not self.script:
            self.page.get_by_role("button", name="Continue").click()
        heading = self.page.get_by_role("heading", level=1)
        expect(heading).to_have_text("Diese Daten bekommt Personenstandsurkunde")


@pytest.fixture
def citizen(request, browser, addresses):
    script = getattr(request, "param", True)
    context = browser.new_context(ignore_https_errors=True, java_script_enabled=script, locale="de-DE")
    yield Citizen(context.new_page(), addresses, script)
    context.close()


@pytest.mark.parametrize("citizen", [True, False], ids=["script", "no-script"], indirect=True)
def test_citizen_logs_in_from_greece_at_level_high(citizen):
    """The main journey: nothing blocked, nothing lost, the service holds the verified person."""
    citizen.go_to_the_gateway()
    citizen.identify()
    page = citizen.page
    expect(page.locator("main")).to_contain_text("Ωνάσης")
    expect(page.locator("main")).to_contain_text("Onasis (lateinische Schreibweise)")
    expect(page.locator("main")).to_contain_text("eID aus Griechenland")
    page.get_by_role("button", name="Daten an Personenstandsurkunde übermitteln").click()
    expect(page.locator("#acr")).to_have_text("http://eidas.europa.eu/LoA/high")
    assert page.url == f"{citizen.home}result"
    expect(page.locator("main")).to_contain_text("Onasis")
    assert citizen.complaints == []


@pytest.mark.parametrize("citizen", [True, False], ids=["script", "no-script"], indirect=True)
def test_refusal_reaches_the_service_without_data(citizen):
    """ux.md §6: access_denied, and the service learns nothing about the person."""
    citizen.go_to_the_gateway()
    citizen.identify()
    citizen.page.get_by_role("button", name="Nicht übermitteln").click()
    expect(citizen.page.locator("main")).to_contain_text("access_denied")
    expect(citizen.page.locator("main")).not_to_contain_text("Onasis")
    assert citizen.complaints == []


@pytest.mark.parametrize("citizen", [True, False], ids=["script", "no-script"], indirect=True)
def test_cancel_leads_back_to_the_service(citizen):
    """ux.md §4: from the first page on there is a way back."""
    citizen.go_to_the_gateway()
    citizen.page.get_by_role("button", name=CANCEL).click()
    expect(citizen.page.locator("main")).to_contain_text("access_denied")


def test_back_button_after_the_login_shows_no_data_and_logs_nobody_in(citizen):
    """ux.md §9: no-store, and the server decides by the state of the journey."""
    citizen.go_to_the_gateway()
    citizen.identify()
    release = citizen.page.url
    citizen.page.get_by_role("button", name="Daten an Personenstandsurkunde übermitteln").click()
    expect(citizen.page.locator("#acr")).to_be_visible()
    citizen.page.goto(release)
    heading = citizen.page.get_by_role("heading", level=1)
    expect(heading).to_have_text(
        "Diese Anmeldung ist schon abgeschlossen oder in einem anderen Fenster offen."
    )
    expect(citizen.page.locator("main")).not_to_contain_text("Onasis")


def test_language_that_was_clicked_stays(citizen):
    """ux.md §7: the click counts for the rest of the journey."""
    citizen.go_to_the_gateway()
    citizen.page.get_by_role("link", name="English").click()
    expect(citizen.page.locator("html")).to_have_attribute("lang", "en")
    citizen.page.get_by_role("button", name="Greece – Ελλάδα").first.click()
    citizen.page.locator("button[value=answer]").click()
    expect(citizen.page.get_by_role("heading", level=1)).to_contain_text("This data goes to")


def test_somebody_elses_browser_sees_nothing_of_the_journey(citizen, browser):
    """Invariant 8: the address of a journey is no key to it."""
    citizen.go_to_the_gateway()
    citizen.identify()
    other = browser.new_context(ignore_https_errors=True, locale="de-DE")
    page = other.new_page()
    page.goto(citizen.page.url)
    expect(page.locator("main")).to_contain_text("gehört zu einem anderen Browser")
    expect(page.locator("body")).not_to_contain_text("Onasis")
    other.close()
