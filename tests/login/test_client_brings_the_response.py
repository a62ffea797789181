"""An eID-Client that brings a SAML response itself is told where its browser goes (TR-03124-1 §2.5; TR-03130-1 §4.1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store import StoreAddress
from tests.login.eid_steps import choose_card, open_client, start_link
from tests.login.installation import ISSUER, Installation, client, install

pytestmark = pytest.mark.anyio
RESPONSE = "&SAMLResponse=a%2Bb%2f%3D&SigAlg=x&Signature=y"


@pytest.fixture
async def running(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Installation]:
    made = install(tmp_path, address, client(means=("npa", "eidas")), card=True)
    yield made
    await made.application.stop()


async def test_client_gets_its_own_address_back_and_nothing_happens(running: Installation) -> None:
    """Octet by octet, because a signature covers them; AusweisApp sends the browser where a redirect of ours leads."""
    citizen = running.browser()
    journey = await choose_card(citizen)
    opened = await open_client(running, await start_link(citizen, journey))
    before = running.events()
    told = await running.browser().get(f"{opened.refresh}{RESPONSE}")
    assert told.status_code == 303
    assert told.headers["location"] == f"{ISSUER}{opened.refresh}{RESPONSE}&via=client"
    assert told.headers["connection"] == "close"
    assert "set-cookie" not in told.headers
    assert running.events() == before
    assert running.card.finished == []


async def test_browser_then_brings_the_response_as_any_other(running: Installation) -> None:
    """The client may add its hint behind the mark; the exchange is still there for the right browser."""
    citizen = running.browser()
    journey = await choose_card(citizen)
    opened = await open_client(running, await start_link(citizen, journey))
    running.card.identify(opened.session)
    told = await running.browser().get(f"{opened.refresh}{RESPONSE}")
    path = told.headers["location"].removeprefix(ISSUER)
    back = await citizen.get(f"{path}&ResultMajor=ok", cross_site=True)
    assert back.status_code == 303
    assert back.headers["location"] == f"{journey}/release"


async def test_another_browser_is_refused_there(running: Installation) -> None:
    """The mark proves nothing: without the cookie of this login nobody is logged in."""
    citizen = running.browser()
    opened = await open_client(running, await start_link(citizen, await choose_card(citizen)))
    running.card.identify(opened.session)
    refused = await running.browser().get(f"{opened.refresh}{RESPONSE}&via=client", cross_site=True)
    assert refused.status_code == 403
    assert running.card.finished == []


async def test_source_without_a_client_never_redirects_an_answer(running: Installation) -> None:
    refused = await running.browser().get(f"/connectors/eidas/acs?RelayState=x{RESPONSE}")
    assert refused.status_code >= 400
