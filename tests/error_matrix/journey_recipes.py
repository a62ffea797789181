"""How to provoke each refusal of a whole gateway: registration, logout, journey, means, store, HTTP.

One function per catalogue entry; it gets the maker of installations and gives the response that the
client or, where the journey stops on a page first, the citizen's way back to the client leads to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx

from connectors.assurance import LevelOfAssurance
from connectors.contract import Option
from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    InvalidAnswer,
    LevelNotReached,
    LevelTooLow,
    PeerRefused,
    PeerUnavailable,
    RepresentationRefused,
    RequestNotPossible,
)
from gateway.settings import RateSection, RegistrationSection
from gateway.store import StoreUnavailable
from tests.login.eid_steps import choose_card, come_back, open_client, start_link
from tests.login.installation import CALLBACK, Browser, Installation, authorize_path, client

Install = Callable[..., Installation]
Recipe = Callable[[Install], Awaitable[httpx.Response]]
LOCAL = "http://localhost:8400"
BUNDID = {
    "means": ("bundid", "eidas"),
    "accounts": {"bundid": {"display_name": "Amt24", "online_service_id": "BMI-1", "back_url": "gateway"}},
}
TOO_LOW = LevelTooLow("level", achieved=LevelOfAssurance.LOW, required=LevelOfAssurance.HIGH)


async def back(browser: Browser, journey: str) -> httpx.Response:
    """The citizen gives up and goes back to the service."""
    return await browser.post(f"{journey}/cancel", {})


def _raising(error: ConnectorError) -> Callable[..., object]:
    def finish(*_: object, **__: object) -> object:
        raise error

    return finish


def exchange(error: ConnectorError) -> Recipe:
    """A node's answer that ends so."""

    async def run(installing: Install) -> httpx.Response:
        running = installing()
        running.source.finish = _raising(error)  # type: ignore[assignment, method-assign]  # it ends so
        browser = running.browser()
        journey = await browser.authorize()
        await browser.answer(await browser.begin(journey))
        return await back(browser, journey)

    return run


def account(error: ConnectorError) -> Recipe:
    """The same from a user account."""

    async def run(installing: Install) -> httpx.Response:
        running = installing(client(**BUNDID), accounts=("bundid",))
        running.accounts["bundid"].finish = _raising(error)  # type: ignore[method-assign, assignment]  # it ends so
        browser = running.browser()
        journey = await browser.authorize()
        await browser.answer(await browser.begin_account(journey), "bundid")
        return await back(browser, journey)

    return run


def card(error: ConnectorError) -> Recipe:
    """The same from an eID-Client."""

    async def run(installing: Install) -> httpx.Response:
        running = installing(client(means=("npa", "eidas")), card=True)
        running.card.finish = _raising(error)  # type: ignore[method-assign, assignment]  # it ends so
        browser = running.browser()
        journey = await choose_card(browser)
        opened = await open_client(running, await start_link(browser, journey))
        await come_back(browser, opened)
        return await back(browser, journey)

    return run


async def returned(installing: Install) -> httpx.Response:
    browser = installing(client(**BUNDID), accounts=("bundid",)).browser()
    journey = await browser.authorize()
    await browser.begin_account(journey)
    await browser.get(f"{journey}/back", cross_site=True)
    return await back(browser, journey)


async def never_asked(installing: Install) -> httpx.Response:
    """The browser comes to the refresh address, but no eID-Client ever asked for its TC token."""
    running = installing(client(means=("npa", "eidas")), card=True)
    handles: list[str] = []
    begin = running.card.begin

    def noting(*given: object, relay_state: str, **more: object) -> object:
        handles.append(relay_state)
        return begin(*given, relay_state=relay_state, **more)  # type: ignore[arg-type]  # as they came

    running.card.begin = noting  # type: ignore[method-assign, assignment]  # the handle is seen nowhere else
    browser = running.browser()
    journey = await choose_card(browser)
    await browser.get(f"/connectors/npa/acs?RelayState={handles[0]}&ResultMajor=ok", cross_site=True)
    return await back(browser, journey)


def chosen(reason: str) -> Recipe:
    """A country that cannot be gone for that reason, chosen all the same."""

    async def run(installing: Install) -> httpx.Response:
        running = installing()
        running.source.options_given["GR"] = Option(
            connector="eidas", country="GR", available=False, reason=reason, highest=LevelOfAssurance.LOW
        )
        browser = running.browser()
        journey = await browser.authorize()
        await browser.post(f"{journey}/start", {"means": "eidas", "country": "GR"})
        return await back(browser, journey)

    return run


async def account_cannot(installing: Install) -> httpx.Response:
    return await _means_cannot(installing, "bundid")


