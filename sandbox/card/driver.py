"""A citizen at the gateway's page: starts the eID-Client, lays the card on, comes back (npa.md §3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

from lxml import html

from sandbox.browser import Browser, CookieJar, NoSuchForm, Page, shown
from sandbox.card.chip import Card
from sandbox.card.client import EIDClient, Ended, with_result
from sandbox.card.consent import Citizen
from sandbox.card.document import DEFAULT, documents
from sandbox.card.issuer import CardIssuer
from sandbox.card.tc_token import parse_token

CLIENT = "http://127.0.0.1:24727/eID-Client"
PAGES = ("/client/start", "/client/computer")
"""From the gateway's first page to the link that starts the client on this computer."""

FAULTS = {
    "cancel": "the citizen cancels before the PIN",
    "wrong-pin": "the citizen types a wrong PIN and gives up",
    "untick": "the citizen keeps every optional right",
    "token-twice": "somebody else has fetched the TC token already",
    "skip-card": "the browser goes to the refresh address with ResultMajor=ok, and no card was there",
    "other-browser": "another browser than the one that started comes to the refresh address",
    "refresh-twice": "the browser comes to the refresh address twice",
}
_CITIZENS = {
    "cancel": Citizen(cancels=True),
    "wrong-pin": Citizen(pins=("000000",)),
    "untick": Citizen(untick=frozenset({"*"})),
}


def _today() -> date:
    return datetime.now(UTC).date()


class NoWayBack(Exception):
    """The eID-Client answered the browser with an error page of its own."""


@dataclass(frozen=True, slots=True)
class Drawer:
    """The test cards of one sandbox: who makes them, and which root they trust."""

    issuer: Path
    root: Path
    """Certificate of the CVCA."""

    def card(self, citizen: str) -> Card:
        """A card fresh from the drawer, its attempts complete. Raises NoSuchForm for an unknown citizen."""
        found = documents().get(citizen or DEFAULT)
        if found is None:
            raise NoSuchForm(f"no card of {citizen}; there are: {', '.join(documents())}")
        return Card(found, CardIssuer(self.issuer), self.root.read_bytes(), today=_today())


def use_card(
    browser: Browser,
    drawer: Drawer,
    *,
    citizen: str,
    fault: str,
    insecure: bool,
    say: Callable[[str], None],
) -> Ended:
    """From the gateway's page about the eID-Client to the page after the way back.

    Raises NoSuchForm: no link to a client on the pages, unknown citizen; NoWayBack.
    """
    link = find_link(browser)
    card = drawer.card(citizen)
    if fault == "token-twice":
        browser.http.get(_token_url(link))
    if fault == "skip-card":
        ended = _without_card(browser, link)
    else:
        client = EIDClient(card, _CITIZENS.get(fault, Citizen()), insecure=insecure, say=say)
        ended = client.activate(link)
    if ended.reason:
        say(f"eID-Client: {ended.word}: {ended.reason}")
    if ended.location is None:
        raise NoWayBack(f"the eID-Client answers {ended.status}: {ended.reason}")
    if fault == "other-browser":
        browser.jar = CookieJar()
    browser.sent(ended.location, by=CLIENT)
    if fault == "refresh-twice":
        browser.sent(ended.location, by=CLIENT)
    return ended


def find_link(browser: Browser) -> str:
    """Follow the gateway's pages to the link that starts a client; raises NoSuchForm."""
    for path in (*PAGES, ""):
        found = _links(browser.page)
        started = [href for href in found if href.startswith(f"{CLIENT}?")]
        if started:
            return started[0]
        further = [href for href in found if path and urlsplit(href).path.endswith(path)]
        if further:
            browser.get(further[0])
    raise NoSuchForm(f"no link to an eID-Client on {shown(browser.page.url)} (status {browser.page.status})")


def _links(page: Page) -> list[str]:
    if not page.text.lstrip().startswith("<"):
        return []
    root = html.document_fromstring(page.text)
    return [urljoin(page.url, a.get("href") or "") for a in root.iter("a")]


def _token_url(link: str) -> str:
    return parse_qs(urlsplit(link).query)["tcTokenURL"][0]


def _without_card(browser: Browser, link: str) -> Ended:
    token = parse_token(browser.http.get(_token_url(link), follow_redirects=True).content)
    return Ended(status=303, location=with_result(token.refresh_address, "ok"))
