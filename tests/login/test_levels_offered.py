"""Means and countries offered are those that can meet the request (Core §5.5.1.1; issue 5 item 5)."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.contract import AuthenticationRequest, Option
from gateway.store import StoreAddress
from tests.login.fake_source import FakeSource
from tests.login.installation import CALLBACK, Installation, client, install

pytestmark = pytest.mark.anyio

LOA = "http://eidas.europa.eu/LoA/"
HIGHEST = {
    "GR": LevelOfAssurance.SUBSTANTIAL,
    "SE": LevelOfAssurance.LOW,
    "IT": LevelOfAssurance.HIGH,
    "EE": LevelOfAssurance.HIGH,
}


def offer_by_level(source: FakeSource, highest: dict[str, LevelOfAssurance]) -> None:
    """Make the source offer its countries as a real connector does: each up to its level."""

    def options(request: AuthenticationRequest, *, now: datetime) -> Sequence[Option]:
        made = (
            Option(connector="eidas", country=code, available=level >= request.minimum, highest=level)
            for code, level in highest.items()
        )
        return tuple(one if one.available else replace(one, reason="level") for one in made)

    source.options = options  # type: ignore[method-assign]  # what it can reach is the test


@pytest.fixture
async def install_with(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Callable[..., Installation]]:
    running: list[Installation] = []

    def make(highest: dict[str, LevelOfAssurance] = HIGHEST, **changes: object) -> Installation:
        made = install(tmp_path, address, client(**changes))
        offer_by_level(made.source, highest)
        running.append(made)
        return made

    yield make
    for made in running:
        await made.application.stop()


def essential(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": list(values)}}})


async def offered(installation: Installation, **changes: str) -> set[str]:
    """Countries with a button that can be pressed."""
    browser = installation.browser()
    page = await browser.get(await browser.authorize(**changes))
    assert page.status_code == 200
    buttons = re.findall(r'<button class="eg-country"[^>]*>', page.text)
    return {
        match[1]
        for button in buttons
        if "disabled" not in button and (match := re.search(r'value="(\w+)"', button))
    }


@pytest.mark.parametrize(
    ("registered", "asked", "countries"),
    [
        ({}, {}, {"GR", "SE", "IT", "EE"}),
        ({}, {"claims": essential(f"{LOA}substantial")}, {"GR", "IT", "EE"}),
        ({}, {"claims": essential(f"{LOA}high")}, {"IT", "EE"}),
        ({}, {"claims": essential(f"{LOA}high", f"{LOA}substantial")}, {"GR", "IT", "EE"}),
        ({}, {"acr_values": f"{LOA}high"}, {"IT", "EE"}),
        ({}, {"claims": essential(f"{LOA}low"), "acr_values": f"{LOA}high"}, {"GR", "SE", "IT", "EE"}),
        ({"minimum_level": "high"}, {"claims": essential(f"{LOA}low")}, {"IT", "EE"}),
        ({"default_acr_values": (f"{LOA}substantial",)}, {}, {"GR", "IT", "EE"}),
        ({"acr_vocabulary": "franceconnect"}, {"claims": essential("eidas3")}, {"IT", "EE"}),
        ({"acr_vocabulary": "tara"}, {"acr_values": "substantial"}, {"GR", "IT", "EE"}),
    ],
)
async def test_only_countries_that_reach_the_level_can_be_chosen(
    install_with: Callable[..., Installation],
    registered: dict[str, object],
    asked: dict[str, str],
    countries: set[str],
) -> None:
    assert await offered(install_with(**registered), **asked) == countries


async def test_country_below_the_level_cannot_be_forced(install_with: Callable[..., Installation]) -> None:
    """The form is not believed."""
    installation = install_with()
    browser = installation.browser()
    journey = await browser.authorize(claims=essential(f"{LOA}high"))
    response = await browser.post(f"{journey}/start", {"means": "eidas", "country": "GR"})
    assert response.status_code >= 400
    assert not installation.source.begun


async def test_source_is_asked_for_the_level_of_the_request(
    install_with: Callable[..., Installation],
) -> None:
    installation = install_with()
    browser = installation.browser()
    journey = await browser.authorize(claims=essential(f"{LOA}substantial", f"{LOA}high"))
    await browser.begin(journey)
    assert installation.source.begun[0].minimum is LevelOfAssurance.SUBSTANTIAL


async def test_demand_beyond_every_means_is_refused_before_any_page(
    install_with: Callable[..., Installation],
) -> None:
    """unmet_authentication_requirements; nobody is sent to choose in vain."""
    installation = install_with({"GR": LevelOfAssurance.SUBSTANTIAL})
    browser = installation.browser()
    location = await browser.authorize(claims=essential(f"{LOA}high"))
    assert "error=unmet_authentication_requirements" in location
    assert location.startswith(CALLBACK)


async def test_wish_beyond_every_means_offers_what_there_is(
    install_with: Callable[..., Installation],
) -> None:
    """Core §5.5.1.1 voluntary: the answer tells what was reached."""
    highest = {**HIGHEST, "IT": LevelOfAssurance.SUBSTANTIAL, "EE": LevelOfAssurance.LOW}
    assert await offered(install_with(highest), acr_values=f"{LOA}high") == {"GR", "IT"}


async def test_level_of_verified_claims_excludes_nobody(install_with: Callable[..., Installation]) -> None:
    """IDA §6.5: what cannot be verified is left out; the login goes on."""
    verification = {"trust_framework": None, "assurance_level": {"value": "high", "essential": True}}
    element = {"verification": verification, "claims": {"family_name": None}}
    wanted = json.dumps({"userinfo": {"verified_claims": element}})
    assert await offered(install_with(), claims=wanted) == set(HIGHEST)
