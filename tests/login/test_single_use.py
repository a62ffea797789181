"""An answer works once, and only in the browser that waits for it (security.md A.13, A.18; invariants 3, 8)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from secrets import token_bytes

import pytest

from connectors.assurance import LevelOfAssurance
from gateway.store import BearerSecret
from tests.login.fake_source import FAMILY_NAME, identity
from tests.login.installation import Installation, query_of

pytestmark = pytest.mark.anyio


async def test_of_two_simultaneous_posts_of_one_answer_exactly_one_logs_in(
    installation: Installation,
) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    relay = await browser.begin(journey)
    answers = await asyncio.gather(*(browser.answer(relay) for _ in range(5)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [303, 410, 410, 410, 410]
    assert installation.source.finished == 1
    assert installation.events().count("IdentityAccepted") == 1


async def test_an_answer_is_refused_in_another_browser_and_nothing_is_consumed(
    installation: Installation,
) -> None:
    """Login CSRF and stolen responses: refused also when everything else is right."""
    victim, attacker = installation.browser(), installation.browser()
    journey = await victim.authorize()
    relay = await victim.begin(journey)
    await attacker.authorize()
    refused = await attacker.answer(relay)
    assert refused.status_code == 403
    assert "2006" in refused.text
    assert FAMILY_NAME not in refused.text
    assert installation.source.finished == 0
    assert (await victim.answer(relay)).headers["location"] == f"{journey}/release"


async def test_the_flow_cookie_of_another_journey_does_not_help(installation: Installation) -> None:
    browser = installation.browser()
    one, two = await browser.authorize(), await browser.authorize()
    relay_one, relay_two = await browser.begin(one), await browser.begin(two)
    names = {name.rpartition("-")[2]: name for name in browser.jar if "flow" in name}
    swapped = browser.jar[names[two.rpartition("/")[2]]]
    browser.jar[names[one.rpartition("/")[2]]] = swapped
    assert (await browser.answer(relay_one)).status_code == 403
    assert (await browser.answer(relay_two)).status_code == 303


async def test_the_answer_to_an_earlier_exchange_consumes_nothing(installation: Installation) -> None:
    """Back button, another country: the newest exchange counts."""
    browser = installation.browser()
    journey = await browser.authorize()
    first, second = await browser.begin(journey, "GR"), await browser.begin(journey, "SE")
    late = await browser.answer(first)
    assert late.status_code == 410
    assert installation.source.finished == 0
    assert (await browser.answer(second)).headers["location"] == f"{journey}/release"


async def test_a_statement_that_was_used_is_refused_in_a_new_journey(installation: Installation) -> None:
    """Same Assertion in a new Response (A.13). Outside it looks like any other invalid answer."""
    browser = installation.browser()
    first = await browser.authorize()
    await browser.answer(await browser.begin(first), assertion="_same")
    second = await browser.authorize()
    replayed = await browser.answer(await browser.begin(second), assertion="_same")
    assert replayed.headers["location"] == f"{second}/failed"
    page = await browser.get(f"{second}/failed")
    assert "3009" in page.text
    assert (await browser.get(f"{second}/release")).headers["location"] == second
    assert '"reason":"replay"' in installation.log_text()


async def test_a_forged_answer_and_a_replayed_one_look_the_same(installation: Installation) -> None:
    """security.md A.11: one face to the browser."""
    browser = installation.browser()
    pages = []
    for fields in ({"answer": "forged"}, {"assertion": "_again"}, {"assertion": "_again"}):
        journey = await browser.authorize()
        await browser.answer(await browser.begin(journey), **fields)
        page = await browser.get(f"{journey}/failed")
        if page.status_code != 303:
            number = journey.rpartition("/")[2]
            pages.append(page.text.replace(number, "").replace(f"{number[:5]}-{number[5:]}", ""))
    assert len(pages) == 2
    assert "signature" not in pages[0]
    without_times = [[line for line in page.splitlines() if "<time" not in line] for page in pages]
    assert without_times[0] == without_times[1]


async def test_the_secret_changes_with_the_login_and_the_old_one_is_dead(installation: Installation) -> None:
    """security.md A.18: no session fixation."""
    browser, fixed = installation.browser(), installation.browser()
    journey = await browser.authorize()
    name = next(name for name in browser.jar if "journey" in name)
    before = browser.jar[name]
    await browser.answer(await browser.begin(journey))
    assert browser.jar[name] != before
    fixed.jar[name] = before
    stale = await fixed.get(f"{journey}/release")
    assert stale.status_code == 403
    assert FAMILY_NAME not in stale.text
    assert FAMILY_NAME in (await browser.get(f"{journey}/release")).text


async def test_the_journey_page_opens_in_no_other_browser(installation: Installation) -> None:
    own = installation.browser()
    journey = await own.identified()
    stranger = installation.browser()
    number = journey.rpartition("/")[2]
    stranger.jar[f"__Host-journey-{number}"] = (BearerSecret.new(number, token_bytes).text, "lax")
    for path in (journey, f"{journey}/release", f"{journey}/failed"):
        response = await stranger.get(path)
        assert response.status_code == 403
        assert FAMILY_NAME not in response.text
    for step in ("start", "release", "cancel"):
        form = {"decision": "release"} if step == "release" else {}
        assert (await stranger.post(f"{journey}/{step}", form)).status_code in {403, 410}
    assert "code" in query_of(await own.release(journey))


async def test_the_release_works_once(installation: Installation) -> None:
    """Back button and double click: exactly one code."""
    browser = installation.browser()
    journey = await browser.identified()
    cookie = dict(browser.jar)
    responses = []
    for _ in range(2):
        browser.jar = dict(cookie)
        responses.append(browser.release(journey))
    statuses = sorted(response.status_code for response in await asyncio.gather(*responses))
    assert statuses == [200, 410]
    assert installation.events().count("DataReleased") <= 1


async def test_a_finished_journey_says_so(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.identified()
    await browser.release(journey)
    response = await browser.get(f"{journey}/release")
    assert response.status_code == 410
    assert 'href="https://service.example/"' in response.text
    installation.clock.forward(seconds=1000)
    later = await browser.get(f"{journey}/release")
    assert later.status_code == 410
    assert "abgelaufen" not in later.text
    assert "Es wurden keine Daten übermittelt" not in later.text, "after the deadline that would be a lie"


async def test_nothing_is_released_before_identification(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    assert (await browser.get(f"{journey}/release")).headers["location"] == journey
    response = await browser.release(journey)
    assert response.status_code == 410
    assert "code=" not in response.text


async def test_a_cancelled_journey_takes_no_late_answer(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    relay = await browser.begin(journey)
    cookies = dict(browser.jar)
    await browser.post(f"{journey}/cancel", {})
    browser.jar = cookies
    late = await browser.answer(relay)
    assert late.status_code == 410
    assert (await browser.get(f"{journey}/release")).status_code == 410


@pytest.mark.parametrize("reached", ["open", "exchange", "identified"])
async def test_the_deadline_ends_a_journey_at_every_step(installation: Installation, reached: str) -> None:
    """oidc.md §10.5: 15 minutes from the request, whatever was done meanwhile."""
    browser = installation.browser()
    journey = await browser.authorize()
    relay = await browser.begin(journey) if reached != "open" else ""
    if reached == "identified":
        await browser.answer(relay)
    installation.clock.forward(minutes=15)
    late = [await browser.get(journey)]
    if reached == "exchange":
        late.append(await browser.answer(relay))
    if reached == "identified":
        late += [await browser.get(f"{journey}/release"), await browser.release(journey)]
    for response in late:
        assert response.status_code == 410
        assert FAMILY_NAME not in response.text
    assert f'action="{journey}/cancel"' in late[0].text
    told = query_of(await browser.post(f"{journey}/cancel", {}))
    assert told["error"] == "access_denied"
    assert "journey.timed_out" in told["error_description"]
    assert told["state"] == "st"
    afterwards = await browser.post(f"{journey}/cancel", {})
    assert afterwards.status_code == 410
    assert "https://service.example/" in afterwards.text


@pytest.mark.parametrize(
    "relay",
    [
        "",
        "https://evil.example/",
        "//evil.example",
        "javascript:alert(1)",
        "0123456789",
        "0123456789.",
        "0123456789." + "A" * 21,
        "../" * 11,
    ],
)
async def test_a_foreign_relay_state_is_data_and_no_address(installation: Installation, relay: str) -> None:
    """security.md A.18: never followed."""
    response = await installation.browser().answer(relay)
    assert response.status_code in {400, 403}
    assert "location" not in response.headers
    assert "evil" not in response.text


async def test_a_form_that_another_site_sends_does_nothing(installation: Installation) -> None:
    """CSRF: neither the Lax cookie nor Fetch Metadata let it through."""
    browser = installation.browser()
    journey = await browser.identified()
    crossed = await browser.post(f"{journey}/release", {"decision": "release"}, cross_site=True)
    assert crossed.status_code == 403
    told = await browser.post(
        f"{journey}/release", {"decision": "release"}, headers={"sec-fetch-site": "cross-site"}
    )
    assert told.status_code == 403
    for origin in ("https://evil.example", "https://id.example.evil.example", "https://[", "x"):
        neighbour = await browser.post(
            f"{journey}/release", {"decision": "release"}, headers={"origin": origin}
        )
        assert neighbour.status_code == 403
    for origin in ("null", installation.issuer):
        wrong = await browser.post(f"{journey}/release", {}, headers={"origin": origin})
        assert wrong.status_code == 400, "our own pages may send either; only the form is wrong"
    assert "code" in query_of(await browser.release(journey))


@pytest.mark.parametrize(
    "changes",
    [
        {"level": LevelOfAssurance.LOW},
        {"notified": False},
        {"connector": "other"},
        {"representative": True},
    ],
)
async def test_the_gateway_checks_again_what_a_connector_let_through(
    installation: Installation, changes: dict[str, object]
) -> None:
    """design.md §3 invariant 2: a level leaving is never below the policy, whatever the adapter says."""
    if "representative" in changes:
        changes = {"representative": identity(installation.clock()).subject}
    installation.source.identity_changes = changes
    browser = installation.browser()
    acr = '{"id_token":{"acr":{"essential":true,"values":["http://eidas.europa.eu/LoA/substantial"]}}}'
    journey = await browser.authorize(claims=acr)
    answer = await browser.answer(await browser.begin(journey))
    assert answer.headers["location"] == f"{journey}/failed"
    assert "IdentityAccepted" not in installation.events()


async def test_an_answer_for_another_connector_is_refused(installation: Installation) -> None:
    browser = installation.browser()
    relay = await browser.begin(await browser.authorize())
    other = await browser.post("/connectors/other/acs", {"RelayState": relay}, cross_site=True)
    assert other.status_code == 404


async def test_records_of_the_store_do_not_open_with_what_the_server_knows(
    installation: Installation,
) -> None:
    """design.md §2 row 3: cookies are needed; the journey number alone opens nothing."""
    journey = await installation.browser().identified()
    number = journey.rpartition("/")[2]
    guess = replace(BearerSecret.new(number, token_bytes), text=f"{number}." + "A" * 43)
    assert await installation.application.store.read(guess, "journey") is None
