"""One browser of one citizen: what is clicked on the way from the service to AusweisApp and back."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from sandbox.addresses import Addresses
from tests.ausweisapp.application import PORT
from tests.ausweisapp.screen import Citizen, Screen, Seen

TRIES = 8
"""For the simulator of AusweisApp 1.26, which loses the card in every third login."""


class Visitor:
    """A browser with a service in it."""

    def __init__(self, context: BrowserContext, addresses: Addresses, service: str) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.gateway = addresses.gateway
        self.home = f"{addresses.services}/{service}/"
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))

    @property
    def heading(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    @property
    def main(self) -> Locator:
        return self.page.locator("main")

    @property
    def start_link(self) -> Locator:
        """The link of the page that starts AusweisApp on this computer."""
        return self.page.get_by_role("link", name="AusweisApp öffnen", exact=True)

    def go_to_the_gateway(self) -> None:
        """From the service's start page to the choice of means."""
        self.page.goto(self.home)
        self.page.locator("form[action$='/login'] button").click()

    def choose_the_card(self, means: str = "npa") -> None:
        """To the page that starts AusweisApp on this computer."""
        self.page.locator(f"form:has(input[name=means][value={means}]) button").click()
        self.page.get_by_role("link", name="Weiter", exact=True).click()
        self.page.get_by_role("link", name=re.compile("^Auf diesem Computer")).click()
        expect(self.start_link).to_be_visible()

    def begin(self, means: str = "npa") -> None:
        self.go_to_the_gateway()
        self.choose_the_card(means)

    @property
    def start_address(self) -> str:
        """Of that link, with the tcTokenURL: what a thief would send to somebody else."""
        address = self.start_link.get_attribute("href") or ""
        assert address.startswith(f"http://127.0.0.1:{PORT}/eID-Client?tcTokenURL=https%3A")
        return address

    def start_ausweisapp(self, screen: Screen, citizen: Citizen) -> Seen:
        """Click the link; the citizen does what they do; the browser is back at the gateway."""
        with screen.watched_by(citizen) as watching:
            self.start_link.click()
        return watching.result()

    def identify(self, screen: Screen, citizen: Citizen, means: str = "npa") -> Seen:
        """From the service to the gateway's page after AusweisApp."""
        for _ in range(TRIES):
            self.begin(means)
            seen = self.start_ausweisapp(screen, citizen)
            if not (screen.may_lose_card and seen.lost_card):
                break
        return seen

    def release(self) -> dict[str, Any]:
        """Hand the data over; what the service then holds."""
        self.page.locator("button[name=decision][value=release]").click()
        expect(self.page).to_have_url(f"{self.home}result")
        return self.result()

    def back_to_the_service(self) -> dict[str, Any]:
        """Press the one button of a page on which the login has ended; what the service then knows."""
        self.page.get_by_role("button", name=re.compile("^Zurück zu")).click()
        expect(self.page).to_have_url(f"{self.home}result")
        return self.result()

    def result(self) -> dict[str, Any]:
        """What the service says about its last login."""
        answer = self.context.request.get(f"{self.home}result.json")
        content: dict[str, Any] = answer.json()
        return content
