"""amt24 pays at ePayBL with a token for it, and steps up when told (RFC 8693, 8707, 9068, 9470)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from lxml import html

from sandbox.browser import Browser
from sandbox.launcher import Sandbox, http_client
from sandbox.login import Steps, Wanted, through_the_gateway
from sandbox.services.relying_party import Wishes

NO_IDENTITY = {"acr", "aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "scope", "sub"}


@pytest.fixture
def browser(sandbox: Sandbox) -> Iterator[Browser]:
    with http_client(sandbox.state, sandbox.addresses) as http:
        yield Browser(http)


def identify(sandbox: Sandbox, browser: Browser, level: str, **who: str) -> None:
    """The citizen's part of a login, wherever it was asked for."""
    wanted = Wanted(level=level, **who)
    through_the_gateway(browser, sandbox.addresses, wanted, Steps(print), sandbox.state.drawer)


def log_in(sandbox: Sandbox, browser: Browser, level: str, **who: str) -> None:
    browser.get(f"{sandbox.addresses.services}/amt24/")
    browser.submit(browser.page.form("/login"), {"level": level})
    identify(sandbox, browser, level, **who)


def pay(browser: Browser, amount: str) -> None:
    form = browser.page.form("/pay")
    form.fields = [(name, value) for name, value in form.fields if name != "amount"]
    browser.submit(form, {"amount": amount})


def result(sandbox: Sandbox, browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = browser.fetch(f"{sandbox.addresses.services}/amt24/result.json").json()
    return found


def word(acr: str) -> str:
    return acr.rpartition("/")[2]


def test_small_fee_is_paid_and_the_payment_component_learns_no_name(
    sandbox: Sandbox, browser: Browser
) -> None:
    """design.md §6; RFC 9068 §2.2: a token for epaybl alone, without identity."""
    log_in(sandbox, browser, "low")
    pay(browser, "12,50")
    assert html.document_fromstring(browser.page.text).get_element_by_id("receipt").text
    outcome = result(sandbox, browser)
    learned = outcome["receipt"]["learned"]
    assert set(learned) == NO_IDENTITY
    assert learned["aud"] == f"{sandbox.addresses.services}/epaybl/"
    assert learned["client_id"] == "amt24"
    assert learned["sub"] != outcome["id_token"]["sub"]
    assert outcome["receipt"]["amount"] == 1250


def test_payer_is_another_word_in_every_login(sandbox: Sandbox, browser: Browser) -> None:
    """Invariant 5; ``resource_subject = "transient"``: payments of one citizen cannot be joined."""
    subjects = set()
    for _ in range(2):
        log_in(sandbox, browser, "low")
        pay(browser, "1,00")
        subjects.add(result(sandbox, browser)["receipt"]["learned"]["sub"])
    assert len(subjects) == 2


def test_large_fee_makes_the_portal_step_up_and_is_paid_then(sandbox: Sandbox, browser: Browser) -> None:
    """RFC 9470 §3, §4: insufficient_user_authentication, a new login at high, and the payment goes on."""
    log_in(sandbox, browser, "low", eid="bundid", citizen="mustermann-elster")
    first = result(sandbox, browser)["id_token"]
    assert word(first["acr"]) == "substantial"
    pay(browser, "250,00")
    assert browser.page.url.startswith(sandbox.addresses.gateway)
    identify(sandbox, browser, "high", eid="bundid", citizen="mustermann")
    outcome = result(sandbox, browser)
    assert word(outcome["id_token"]["acr"]) == "high"
    assert outcome["receipt"]["learned"]["acr"] == "http://eidas.europa.eu/LoA/high"
    assert outcome["receipt"]["amount"] == 25000
    assert outcome["id_token"]["sub"] == first["sub"]


def test_somebody_else_cannot_step_up_for_the_payer(sandbox: Sandbox, browser: Browser) -> None:
    """The portal compares ``sub`` before it goes on: docs/integrator.md, step-up."""
    log_in(sandbox, browser, "low", citizen="substantial")
    pay(browser, "250,00")
    identify(sandbox, browser, "high", citizen="onasis")
    assert "receipt" not in result(sandbox, browser)
    assert "somebody else" in browser.page.text


class TestResourceServer:
    """What others send to the payment component."""

    def send(self, sandbox: Sandbox, token: str | None, amount: str = "1,00") -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        with http_client(sandbox.state, sandbox.addresses) as http:
            url = f"{sandbox.addresses.services}/epaybl/payments"
            return http.post(url, data={"amount": amount, "reference": "x"}, headers=headers)

    def test_request_without_token_is_challenged(self, sandbox: Sandbox) -> None:
        """RFC 6750 §3.1: without an error code."""
        answer = self.send(sandbox, None)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="epaybl"'

    @pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
    def test_made_up_token_is_refused(self, sandbox: Sandbox, token: str) -> None:
        answer = self.send(sandbox, token)
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]

    def test_id_token_and_the_portals_own_access_token_open_nothing(self, sandbox: Sandbox) -> None:
        """RFC 9068 §4: ``typ`` and audience; the token of the login is for UserInfo only."""
        party = sandbox.state.relying_parties(sandbox.addresses)["service-bw"]
        url, attempt = party.begin(Wishes())
        with http_client(sandbox.state, sandbox.addresses) as http:
            browser = Browser(http, stop_at=party.redirect_uri)
            browser.get(url)
            identify(sandbox, browser, "")
            found = party.finish(browser.page.url, browser.answer, attempt)
        assert self.send(sandbox, found.access_token).status_code == 401

    def test_token_is_worthless_elsewhere_and_after_revocation(self, sandbox: Sandbox) -> None:
        """Issue 5; RFC 9068 §4, RFC 7009 §2, RFC 7662 §2.2: its keys still fit, but it is not active."""
        party = sandbox.state.relying_parties(sandbox.addresses)["amt24"]
        url, attempt = party.begin(Wishes())
        with http_client(sandbox.state, sandbox.addresses) as http:
            browser = Browser(http, stop_at=party.redirect_uri)
            browser.get(url)
            identify(sandbox, browser, "")
            found = party.finish(browser.page.url, browser.answer, attempt)
            token = party.exchange(found.access_token, f"{sandbox.addresses.services}/epaybl/")
            at_userinfo = http.get(
                f"{sandbox.addresses.gateway}/userinfo", headers={"Authorization": f"Bearer {token}"}
            )
        assert at_userinfo.status_code == 401
        assert self.send(sandbox, token).status_code == 201
        party.revoke(token)
        refused = self.send(sandbox, token)
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]