async def card_cannot(installing: Install) -> httpx.Response:
    return await _means_cannot(installing, "npa")


async def _means_cannot(installing: Install, means: str) -> httpx.Response:
    if means == "npa":
        running = installing(client(means=("npa", "eidas")), card=True)
        connector: object = running.card
    else:
        running = installing(client(**BUNDID), accounts=("bundid",))
        connector = running.accounts["bundid"]
    option = Option(connector=means, country=None, available=False, reason="service", highest=None)
    connector.options = lambda *_, **__: (option,)  # type: ignore[attr-defined]  # either fake has it
    browser = running.browser()
    journey = await browser.authorize()
    await browser.post(f"{journey}/start", {"means": means})
    return await back(browser, journey)


async def nothing_available(installing: Install) -> httpx.Response:
    running = installing()
    for country, option in running.source.options_given.items():
        running.source.options_given[country] = replace(option, available=False, reason="down")
    browser = running.browser()
    journey = await browser.authorize()
    await browser.get(journey)
    return await back(browser, journey)


async def cancelled(installing: Install) -> httpx.Response:
    browser = installing().browser()
    return await back(browser, await browser.authorize())


async def refused(installing: Install) -> httpx.Response:
    browser = installing().browser()
    journey = await browser.identified()
    return await browser.post(f"{journey}/release", {"decision": "refuse"})


async def timed_out(installing: Install) -> httpx.Response:
    running = installing()
    browser = running.browser()
    journey = await browser.authorize()
    running.clock.forward(minutes=20)
    return await back(browser, journey)


async def login_required(installing: Install) -> httpx.Response:
    return await installing().browser().get(authorize_path(prompt="none"))


async def consent_required(installing: Install) -> httpx.Response:
    """What the citizen kept back in the session's login, the service is now registered to require."""
    before = installing(client(session_seconds=600))
    before.source.identity_changes = {"level": LevelOfAssurance.SUBSTANTIAL}
    browser = before.browser()
    await browser.release(await browser.identified(scope="openid profile"))
    after = installing(
        client(session_seconds=600, required=("family_name", "given_name", "date_of_birth"), optional=())
    )
    later = after.browser()
    later.jar = browser.jar
    return await later.get(authorize_path(scope="openid profile", prompt="none"))


def registration(content: bytes, *, token: str | None = None) -> Recipe:
    async def run(installing: Install) -> httpx.Response:
        running = installing(
            issuer=LOCAL, registration=RegistrationSection(enabled=True), registration_token=token
        )
        return await _send(running, "POST", "/register", content, {"content-type": "application/json"})

    return run


async def _send(
    running: Installation, method: str, path: str, content: bytes, headers: dict[str, str]
) -> httpx.Response:
    transport = httpx.ASGITransport(app=running.application.public, client=("203.0.113.9", 4711))
    async with httpx.AsyncClient(transport=transport, base_url=running.issuer) as http:
        return await http.request(method, path, content=content, headers=headers)


def at_token(
    *, method: str = "POST", content: bytes = b"", host: str | None = None, times: int = 1
) -> Recipe:
    """What every endpoint refuses, here the token endpoint."""

    async def run(installing: Install) -> httpx.Response:
        running = installing(rate=RateSection(authorize=0, callback=0, token=1 if times > 1 else 0))
        headers = {"content-type": "application/x-www-form-urlencoded"} | ({"host": host} if host else {})
        for _ in range(times - 1):
            await _send(running, method, "/token", content, headers)
        return await _send(running, method, "/token", content, headers)

    return run


def logging_out(query: str) -> Recipe:
    async def run(installing: Install) -> httpx.Response:
        return await installing().browser().get(f"/logout?{query}")

    return run


async def store_away(installing: Install) -> httpx.Response:
    running = installing()
    browser = running.browser()

    def unavailable(*_: object, **__: object) -> None:
        raise StoreUnavailable(OSError())

    for name in ("take", "read", "batch", "claim", "put", "count"):
        setattr(running.application.store, name, unavailable)
    return await browser.redeem("ABCDEFGHJK." + "A" * 43)


