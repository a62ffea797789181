"""A login, step by step, as the citizen meets it (style.md §4, ux.md §4 to §6)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.contract import Option
from gateway.client_settings import Client
from gateway.store import StoreAddress
from tests.login.fake_source import FAMILY_NAME, IDENTIFIER
from tests.login.installation import CALLBACK, NODE, Installation, client, install, query_of, target_of

pytestmark = pytest.mark.anyio
Install = Callable[..., Installation]


@pytest.fixture
async def installing(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Install]:
    running: list[Installation] = []

    def make(*clients: Client) -> Installation:
        made = install(tmp_path, address, *clients)
        running.append(made)
        return made

    yield make
    for made in running:
        await made.application.stop()


async def test_a_citizen_chooses_identifies_releases_and_the_service_redeems(
    installation: Installation,
) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    choice = await browser.get(journey)
    assert choice.status_code == 200
    assert 'value="GR"' in choice.text
    relay = await browser.begin(journey)
    answer = await browser.answer(relay)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{journey}/release")
    overview = await browser.get(f"{journey}/release")
    assert FAMILY_NAME in overview.text
    response = await browser.release(journey, "date_of_birth")
    parameters = query_of(response)
    assert parameters["state"] == "st"
    assert parameters["iss"] == installation.issuer
    tokens = await browser.redeem(parameters["code"])
    assert tokens.status_code == 200, tokens.text
    bearer = {"authorization": f"Bearer {tokens.json()['access_token']}"}
    claims = (await browser.get("/userinfo", headers=bearer)).json()
    assert claims["family_name"] == FAMILY_NAME
    assert claims["birthdate"] == "1964-12-31"
    assert "eidas_birth_name" not in claims


async def test_optional_data_are_not_ticked_and_stay_here_unless_ticked(installation: Installation) -> None:
    """ux.md §5: no pre-ticked optional data."""
    browser = installation.browser()
    journey = await browser.identified()
    overview = await browser.get(f"{journey}/release")
    assert 'value="date_of_birth"' in overview.text
    assert "checked" not in overview.text
    code = query_of(await browser.release(journey))["code"]
    token = (await browser.redeem(code)).json()["access_token"]
    claims = (await browser.get("/userinfo", headers={"authorization": f"Bearer {token}"})).json()
    assert "birthdate" not in claims
    assert claims["given_name"] == "Alexandros"


async def test_a_box_that_was_not_on_the_page_releases_nothing(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.identified()
    code = query_of(await browser.release(journey, "identifier", "address", "representative.family_name"))[
        "code"
    ]
    token = (await browser.redeem(code)).json()["access_token"]
    claims = (await browser.get("/userinfo", headers={"authorization": f"Bearer {token}"})).json()
    assert not {"address", "representative", "eidas_identifier"} & claims.keys()


async def test_refusing_to_release_is_access_denied_of_its_own_kind(installation: Installation) -> None:
    """ux.md §6: refusal and cancellation are access_denied with distinct descriptions."""
    browser = installation.browser()
    journey = await browser.identified()
    response = await browser.post(f"{journey}/release", {"decision": "refuse"})
    refused = query_of(response)
    assert refused["error"] == "access_denied"
    assert "journey.refused" in refused["error_description"]
    assert "code" not in refused


async def test_cancelling_is_access_denied_of_another_kind(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    cancelled = query_of(await browser.post(f"{journey}/cancel", {}))
    assert (cancelled["error"], cancelled["state"]) == ("access_denied", "st")
    assert "journey.cancelled" in cancelled["error_description"]


async def test_a_country_in_the_request_skips_the_page_and_change_shows_it(
    installation: Installation,
) -> None:
    """ux.md §4 rule 11."""
    browser = installation.browser()
    journey = await browser.authorize(login_hint="eidas:country:el")
    response = await browser.get(journey)
    assert target_of(response).startswith(f"{NODE}/sso")
    assert installation.source.begun[0].country == "GR"
    assert f"{journey}?choose=1" in response.text
    assert 'value="SE"' in (await browser.get(f"{journey}?choose=1")).text


async def test_the_only_possible_way_skips_the_page(installation: Installation) -> None:
    installation.source.options_given.pop("SE")
    browser = installation.browser()
    journey = await browser.authorize()
    assert target_of(await browser.get(journey)).startswith(NODE)


async def test_select_account_always_shows_the_page(installation: Installation) -> None:
    """oidc.md §2.1: for a broker, show the choice again."""
    installation.source.options_given.pop("SE")
    browser = installation.browser()
    journey = await browser.authorize(prompt="select_account")
    assert 'value="GR"' in (await browser.get(journey)).text
    assert not installation.source.begun


async def test_a_country_that_cannot_reach_the_level_is_shown_and_not_startable(
    installation: Installation,
) -> None:
    """ux.md §4 rule 7: never log in abroad to learn that the level was too low."""
    installation.source.options_given["PT"] = Option(
        connector="eidas", country="PT", available=False, reason="level", highest=LevelOfAssurance.LOW
    )
    browser = installation.browser()
    journey = await browser.authorize()
    assert "disabled" in (await browser.get(journey)).text
    response = await browser.post(f"{journey}/start", {"country": "PT"})
    assert response.status_code == 400
    assert "2102" in response.text
    assert not installation.source.begun


async def test_who_gives_up_after_a_choice_that_cannot_be_gone_leaves_with_its_reason(
    installation: Installation,
) -> None:
    """ux.md §6: level not reachable is unmet_authentication_requirements, not a cancellation."""
    installation.source.options_given["PT"] = Option(
        connector="eidas", country="PT", available=False, reason="level", highest=LevelOfAssurance.LOW
    )
    browser = installation.browser()
    journey = await browser.authorize()
    await browser.post(f"{journey}/start", {"country": "PT"})
    back = await browser.post(f"{journey}/cancel", {})
    assert back.status_code == 200
    assert "error=unmet_authentication_requirements" in back.text


async def test_nothing_available_is_told_and_goes_back_as_unmet_requirements(
    installation: Installation,
) -> None:
    for code in ("GR", "SE"):
        installation.source.options_given[code] = Option(
            connector="eidas", country=code, available=False, reason="level"
        )
    browser = installation.browser()
    journey = await browser.authorize()
    response = await browser.get(journey)
    assert response.status_code == 400
    assert "2101" in response.text


async def test_an_unknown_country_begins_nothing(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    for country in ("XX", "", "GRR", "../"):
        response = await browser.post(f"{journey}/start", {"country": country})
        assert response.status_code == 400
    assert not installation.source.begun


async def test_the_code_of_the_eu_institutions_is_accepted_for_greece(installation: Installation) -> None:
    """ux.md §4 rule 5: inside ISO, both on input."""
    browser = installation.browser()
    await browser.begin(await browser.authorize(), country="EL")
    assert installation.source.begun[0].country == "GR"


async def test_a_peer_that_is_out_is_an_error_page_with_the_way_back(installation: Installation) -> None:
    installation.source.options_given["PL"] = Option(connector="eidas", country="PL", available=True)
    browser = installation.browser()
    journey = await browser.authorize()
    response = await browser.post(f"{journey}/start", {"country": "PL"})
    assert response.status_code == 503
    assert "3002" in response.text
    assert f'action="{journey}/cancel"' in response.text


async def test_a_form_hand_over_has_a_button_and_the_fields(installation: Installation) -> None:
    """ux.md §9: complete without script."""
    installation.source.form = True
    browser = installation.browser()
    journey = await browser.authorize()
    response = await browser.post(f"{journey}/start", {"country": "GR"})
    assert f'action="{NODE}/sso"' in response.text
    assert 'name="SAMLRequest"' in response.text
    assert "<button" in response.text


async def test_no_form_of_ours_is_answered_by_a_redirect_to_another_origin(
    installation: Installation,
) -> None:
    """ux.md §9: form-action blocks such redirects in Chromium, with and without script."""
    browser = installation.browser()
    journey = await browser.authorize()
    started = await browser.post(f"{journey}/start", {"country": "GR"})
    assert (started.status_code, "location" in started.headers) == (200, False)
    relay = dict(part.split("=") for part in target_of(started).partition("?")[2].split("&"))["RelayState"]
    await browser.answer(relay)
    released = await browser.release(journey)
    assert (released.status_code, "location" in released.headers) == (200, False)
    assert target_of(released).startswith(CALLBACK)


async def test_both_kinds_of_person_are_offered_and_one_is_chosen(installing: Install) -> None:
    both = installing(client(persons=("natural", "legal"), required=("family_name", "legal_name")))
    browser = both.browser()
    journey = await browser.authorize(scope="openid")
    page = (await browser.get(journey)).text
    assert "person=legal" in page
    without = await browser.post(f"{journey}/start", {"country": "GR"})
    assert without.status_code == 400
    await browser.post(f"{journey}/start", {"country": "GR", "person": "legal"})
    asked = both.source.begun[0]
    assert [kind.value for kind in asked.persons] == ["legal"]
    assert asked.required == {"legal_name"}


async def test_a_language_link_holds_for_the_rest_of_the_journey(installation: Installation) -> None:
    """ux.md §7: the click counts more than ui_locales, and keeps the journey."""
    browser = installation.browser()
    journey = await browser.authorize(ui_locales="de")
    assert '<html lang="de"' in (await browser.get(journey)).text
    assert '<html lang="en"' in (await browser.get(f"{journey}?lang=en")).text
    assert '<html lang="en"' in (await browser.get(journey)).text
    assert (await browser.get(f"{journey}?lang=%22%3E%3Cscript%3E")).status_code == 200


async def test_a_failure_is_shown_and_another_way_may_succeed(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    failed = await browser.answer(await browser.begin(journey), answer="cancelled")
    assert (failed.status_code, failed.headers["location"]) == (303, f"{journey}/failed")
    page = await browser.get(f"{journey}/failed")
    assert "3003" in page.text
    assert f"{journey}?choose=1" in page.text
    answer = await browser.answer(await browser.begin(journey, "SE"))
    assert answer.headers["location"] == f"{journey}/release"


async def test_a_failure_reaches_the_client_with_its_own_description(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    await browser.answer(await browser.begin(journey), answer="low")
    page = await browser.get(f"{journey}/failed")
    assert "3006" in page.text
    told = query_of(await browser.post(f"{journey}/cancel", {}))
    assert told["error"] == "unmet_authentication_requirements"
    assert "eidas.level_too_low" in told["error_description"]


async def test_what_identifies_a_citizen_is_nowhere_but_on_the_release_page(
    installation: Installation, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """design.md §3 invariant 4; eidas.md §13 number 19: not in URLs, cookies, logs or the audit log."""
    browser = installation.browser()
    journey = await browser.identified()
    await browser.get(f"{journey}/release")
    response = await browser.release(journey)
    seen = [
        target_of(response),
        *browser.set_cookies,
        installation.log_text(),
        caplog.text,
        *capsys.readouterr(),
    ]
    for text in seen:
        assert FAMILY_NAME not in text
        assert IDENTIFIER not in text
        assert "1964" not in text


async def test_every_step_left_its_event(installation: Installation) -> None:
    """style.md §4 step 10; eidas.md §13 number 19."""
    browser = installation.browser()
    journey = await browser.identified()
    await browser.redeem(query_of(await browser.release(journey))["code"])
    assert installation.events() == [
        "JourneyOpened",
        "ExchangeStarted",
        "IdentityAccepted",
        "DataReleased",
        "TokenIssued",
    ]
    assert installation.application.log.verify() == 5


async def test_the_log_names_node_and_messages_date_and_time(installation: Installation) -> None:
    """(EU) 2015/1501 Article 9(3); eidas.md §13 number 19: what a node must be able to reconstruct."""
    browser = installation.browser()
    await browser.identified()
    entries = {entry.event: entry for entry in installation.application.log.entries()}
    sent, taken = (json.loads(entries[name].body) for name in ("ExchangeStarted", "IdentityAccepted"))
    assert sent["peer"] == taken["peer"] != ""
    assert sent["message_id"] == taken["request_id"] != ""
    assert taken["message_id"] not in {"", taken["request_id"]}
    assert entries["ExchangeStarted"].time <= entries["IdentityAccepted"].time
