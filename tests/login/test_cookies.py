"""Cookies and their attributes (security.md B.3; the brief's two cookies)."""

from __future__ import annotations

from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from gateway.store import StoreAddress
from tests.login.installation import Installation, client, install

pytestmark = pytest.mark.anyio


def attributes(line: str) -> dict[str, object]:
    (morsel,) = SimpleCookie(line).values()
    return {name: morsel[name] for name in ("secure", "httponly", "path", "samesite", "domain")}


async def test_the_journey_cookie_is_host_only_and_lax(installation: Installation) -> None:
    browser = installation.browser()
    await browser.authorize()
    (line,) = browser.set_cookies
    assert line.startswith("__Host-journey-")
    assert attributes(line) == {
        "secure": True,
        "httponly": True,
        "path": "/",
        "samesite": "Lax",
        "domain": "",
    }
    # The way back to the service outlives the journey by an hour.
    assert "Max-Age=4500" in line


async def test_the_flow_cookie_travels_with_a_cross_site_post_and_ends_with_it(
    installation: Installation,
) -> None:
    browser = installation.browser()
    relay = await browser.begin(await browser.authorize())
    flow = browser.set_cookies[-1]
    assert flow.startswith("__Host-flow-")
    assert attributes(flow) == {
        "secure": True,
        "httponly": True,
        "path": "/",
        "samesite": "None",
        "domain": "",
    }
    await browser.answer(relay)
    assert not [name for name in browser.jar if "flow" in name]


async def test_after_the_release_no_cookie_is_left(installation: Installation) -> None:
    browser = installation.browser()
    await browser.release(await browser.identified())
    assert browser.jar == {}


async def test_on_loopback_http_the_same_cookies_work_without_secure(
    tmp_path: Path, address: StoreAddress
) -> None:
    """Browsers drop __Host- and Secure cookies on http; development on loopback only."""
    callback = "https://service.example/callback"
    running = install(tmp_path, address, client(redirect_uris=(callback,)), issuer="http://localhost:8400")
    browser = running.browser()
    journey = await browser.authorize()
    relay = await browser.begin(journey)
    for line, name in zip(browser.set_cookies, ("journey-", "flow-"), strict=True):
        assert line.startswith(name)
        assert attributes(line)["secure"] == ""
        assert attributes(line)["samesite"] == "Lax"
    # Nodes run on the same host there: their POST is same-site.
    answer = await browser.post("/connectors/eidas/acs", {"RelayState": relay, "answer": "genuine"})
    assert answer.headers["location"] == f"{journey}/release"
    assert "strict-transport-security" not in answer.headers
    await running.application.stop()


async def test_two_logins_in_one_browser_do_not_disturb_each_other(installation: Installation) -> None:
    browser = installation.browser()
    one, two = await browser.authorize(), await browser.authorize()
    relay_one, relay_two = await browser.begin(one), await browser.begin(two)
    assert (await browser.answer(relay_two)).headers["location"] == f"{two}/release"
    assert (await browser.answer(relay_one)).headers["location"] == f"{one}/release"


@pytest.mark.parametrize("cookie", ["", ";;;", "__Host-journey-X", "a" * 5000, '"\\', "=;=", "x=\x01"])
async def test_malformed_cookies_are_no_cookies(installation: Installation, cookie: str) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    browser.jar.clear()
    response = await browser.get(journey, headers={"cookie": cookie})
    assert response.status_code == 403