async def database_away(installing: Install) -> httpx.Response:
    running = installing()
    with sqlite3.connect(running.database, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        response = await running.browser().redeem("x")
        other.execute("ROLLBACK")
    other.close()
    return response


async def defect(installing: Install) -> httpx.Response:
    running = installing()

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    running.application.store.take = broken  # type: ignore[method-assign, assignment]  # a defect of ours
    running.application.store.batch = broken  # type: ignore[method-assign, assignment]  # a defect of ours
    return await running.browser().redeem("ABCDEFGHJK." + "A" * 43)


RECIPES: dict[str, Recipe] = {
    "authorize.login_required": login_required,
    "authorize.consent_required": consent_required,
    "registration.token_invalid": registration(b"{}", token="the initial access token"),
    "registration.unreadable": registration(b"[]"),
    "registration.redirect_uri_invalid": registration(b"{}"),
    "registration.metadata_invalid": registration(
        b'{"redirect_uris": ["https://a.example/"], "subject_type": "x"}'
    ),
    "logout.unreadable": logging_out("state=a&state=b"),
    "logout.hint_invalid": logging_out("id_token_hint=x"),
    "logout.client_unknown": logging_out("client_id=nobody"),
    "logout.redirect_uri_mismatch": logging_out(f"client_id=amt24&post_logout_redirect_uri={CALLBACK}"),
    "journey.cancelled": cancelled,
    "journey.refused": refused,
    "journey.timed_out": timed_out,
    "choice.nothing_available": nothing_available,
    "choice.level": chosen("level"),
    "choice.down": chosen("down"),
    "choice.person": chosen("person"),
    "choice.attributes": chosen("attributes"),
    "eidas.request_not_possible": exchange(RequestNotPossible("eidas.request")),
    "eidas.peer_unavailable": exchange(PeerUnavailable("metadata.expired")),
    "eidas.cancelled": exchange(Cancelled("saml.cancelled")),
    "eidas.authentication_failed": exchange(AuthenticationFailed("saml.authn-failed")),
    "eidas.peer_refused": exchange(PeerRefused("saml.refused")),
    "eidas.level_too_low": exchange(TOO_LOW),
    "eidas.level_not_reached": exchange(LevelNotReached("saml.no-authn-context")),
    "eidas.attribute_missing": exchange(AttributeMissing("eidas.attribute", "family_name")),
    "eidas.representation": exchange(RepresentationRefused("eidas.representation")),
    "eidas.invalid_answer": exchange(InvalidAnswer("signature.value")),
    "account.request": account_cannot,
    "account.returned": returned,
    "account.cancelled": account(Cancelled("account.status.cancelled")),
    "account.authentication_failed": account(AuthenticationFailed("account.status.authentication-failed")),
    "account.level_too_low": account(TOO_LOW),
    "account.required_attributes": account(AttributeMissing("account.attribute", "family_name")),
    "account.trust_level": account(InvalidAnswer("account.trust-level")),
    "account.attribute_name": account(InvalidAnswer("account.attribute-name")),
    "account.attribute_twice": account(InvalidAnswer("account.attribute-twice")),
    "account.test_account": account(InvalidAnswer("account.test-account")),
    "account.guest": account(InvalidAnswer("account.guest")),
    "account.peer_unavailable": account(PeerUnavailable("metadata.expired")),
    "account.peer_refused": account(PeerRefused("account.status.detail")),
    "account.foreign_request": account(InvalidAnswer("saml.in-response-to")),
    "account.invalid_answer": account(InvalidAnswer("signature.value")),
    "eid.request_not_possible": card_cannot,
    "eid.unavailable": card(PeerUnavailable("npa.unavailable")),
    "eid.cancelled": card(Cancelled("npa.cancelled")),
    "eid.failed": card(AuthenticationFailed("npa.client-error")),
    "eid.refused": card(PeerRefused("npa.refused")),
    "eid.level_too_low": card(TOO_LOW),
    "eid.level_not_reached": card(LevelNotReached("npa.level")),
    "eid.attribute_missing": card(AttributeMissing("npa.attribute.missing", "family_name")),
    "eid.attribute_refused": card(AttributeMissing("npa.attribute.refused", "family_name")),
    "eid.invalid_answer": card(InvalidAnswer("npa.result")),
    "eid.not_started": never_asked,
    "eid.connection": card(AuthenticationFailed("npa.channel")),
    "eid.document_invalid": card(AuthenticationFailed("npa.document-invalid")),
    "eid.document_denied": card(AuthenticationFailed("npa.document-denied")),
    "eid.card_lost": card(AuthenticationFailed("npa.card-lost")),
    "eid.timeout": card(AuthenticationFailed("npa.timeout")),
    "eid.session_lost": card(AuthenticationFailed("npa.session-lost")),
    "eid.no_result": card(AuthenticationFailed("npa.no-result")),
    "store.unavailable": store_away,
    "audit.unavailable": database_away,
    "internal": defect,
    "http.method": at_token(method="GET"),
    "http.too_large": at_token(content=b"x" * 70_000),
    "http.host": at_token(host="elsewhere.example"),
    "http.rate": at_token(times=2),
}
