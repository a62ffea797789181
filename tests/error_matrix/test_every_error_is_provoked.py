"""Issue 5: every error of the catalogue that can reach a client has an integrator's page, and is provoked here.

A client meets an error as parameters of a redirect, as JSON, or as a page that the citizen tells it about.
``provider_recipes`` and ``journey_recipes`` say how to provoke each; an entry without one fails here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from gateway.errors import CATALOGUE, CatalogueEntry
from tests.error_matrix import journey_recipes, provider_recipes
from tests.error_matrix.journey_recipes import Install
from tests.login.installation import ISSUER
from tests.oidc.harness import Bench

STAYS_HERE = {
    "journey.expired",
    "journey.ended",
    "journey.other_browser",
    "journey.foreign_answer",
    "journey.bad_form",
    "choice.unknown",
    "eid.phone_link",
    "eid.other_browser",
    "key.unavailable",
    "http.not_found",
    "http.bad_request",
    "http.media_type",
}
"""Shown to a citizen or an eID-Client only; no client ever learns of them."""


def test_every_entry_that_can_reach_a_client_has_a_recipe() -> None:
    recipes = provider_recipes.RECIPES.keys() | journey_recipes.RECIPES.keys()
    reach = {entry.code for entry in CATALOGUE if not entry.code.startswith("console.")}
    assert recipes == reach - STAYS_HERE
    assert not [code for code in STAYS_HERE if CATALOGUE[code].to_client]


@pytest.mark.parametrize("code", provider_recipes.RECIPES)
def test_endpoint_of_the_provider_refuses_with(bench: Bench, code: str) -> None:
    """RFC 6749 §4.1.2.1, §5.2; RFC 6750 §3.1; Core §3.1.2.6."""
    response = provider_recipes.RECIPES[code](bench)
    if response.headers.get("content-type", "").startswith("text/plain"):
        assert response.text == code  # a page, since no redirect URI was proven
        assert not CATALOGUE[code].to_client
        assert response.status_code == CATALOGUE[code].http_status
        return
    signed = _parameters(response).get("response")
    compare(code, bench.read(signed).claims if signed else told(response), "https://id.example.org")


@pytest.mark.anyio
@pytest.mark.parametrize("code", journey_recipes.RECIPES)
async def test_gateway_refuses_with(installing: Install, code: str) -> None:
    """ux.md §6: what happened reaches the service by its error, description and error_uri."""
    response = await journey_recipes.RECIPES[code](installing)
    if response.headers.get("content-type", "").startswith("text/html") and not _target(response):
        assert not CATALOGUE[code].to_client
        assert CATALOGUE[code].number in response.text
        assert response.status_code == CATALOGUE[code].http_status
        return
    told_issuer = ISSUER if not code.startswith("registration.") else journey_recipes.LOCAL
    compare(code, told(response), told_issuer)


@pytest.mark.anyio
async def test_every_entry_has_a_page_with_cause_and_remedy(installing: Install) -> None:
    """``error_uri`` leads there (RFC 6749 §4.1.2.1)."""
    browser = installing().browser()
    for entry in CATALOGUE:
        page = await browser.get(f"/error/{entry.code}")
        assert page.status_code == 200, entry.code
        shown = " ".join(unescape(re.sub(r"<[^>]*>", " ", page.text)).split())
        for text in (entry.code, entry.number, entry.oidc_error, entry.hint, entry.documentation):
            assert " ".join(text.split()) in shown, (entry.code, text)


def compare(code: str, found: Mapping[str, Any], issuer: str) -> None:
    """The registered error value, number and hint, and the address of the page."""
    entry: CatalogueEntry = CATALOGUE[code]
    assert str(found["error_description"]).startswith(f"{entry.number} "), found
    assert found["error"] == entry.oidc_error
    assert found["error_uri"] == f"{issuer}/error/{code}"


def told(response: httpx.Response) -> Mapping[str, Any]:
    """What the client gets to know: JSON, a challenge, or the parameters of a redirect."""
    if response.headers.get("content-type", "").startswith("application/json"):
        body: dict[str, Any] = json.loads(response.text)
        return body
    return _parameters(response)


def _parameters(response: httpx.Response) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(_target(response)).query))


def _target(response: httpx.Response) -> str:
    """Where the browser is sent, by redirect or by a page that refreshes."""
    location = response.headers.get("location")
    if location is not None:
        return str(location)
    found = re.search(r'http-equiv="refresh"\s+content="\d+;\s*url=([^"]+)"', response.text, re.IGNORECASE)
    return unescape(found[1]) if found else ""
