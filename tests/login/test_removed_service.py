"""A service is removed from the registry while somebody is logging in to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.store import StoreAddress
from tests.login.installation import Browser, client, install, query_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("step", ["", "/failed", "/release", "start", "decide", "cancel", "answer"])
async def test_login_to_a_removed_service_is_over_and_nothing_leaves(
    tmp_path: Path, address: StoreAddress, step: str
) -> None:
    """Every step ends in the page for a login that is over, never in an error of ours."""
    before = install(tmp_path, address)
    browser = before.browser()
    if step in {"/release", "decide"}:
        journey = await browser.identified()
    else:
        journey = await browser.authorize()
    relay = await browser.begin(journey) if step == "answer" else ""
    await before.application.stop()
    after = install(tmp_path, address, client(client_id="other"), database="later.sqlite3")
    later = Browser(after)
    later.jar = browser.jar
    if step == "start":
        response = await later.post(f"{journey}/start", {"means": "eidas", "country": "GR"})
    elif step == "decide":
        response = await later.release(journey)
    elif step == "cancel":
        response = await later.post(f"{journey}/cancel", {})
    elif step == "answer":
        response = await later.answer(relay)
    else:
        response = await later.get(journey + step)
    assert response.status_code == 410, response.text
    assert "DataReleased" not in after.events()
    if step == "cancel":
        assert (await later.post(f"{journey}/cancel", {})).status_code == 410
    await after.application.stop()


async def test_code_for_a_removed_service_opens_nothing(tmp_path: Path, address: StoreAddress) -> None:
    before = install(tmp_path, address)
    browser = before.browser()
    code = query_of(await browser.release(await browser.identified()))["code"]
    await before.application.stop()
    after = install(tmp_path, address, client(client_id="other"), database="later.sqlite3")
    later = Browser(after)
    assert (await later.redeem(code)).json()["error"] == "invalid_client"
    await after.application.stop()
