"""Sessions of one service (oidc.md §2.1, §2.2). Names in docstrings are modules of the certification suite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from connectors.assurance import LevelOfAssurance
from gateway.store import StoreAddress
from tests.login.installation import (
    CALLBACK,
    Browser,
    Installation,
    authorize_path,
    client,
    install,
    query_of,
)
from tests.login.tokens import id_token_claims

pytestmark = pytest.mark.anyio


@pytest.fixture
async def short(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Installation]:
    """A gateway whose service allows sessions of ten minutes."""
    running = install(
        tmp_path,
        address,
        client(session_seconds=600, optional=("date_of_birth", "phone_number")),
        client(client_id="other", session_seconds=600, sector_identifier="other.example"),
    )
    running.source.identity_changes = {"level": LevelOfAssurance.SUBSTANTIAL}
    yield running
    await running.application.stop()


async def log_in(browser: Browser, **changes: str) -> dict[str, object]:
    """A login with release; the claims of its ID token."""
    answer = query_of(
        await browser.release(await browser.identified(**{"scope": "openid profile", **changes}))
    )
    return id_token_claims(await browser.redeem(answer["code"]))


def answer(response: httpx.Response) -> dict[str, str]:
    """What an immediate redirect tells the client."""
    assert response.status_code == 303, response.text
    assert response.headers["location"].startswith(CALLBACK), response.headers["location"]
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


async def again(browser: Browser, **changes: str) -> httpx.Response:
    return await browser.get(authorize_path(**{"scope": "openid profile", **changes}))


async def test_prompt_none_with_a_session_answers_at_once_with_the_same_person_and_time(
    short: Installation,
) -> None:
    """oidcc-prompt-none-logged-in: sub and auth_time stay, nothing is shown."""
    browser = short.browser()
    first = await log_in(browser)
    short.clock.forward(seconds=30)
    second = id_token_claims(await browser.redeem(answer(await again(browser, prompt="none"))["code"]))
    for name in ("sub", "auth_time", "sid", "acr"):
        assert second[name] == first[name]
    assert short.source.finished == 1
    assert "SessionUsed" in short.events()


async def test_prompt_none_without_a_session_is_login_required(short: Installation) -> None:
    """oidcc-prompt-none-not-logged-in."""
    assert answer(await again(short.browser(), prompt="none"))["error"] == "login_required"


async def test_session_of_another_browser_is_not_found(short: Installation) -> None:
    await log_in(short.browser())
    assert answer(await again(short.browser(), prompt="none"))["error"] == "login_required"


async def test_session_of_one_service_is_nothing_to_another(short: Installation) -> None:
    """No single sign-on: two services cannot join a citizen through us (design.md §3 invariant 5)."""
    browser = short.browser()
    await log_in(browser)
    assert answer(await again(browser, client_id="other", prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize("prompt", ["login", "select_account"])
async def test_prompt_login_identifies_anew(short: Installation, prompt: str) -> None:
    """oidcc-prompt-login: a session does not replace what the service asked for; auth_time moves."""
    browser = short.browser()
    first = await log_in(browser)
    short.clock.forward(seconds=5)
    response = await again(browser, prompt=prompt)
    assert response.headers["location"].startswith("/login/")
    second = await log_in(browser, prompt=prompt)
    assert second["auth_time"] > first["auth_time"]


async def test_prompt_consent_shows_the_release_without_a_new_identification(short: Installation) -> None:
    browser = short.browser()
    await log_in(browser)
    response = await again(browser, prompt="consent")
    assert response.headers["location"].endswith("/release")
    page = await browser.get(response.headers["location"])
    assert page.status_code == 200
    released = query_of(await browser.release(response.headers["location"].removesuffix("/release")))
    assert "code" in released
    assert short.source.finished == 1


async def test_page_that_waits_for_consent_ends_with_the_session(short: Installation) -> None:
    """docs/adr/0012: counted from the identification; else another fifteen minutes could follow the ten."""
    browser = short.browser()
    await log_in(browser)
    short.clock.forward(seconds=590)
    location = (await again(browser, prompt="consent")).headers["location"]
    assert (await browser.get(location)).status_code == 200
    short.clock.forward(seconds=11)
    assert (await browser.release(location.removesuffix("/release"))).status_code == 410
    assert short.events().count("DataReleased") == 1


@pytest.mark.parametrize(("max_age", "fresh"), [("10000", True), ("1", False), ("0", False)])
async def test_max_age_decides_whether_the_session_is_young_enough(
    short: Installation, max_age: str, fresh: bool
) -> None:
    """oidcc-max-age-1, oidcc-max-age-10000."""
    browser = short.browser()
    await log_in(browser)
    short.clock.forward(seconds=2)
    response = await again(browser, max_age=max_age)
    assert response.headers["location"].startswith(CALLBACK) is fresh


async def test_id_token_hint_of_the_same_person_is_answered(short: Installation) -> None:
    """oidcc-id-token-hint."""
    browser = short.browser()
    answered = query_of(await browser.release(await browser.identified()))
    hint = (await browser.redeem(answered["code"])).json()["id_token"]
    assert "code" in answer(await again(browser, prompt="none", id_token_hint=hint))


async def test_session_ends_with_its_time_and_never_prolongs_itself(short: Installation) -> None:
    """Counted from the identification, also when the release page was shown in between."""
    browser = short.browser()
    await log_in(browser)
    short.clock.forward(seconds=400)
    response = await again(browser, prompt="consent")
    await browser.release(response.headers["location"].removesuffix("/release"))
    short.clock.forward(seconds=210)
    assert answer(await again(browser, prompt="none"))["error"] == "login_required"


async def test_request_for_more_data_needs_the_citizen(short: Installation) -> None:
    """What was never asked of the source, or never released, is not given from a session."""
    browser = short.browser()
    await log_in(browser)
    wanted = '{"userinfo": {"phone_number": null}}'
    assert answer(await again(browser, prompt="none", claims=wanted))["error"] == "login_required"


async def test_no_session_at_level_high(short: Installation) -> None:
    """oidc.md §2.1: off for high, whatever the registration says."""
    short.source.identity_changes = {}
    browser = short.browser()
    claims = await log_in(browser)
    assert "sid" not in claims
    assert not [name for name in browser.jar if "session" in name]
    assert answer(await again(browser, prompt="none"))["error"] == "login_required"


async def test_no_session_without_a_policy(installation: Installation) -> None:
    browser = installation.browser()
    installation.source.identity_changes = {"level": LevelOfAssurance.SUBSTANTIAL}
    assert "sid" not in await log_in(browser)
    assert answer(await again(browser, prompt="none"))["error"] == "login_required"


async def test_session_below_the_level_of_a_request_does_not_answer_it(short: Installation) -> None:
    """Step-up (RFC 9470): the citizen identifies anew, at the level asked for."""
    browser = short.browser()
    await log_in(browser)
    wanted = '{"id_token": {"acr": {"essential": true, "value": "http://eidas.europa.eu/LoA/high"}}}'
    response = await again(browser, claims=wanted)
    assert response.headers["location"].startswith("/login/")
    assert answer(await again(browser, claims=wanted, prompt="none"))["error"] == "login_required"


async def test_store_holds_no_identity_in_the_clear(short: Installation) -> None:
    """design.md §3 invariant 4: a session is sealed as a journey is."""
    browser = short.browser()
    await log_in(browser)
    (cookie,) = [value for name, (value, _) in browser.jar.items() if "session" in name]
    assert cookie not in short.log_text()


async def test_session_of_another_country_does_not_answer_a_request_that_names_one(
    short: Installation,
) -> None:
    """A hint of the country counts as one of the means does: whoever has two eIDs is asked for the other."""
    browser = short.browser()
    await log_in(browser)
    assert "code" in answer(await again(browser, prompt="none", login_hint="eidas:country:gr"))
    named = await again(browser, login_hint="eidas:country:se")
    assert urlsplit(named.headers["location"]).path.startswith("/login/")


@pytest.mark.parametrize(
    ("changes", "usable"), [(None, False), ({"reason": "down"}, True), ({"reason": "level"}, False)]
)
async def test_session_ends_when_its_country_is_offered_no_more(
    short: Installation, changes: dict[str, str] | None, usable: bool
) -> None:
    """Suspended countries answer nothing more, neither directly nor from memory; a pause of their node ends nothing."""
    browser = short.browser()
    await log_in(browser)
    option = short.source.options_given.pop("GR")
    if changes is not None:
        short.source.options_given["GR"] = replace(option, available=False, **changes)
    answered = answer(await again(browser, prompt="none"))
    assert ("code" in answered, answered.get("error")) == (usable, None if usable else "login_required")


@pytest.mark.parametrize(
    "changed",
    [
        {"persons": ("legal",), "required": ("legal_name",), "optional": ()},
        {"representation": "require"},
        {"minimum_level": "high"},
        {"session_seconds": 0},
        {"operator": {"de": "Jemand anderes"}},
        {"purpose": {"de": "Werbung"}},
        {},
    ],
)
async def test_session_follows_the_registration_of_today(
    short: Installation, tmp_path: Path, address: StoreAddress, changed: dict[str, object]
) -> None:
    """What the service may no longer be told when somebody logs in, it is not told from a session either."""
    browser = short.browser()
    await log_in(browser)
    before: dict[str, object] = {"session_seconds": 600, "optional": ("date_of_birth", "phone_number")}
    restarted = install(tmp_path, address, client(**{**before, **changed}), database="later.sqlite3")
    later = restarted.browser()
    later.jar = browser.jar
    answered = answer(await again(later, prompt="none"))
    await restarted.application.stop()
    assert ("code" in answered) is not bool(changed)
