"""The sandbox's pages for integrators: a client in a minute, and what it would get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from lxml import html

from sandbox.browser import Browser
from sandbox.launcher import Sandbox, http_client

CALLBACK = "http://localhost:65001/callback"
GREEK = "eidas:EL:onasis"


@pytest.fixture
def browser(sandbox: Sandbox) -> Iterator[Browser]:
    with http_client(sandbox.state, sandbox.addresses) as http:
        yield Browser(http)


def fill(browser: Browser, action: str, **values: str) -> None:
    form = browser.page.form(action)
    form.fields = [(name, value) for name, value in form.fields if name not in values]
    browser.submit(form, values)


def register(sandbox: Sandbox, browser: Browser, **values: str) -> dict[str, str]:
    """The form, sent; the cells of the answer by their id."""
    browser.get(f"{sandbox.addresses.services}/register/")
    fill(browser, "/register/", **{"redirect_uris": CALLBACK, **values})
    cells = html.document_fromstring(browser.page.text).xpath("//td[@id]")
    return {cell.get("id"): cell.text for cell in cells}


def told(browser: Browser, kind: str) -> list[Any]:
    """The claims that the page shows."""
    found = html.document_fromstring(browser.page.text).xpath(f"//pre[@class='{kind}']")
    return [json.loads(element.text_content()) for element in found]


def test_client_is_registered_without_asking_anybody(sandbox: Sandbox, browser: Browser) -> None:
    """Issue 5: identifier and secret at once; the secret in this answer only."""
    client = register(sandbox, browser, client_name="Mein Portal")
    assert client["client_id"]
    assert len(client["client_secret"]) >= 43
    with http_client(sandbox.state, sandbox.addresses) as http:
        headers = {"Authorization": f"Bearer {client['registration_access_token']}"}
        again = http.get(client["registration_client_uri"], headers=headers)
    assert again.json()["client_name"] == "Mein Portal"
    assert client["client_secret"] not in again.text


def test_refusal_of_the_gateway_is_shown_beside_the_form(sandbox: Sandbox, browser: Browser) -> None:
    assert not register(sandbox, browser, redirect_uris="http://portal.example/callback")
    assert browser.page.status == 400
    assert "invalid_redirect_uri" in browser.page.text
    assert "http://portal.example/callback" in browser.page.text


def test_own_client_sees_what_it_would_get_for_several_citizens(sandbox: Sandbox, browser: Browser) -> None:
    """A real login each: signed ID token, UserInfo and the token for the resource server."""
    client = register(sandbox, browser)
    browser.submit(browser.page.form("/preview/"), {})
    offered = browser.page.form("/preview/").choices["citizen"]
    assert GREEK in offered
    assert any(key.startswith("account:bundid:") for key in offered)
    fill(browser, "/preview/", citizen=GREEK, scope="openid profile")
    (id_token,), (userinfo,), (access_token,) = (
        told(browser, kind) for kind in ("id_token", "userinfo", "access_token")
    )
    assert id_token["aud"] == client["client_id"]
    assert id_token["iss"] == sandbox.addresses.gateway
    assert userinfo["sub"] == id_token["sub"]
    assert userinfo["family_name"] == "Onasis"
    assert access_token["aud"] == f"{sandbox.addresses.services}/epaybl/"
    assert "family_name" not in access_token


def test_demo_service_is_shown_with_the_request_of_the_visitor(sandbox: Sandbox, browser: Browser) -> None:
    claims = '{"id_token": {"birthdate": null}, "userinfo": {}}'
    browser.get(f"{sandbox.addresses.services}/preview/")
    fill(browser, "/preview/", client_id="personenstand", citizen=GREEK, level="high", claims=claims)
    (id_token,) = told(browser, "id_token")
    assert id_token["acr"] == "http://eidas.europa.eu/LoA/high"
    assert id_token["birthdate"] == "1964-12-31"


def test_refusal_is_shown_with_its_page(sandbox: Sandbox, browser: Browser) -> None:
    """The error that the client would get, with its reference."""
    browser.get(f"{sandbox.addresses.services}/preview/")
    fill(browser, "/preview/", client_id="amt24", citizen=GREEK, claims="{")
    assert "kein JSON" in browser.page.text
    fill(browser, "/preview/", client_id="amt24", citizen=GREEK, claims='{"id_token": 7}')
    assert "/error/authorize.claims_malformed" in browser.page.text


def test_several_citizens_of_every_kind_are_shown_in_one_answer(sandbox: Sandbox, browser: Browser) -> None:
    """A foreign citizen, a German account and a card, one real login each."""
    browser.get(f"{sandbox.addresses.services}/preview/")
    form = browser.page.form("/preview/")
    chosen = [GREEK, "account:bundid:mustermann", "npa:erika"]
    browser.submit(form, {"citizen": chosen})
    sources = [claims["identity_source"]["connector"] for claims in told(browser, "userinfo")]
    assert sources == ["eidas", "bundid", "npa"]
    assert len({claims["sub"] for claims in told(browser, "id_token")}) == 3


def test_citizen_who_cannot_log_in_is_shown_with_the_reason(sandbox: Sandbox, browser: Browser) -> None:
    """The page of the error catalogue that the client's error_uri would name."""
    browser.get(f"{sandbox.addresses.services}/preview/")
    fill(browser, "/preview/", citizen="npa:blocked")
    assert told(browser, "id_token") == []
    assert "/error/eid." in browser.page.text
