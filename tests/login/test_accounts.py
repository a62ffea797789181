"""A login through a user account, as the citizen meets it (issue 3; bundid.md §1.6, §1.11 to §1.14, §3)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.identity import AccountFacts, Attested, Name, NaturalPerson
from gateway.client_settings import Client
from gateway.errors import CATALOGUE
from gateway.login.session_limits import SESSION_LIMITS
from gateway.store import StoreAddress
from tests.login.fake_account import ACTING, BPK2, FAILURES, MAILBOX
from tests.login.installation import CALLBACK, Installation, client, install, query_of

pytestmark = pytest.mark.anyio
Install = Callable[..., Installation]
ACCOUNTS = {"bundid": {"display_name": "Amt24: Antrag", "online_service_id": "BMI-X0815"}, "muk": {}}
PORTAL = client(
    means=("bundid", "muk", "eidas"),
    persons=("natural", "legal"),
    required=("family_name", "legal_name"),
    optional=(),
    accounts=ACCOUNTS,
    account_facts=("mailbox_handle", "acting_person"),
)
CITIZENS = client(means=("bundid", "eidas"), accounts={"bundid": ACCOUNTS["bundid"]})


@pytest.fixture
async def installing(tmp_path: Path, address: StoreAddress) -> AsyncIterator[Install]:
    running: list[Installation] = []

    def make(*clients: Client) -> Installation:
        made = install(tmp_path, address, *clients, accounts=("bundid", "muk"))
        running.append(made)
        return made

    yield make
    for made in running:
        await made.application.stop()


@pytest.fixture
def portal(installing: Install) -> Installation:
    return installing(PORTAL)


# ------------------------------------------------------------------------------------ choice


async def test_citizens_choose_between_their_account_and_the_eu_as_equals(portal: Installation) -> None:
    """ux.md §3, §4.8: BundID by name with the means it takes, the EU beside it, no company account."""
    browser = portal.browser()
    page = (await browser.get(await browser.authorize())).text
    assert 'name="means" value="bundid"' in page
    assert 'name="means" value="eidas"' in page
    assert 'value="muk"' not in page
    for words in ("BundID", "Online-Ausweis", "ELSTER-Zertifikat", "Benutzername und Passwort"):
        assert words in page


async def test_companies_get_the_company_account_and_no_citizens_account(portal: Installation) -> None:
    """bundid.md §1, §3: BundID knows natural persons only, MUK organisations only."""
    browser = portal.browser()
    journey = await browser.authorize()
    page = (await browser.get(f"{journey}?person=legal&choose=1")).text
    assert "Mein Unternehmenskonto" in page
    assert 'value="bundid"' not in page


async def test_company_account_does_not_identify_a_citizen(portal: Installation) -> None:
    """The form is checked again: what the page hides cannot be posted either."""
    browser = portal.browser()
    journey = await browser.authorize()
    response = await browser.post(f"{journey}/start", {"means": "muk", "person": "natural"})
    assert response.status_code == 400
    assert portal.accounts["muk"].begun == []


@pytest.mark.parametrize("hint", ["DE", "de", "means:bundid"])
async def test_german_hint_leads_to_the_account(installing: Install, hint: str) -> None:
    """ux.md §4.8: Germany is not in the EU list."""
    running = installing(CITIZENS)
    browser = running.browser()
    journey = await browser.authorize(login_hint=hint)
    page = await browser.get(journey)
    assert len(running.accounts["bundid"].begun) == 1
    assert "BundID" in page.text


async def test_account_learns_the_services_own_name_and_number(installing: Install) -> None:
    """bundid.md §1.6: set per service, not once per gateway."""
    running = installing(CITIZENS)
    browser = running.browser()
    await browser.begin_account(await browser.authorize())
    (asked,) = running.accounts["bundid"].begun
    assert asked.service.presentation["bundid"] == ACCOUNTS["bundid"]
    assert asked.account_facts == frozenset()


async def test_hand_over_names_the_account(installing: Install) -> None:
    """ux.md §6: where the citizen goes and that it leads back."""
    browser = installing(CITIZENS).browser()
    journey = await browser.authorize()
    page = (await browser.post(f"{journey}/start", {"means": "bundid"})).text
    assert "BundID" in page
    assert "Danach kommen Sie hierher zurück" in page
    english = (await browser.get(f"{journey}?lang=en&choose=1")).text
    assert "user name and password" in english


# ---------------------------------------------------------------------------------- a login


async def test_login_through_bundid_gives_claims_and_no_identifier(portal: Installation) -> None:
    """bundid.md §1.12: bPK2 becomes ``sub`` and appears nowhere else, not even in the audit log."""
    browser = portal.browser()
    journey = await browser.authorize(login_hint="person:natural")
    relay = await browser.begin_account(journey)
    answer = await browser.answer(relay, "bundid")
    assert answer.headers["location"] == f"{journey}/release"
    overview = (await browser.get(f"{journey}/release")).text
    assert MAILBOX in overview  # seen before it leaves
    assert "nicht geprüft" in overview  # a login at high does not vouch for the mailbox
    assert "Nutzerkonto BundID" in overview
    tokens = await browser.redeem(query_of(await browser.release(journey))["code"])
    bearer = {"authorization": f"Bearer {tokens.json()['access_token']}"}
    claims = (await browser.get("/userinfo", headers=bearer)).json()
    assert claims["account"] == {"guest": False, "mailbox_handle": MAILBOX}
    assert BPK2 not in overview + json.dumps(claims) + tokens.text + portal.log_text()
    assert '"proved_by":"eID"' in portal.log_text().replace(" ", "")
    assert MAILBOX not in portal.log_text()


async def test_acting_person_of_a_company_is_shown_apart_and_not_as_representative(
    portal: Installation,
) -> None:
    """bundid.md §3.2: not presented as an identified natural person."""
    acting = NaturalPerson(identifier=None, family_name=Attested(value=Name(latin=ACTING), level=None))
    account = portal.accounts["muk"]
    account.facts = AccountFacts(acting_person=acting)
    account.level = LevelOfAssurance.SUBSTANTIAL
    browser = portal.browser()
    journey = await browser.authorize(login_hint="person:legal")
    relay = await browser.begin_account(journey, "muk")
    await browser.answer(relay, "muk")
    overview = (await browser.get(f"{journey}/release")).text
    assert "nicht ausgewiesen" in overview
    assert ACTING in overview
    assert "Vertreten durch" not in overview
    tokens = await browser.redeem(query_of(await browser.release(journey))["code"])
    bearer = {"authorization": f"Bearer {tokens.json()['access_token']}"}
    claims = (await browser.get("/userinfo", headers=bearer)).json()
    assert claims["account"]["acting_person"] == {"identified": False, "family_name": ACTING}
    assert "representative" not in claims


async def test_every_service_asks_the_account_again(installing: Install) -> None:
    """bundid.md §1.14: no single sign-on; a second service of the same browser starts from nothing."""
    other = client(
        client_id="other",
        redirect_uris=("https://other.example/callback",),
        means=("bundid",),
        accounts={"bundid": ACCOUNTS["bundid"]},
    )
    running = installing(CITIZENS, other)
    browser = running.browser()
    journey = await browser.authorize()
    await browser.answer(await browser.begin_account(journey), "bundid")
    await browser.release(journey)
    second = await browser.authorize(
        client_id="other", redirect_uri="https://other.example/callback", prompt="consent"
    )
    page = await browser.get(second)
    assert len(running.accounts["bundid"].begun) == 2
    assert (await browser.get(f"{second}/release")).headers["location"] == second
    assert page.status_code == 200


# --------------------------------------------------------------------------------- guest login


async def test_guest_login_is_refused_unless_the_service_registered_for_it(installing: Install) -> None:
    """bundid.md §1.11: the gateway checks again what the connector checked."""
    running = installing(CITIZENS)
    running.accounts["bundid"].facts = AccountFacts(guest=True, proved_by="eID")
    browser = running.browser()
    journey = await browser.authorize()
    response = await browser.answer(await browser.begin_account(journey), "bundid")
    assert response.headers["location"] == f"{journey}/failed"
    told = query_of(await browser.post(f"{journey}/cancel", {}))
    assert (told["error"], "account.guest" in told["error_description"]) == ("access_denied", True)


async def test_guest_login_gives_another_subject_every_time(installing: Install) -> None:
    """Issue 3: temporary login; ``sub`` says nothing beyond this login."""
    welcome = {"bundid": {**ACCOUNTS["bundid"], "guest": True}}
    running = installing(client(means=("bundid",), accounts=welcome))
    running.accounts["bundid"].facts = AccountFacts(guest=True, proved_by="eID")
    subjects = set()
    for _ in range(2):
        browser = running.browser()
        journey = await browser.authorize()
        await browser.answer(await browser.begin_account(journey), "bundid")
        tokens = await browser.redeem(query_of(await browser.release(journey))["code"])
        bearer = {"authorization": f"Bearer {tokens.json()['access_token']}"}
        claims = (await browser.get("/userinfo", headers=bearer)).json()
        assert claims["sub_stability"] == "transient"
        assert claims["account"]["guest"] is True
        subjects.add(claims["sub"])
    assert len(subjects) == 2
    assert running.accounts["bundid"].begun[0].service.presentation["bundid"]["guest"] == "true"


# ---------------------------------------------------------------------- back without an answer


GATEWAY_BACK = {"bundid": {**ACCOUNTS["bundid"], "back_url": "gateway"}}


async def test_back_at_the_account_leads_to_the_ways_on(installing: Install) -> None:
    """bundid.md §1.6: from BackURL no Response ever comes; the portal gets ``access_denied``."""
    running = installing(client(means=("bundid", "eidas"), accounts=GATEWAY_BACK))
    browser = running.browser()
    journey = await browser.authorize()
    await browser.begin_account(journey)
    address = running.accounts["bundid"].begun[0].service.presentation["bundid"]["back_url"]
    assert address == f"{running.issuer}{journey}/back"
    response = await browser.get(f"{journey}/back", cross_site=True)
    assert response.headers["location"] == f"{journey}/failed"
    page = await browser.get(f"{journey}/failed")
    assert "3102" in page.text
    assert "choose=1" in page.text
    told = query_of(await browser.post(f"{journey}/cancel", {}))
    assert told["error"] == "access_denied"
    assert "account.returned" in told["error_description"]
    assert told["state"] == "st"


async def test_answer_still_counts_after_back(installing: Install) -> None:
    """Two windows: the one that finishes wins, nothing was consumed by a GET."""
    running = installing(client(means=("bundid", "eidas"), accounts=GATEWAY_BACK))
    browser = running.browser()
    journey = await browser.authorize()
    relay = await browser.begin_account(journey)
    await browser.get(f"{journey}/back")
    assert (await browser.answer(relay, "bundid")).headers["location"] == f"{journey}/release"


async def test_back_belongs_to_the_browser_that_began(installing: Install) -> None:
    """The address holds the public number only; without the cookie it opens nothing."""
    running = installing(client(means=("bundid", "eidas"), accounts=GATEWAY_BACK))
    browser = running.browser()
    journey = await browser.authorize()
    await browser.begin_account(journey)
    assert (await running.browser().get(f"{journey}/back")).status_code == 403
    assert (await browser.get(f"{journey}?choose=1")).status_code == 200


async def test_back_after_identification_changes_nothing(installing: Install) -> None:
    running = installing(client(means=("bundid", "eidas"), accounts=GATEWAY_BACK))
    browser = running.browser()
    journey = await browser.authorize()
    await browser.answer(await browser.begin_account(journey), "bundid")
    await browser.get(f"{journey}/back")
    assert (await browser.get(f"{journey}/release")).status_code == 200


async def test_citizen_who_never_came_back_in_time_can_still_tell_the_service(installing: Install) -> None:
    """Issue 3: the journey ends by deadline, the portal gets ``access_denied``, the citizen a way back."""
    running = installing(CITIZENS)
    browser = running.browser()
    journey = await browser.authorize()
    await browser.begin_account(journey)
    running.clock.forward(minutes=20)
    page = await browser.get(journey)
    assert page.status_code == 410
    assert f'action="{journey}/cancel"' in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]
    told = query_of(await browser.post(f"{journey}/cancel", {}))
    assert (told["error"], told["state"]) == ("access_denied", "st")
    assert "journey.timed_out" in told["error_description"]
    assert running.events()[-1] == "JourneyEnded"
    assert (await browser.post(f"{journey}/cancel", {})).status_code == 410


async def test_way_back_needs_the_cookie_of_the_journey(installing: Install) -> None:
    running = installing(CITIZENS)
    journey = await running.browser().authorize()
    running.clock.forward(minutes=20)
    stranger = await running.browser().post(f"{journey}/cancel", {})
    assert stranger.status_code == 410
    assert CALLBACK not in stranger.text


# ------------------------------------------------------------------------------- session limits


def test_session_limits_are_those_of_tr_03160_1() -> None:
    """bundid.md §1.14."""
    minutes = {
        level.word: (limit.total.total_seconds() / 60, limit.idle.total_seconds() / 60)
        for level, limit in SESSION_LIMITS.items()
    }
    assert minutes == {"high": (30, 5), "substantial": (120, 30), "low": (720, 60), "basic": (720, 60)}


async def test_login_at_high_waits_five_minutes_and_each_step_renews_that(installing: Install) -> None:
    """TR-03160-1: 5 minutes without activity at ``high``; then the service can still be told."""
    running = installing(CITIZENS)
    browser = running.browser()
    journey = await browser.authorize()
    await browser.answer(await browser.begin_account(journey), "bundid")
    running.clock.forward(minutes=4)
    page = await browser.get(f"{journey}/release")
    assert "Zeit verlängern" in page.text
    running.clock.forward(minutes=4)
    assert (await browser.get(f"{journey}/release")).status_code == 200
    running.clock.forward(minutes=5)
    late = await browser.release(journey)
    assert late.status_code == 410
    assert "code=" not in late.text
    told = query_of(await browser.post(f"{journey}/cancel", {}))
    assert "journey.timed_out" in told["error_description"]


async def test_deadline_of_the_journey_stays_the_last_word(installing: Install) -> None:
    running = installing(CITIZENS)
    running.accounts["bundid"].level = LevelOfAssurance.SUBSTANTIAL
    browser = running.browser()
    journey = await browser.authorize()
    await browser.answer(await browser.begin_account(journey), "bundid")
    running.clock.forward(minutes=14)
    page = await browser.get(f"{journey}/release")
    assert page.status_code == 200
    assert "Zeit verlängern" not in page.text
    running.clock.forward(minutes=1)
    assert (await browser.release(journey)).status_code == 410


# ------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("cancelled", "account.cancelled"),
        ("failed", "account.authentication_failed"),
        ("no-level", "account.authentication_failed"),
        ("level", "account.level_too_low"),
        ("required", "account.required_attributes"),
        ("missing", "account.required_attributes"),
        ("trust-level", "account.trust_level"),
        ("attribute-name", "account.attribute_name"),
        ("attribute-twice", "account.attribute_twice"),
        ("test-account", "account.test_account"),
        ("guest", "account.guest"),
        ("foreign", "account.foreign_request"),
        ("foreign-confirmation", "account.foreign_request"),
        ("forged", "account.invalid_answer"),
        ("encryption", "account.invalid_answer"),
        ("down", "account.peer_unavailable"),
        ("refused", "account.peer_refused"),
    ],
)
async def test_each_way_to_fail_has_its_entry(installing: Install, word: str, code: str) -> None:
    """Issue 3, Bad input: a page with the number, the entry for the client, the reason in the log only."""
    running = installing(CITIZENS)
    browser = running.browser()
    journey = await browser.authorize()
    relay = await browser.begin_account(journey)
    response = await browser.answer(relay, "bundid", answer=word)
    assert response.headers["location"] == f"{journey}/failed"
    page = await browser.get(f"{journey}/failed")
    assert CATALOGUE[code].number in page.text
    reason = FAILURES[word].reason
    assert reason in running.log_text()
    told = query_of(await browser.post(f"{journey}/cancel", {}))
    assert (told["error"], code in told["error_description"]) == (CATALOGUE[code].oidc_error, True)
    assert "code" not in told


async def test_level_is_checked_again_behind_the_connector(installing: Install) -> None:
    """Issue 3: a service that demands ``high`` never gets a substantial login (design.md invariant 2)."""
    strict = client(means=("bundid",), accounts={"bundid": ACCOUNTS["bundid"]}, minimum_level="high")
    running = installing(strict)
    running.accounts["bundid"].level = LevelOfAssurance.SUBSTANTIAL
    browser = running.browser()
    journey = await browser.authorize()
    response = await browser.answer(await browser.begin_account(journey), "bundid")
    assert response.headers["location"] == f"{journey}/failed"
    assert "substanziell" in (await browser.get(f"{journey}/failed")).text
    told = query_of(await browser.post(f"{journey}/cancel", {}))
    assert told["error"] == "unmet_authentication_requirements"


async def test_basic_registration_reaches_only_services_that_want_no_level(installing: Install) -> None:
    """bundid.md §4.1: STORK level 1 is below eIDAS low."""
    modest = client(
        client_id="modest",
        means=("bundid",),
        accounts={"bundid": ACCOUNTS["bundid"]},
        minimum_level="basic",
    )
    running = installing(CITIZENS, modest)
    running.accounts["bundid"].level = LevelOfAssurance.BASIC
    for client_id, step in (("amt24", "failed"), ("modest", "release")):
        browser = running.browser()
        journey = await browser.authorize(client_id=client_id)
        relay = await browser.begin_account(journey)
        assert (await browser.answer(relay, "bundid")).headers["location"] == f"{journey}/{step}"
        assert "Basisregistrierung" in (await browser.get(f"{journey}/{step}")).text


async def test_answer_for_another_portals_journey_is_refused(installing: Install) -> None:
    """Issue 3, Bad input: the RelayState names a journey that this browser does not wait for."""
    running = installing(CITIZENS)
    victim, attacker = running.browser(), running.browser()
    await victim.begin_account(await victim.authorize())
    relay = await attacker.begin_account(await attacker.authorize())
    response = await victim.answer(relay, "bundid")
    assert response.status_code == 403
    assert "2006" in response.text


async def test_answer_to_another_connector_consumes_nothing_believable(installing: Install) -> None:
    """security.md A.16: what BundID was asked, the EU node cannot answer."""
    running = installing(CITIZENS)
    browser = running.browser()
    relay = await browser.begin_account(await browser.authorize())
    response = await browser.answer(relay, "eidas")
    assert response.status_code == 400
    assert running.source.finished == 0


async def test_two_posts_of_one_answer_identify_once(installing: Install) -> None:
    """security.md A.13."""
    running = installing(CITIZENS)
    browser = running.browser()
    journey = await browser.authorize()
    relay = await browser.begin_account(journey)
    jar = dict(browser.jar)
    first = await browser.answer(relay, "bundid")
    browser.jar = jar
    second = await browser.answer(relay, "bundid")
    assert first.headers["location"] == f"{journey}/release"
    assert second.status_code == 410


async def test_account_of_a_returned_citizen_with_a_new_pseudonym_is_a_stranger(installing: Install) -> None:
    """bundid.md §1.11: deleted accounts come back with a new bPK2; a portal that names the old ``sub`` is
    told that somebody else logged in."""
    running = installing(CITIZENS)
    browser = running.browser()
    journey = await browser.authorize(claims=json.dumps({"id_token": {"sub": {"value": "the-old-subject"}}}))
    response = await browser.answer(await browser.begin_account(journey), "bundid")
    assert response.headers["location"] == f"{journey}/failed"
    told = query_of(await browser.post(f"{journey}/cancel", {}))
    assert told["error_description"].startswith(CATALOGUE["authorize.subject_mismatch"].number)


def test_every_entry_of_the_family_is_documented() -> None:
    """Family 31 with cause and remedy, and none of them names a person."""
    entries = [entry for entry in CATALOGUE if entry.number.startswith("31")]
    assert len(entries) == 15
    assert all(entry.documentation and entry.hint.startswith(f"{entry.code}:") for entry in entries)
