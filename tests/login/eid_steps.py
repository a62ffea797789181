"""The steps of a login with an eID-Client, for tests: the browser's, the client's, the phone's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

from tests.login.fake_card import element
from tests.login.installation import ISSUER, Browser, Installation


@dataclass(frozen=True)
class Opened:
    """What an eID-Client has after its TC token."""

    session: str
    refresh: str
    """Path and query, for a browser of the same origin."""


async def choose_card(browser: Browser, **changes: str) -> str:
    """Up to the landing page; gives the path of the journey."""
    journey = await browser.authorize(**changes)
    response = await browser.post(f"{journey}/start", {"means": "npa"})
    assert response.status_code == 303, response.text
    assert response.headers["location"] == f"{journey}/client"
    return journey


async def start_link(browser: Browser, journey: str, way: str = "computer") -> str:
    """The link of the page that starts the client."""
    response = await browser.get(f"{journey}/client/{way}")
    assert response.status_code == 200, response.text
    return link_of(response.text)


def link_of(markup: str) -> str:
    """The first link on a page that starts an eID-Client."""
    found = re.search(r'href="((?:http|eid)://127\.0\.0\.1:24727/eID-Client[^"]*)"', markup)
    assert found, markup
    return unescape(found[1])


def token_path(link: str) -> str:
    """Path of the tcTokenURL in such a link."""
    url = dict(parse_qsl(urlsplit(link).query))["tcTokenURL"]
    assert url.startswith(ISSUER)
    return url.removeprefix(ISSUER)


async def fetch_token(installation: Installation, link: str) -> httpx.Response:
    """The eID-Client asks for its TC token: no cookies, not a browser."""
    return await installation.browser().get(token_path(link))


async def open_client(installation: Installation, link: str) -> Opened:
    """The same, successfully."""
    response = await fetch_token(installation, link)
    assert response.status_code == 200, response.text
    return opened(response)


def opened(response: httpx.Response) -> Opened:
    refresh = urlsplit(element(response.text, "RefreshAddress"))
    return Opened(
        session=element(response.text, "SessionIdentifier"), refresh=f"{refresh.path}?{refresh.query}"
    )


async def come_back(browser: Browser, client: Opened, hint: str = "ResultMajor=ok") -> httpx.Response:
    """The client sends the browser to the refresh address: a cross-site GET of the top level."""
    return await browser.get(f"{client.refresh}&{hint}", cross_site=True)


async def scan(browser: Browser, journey: str) -> str:
    """Path that the QR code on the computer's page says."""
    response = await browser.get(f"{journey}/client/qr")
    assert response.status_code == 200, response.text
    found = re.search(rf"{ISSUER}(/login/[^\"<]*/phone/[^\"<]*)", response.text)
    assert found, response.text
    return unquote(found[1])


async def connect_phone(phone: Browser, path: str) -> str:
    """The phone opens the QR code and goes on; gives the link that starts the client there."""
    assert (await phone.get(path)).status_code == 200
    response = await phone.post(path, {})
    assert response.status_code == 303, response.text
    return link_of((await phone.get(response.headers["location"])).text)


async def code_on(phone: Browser, journey: str) -> str:
    """The code that the phone shows."""
    page = (await phone.get(f"{journey}/phone")).text
    found = re.search(r'class="eg-code"><strong>([A-Z-]+)<', page)
    assert found, page
    return found[1]


async def code_by_phone(installation: Installation, browser: Browser, phone: Browser, journey: str) -> str:
    """Everything on the phone, up to its code."""
    link = await connect_phone(phone, await scan(browser, journey))
    client = await open_client(installation, link)
    installation.card.identify(client.session)
    response = await come_back(phone, client)
    assert response.headers["location"] == f"{journey}/phone", response.text
    return await code_on(phone, journey)
