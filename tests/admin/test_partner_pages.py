"""The pages on partners, services, keys and what ends, as a browser gets them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import product
from pathlib import Path

import pytest
import sqlalchemy as sa
from icalendar import Calendar

from gateway.statistics.tables import COUNTS, hour_text
from gateway.store import StoreAddress
from gateway.store.store import _seconds
from tests.admin.console import VERA, Browser, Console, open_console
from tests.admin.in_force import in_force
from tests.gateway.registry_bundle import keys
from tests.trust.metadata_maker import ENTITY_ID, NOW, issue, key
from tests.trust.registry.people import ANNA, BERT
from trust.registry import ChangeClass, Document, ObjectKey, ObjectKind, suspension_edits

__all__ = ["keys"]

pytestmark = pytest.mark.anyio

SE_ANCHOR = ObjectKey(ObjectKind.ANCHOR, "se-node")


@pytest.fixture
async def console(
    tmp_path: Path, keys: Path, address: StoreAddress, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Console]:
    """In force: Greece, Sweden with metadata, one service; what ``tests.admin.in_force`` has."""
    # The metadata are of a fixed day; the store's server knows only today's time.
    today, seconds = datetime.now(UTC) - NOW, _seconds
    monkeypatch.setattr("gateway.store.store._seconds", lambda until: seconds(until + today))
    (tmp_path / "console").mkdir()
    opened = open_console(tmp_path / "console", address, now=NOW)
    opened.live.swap(in_force(opened.live.current, tmp_path / "files", keys))
    yield opened
    await opened.close()


@pytest.fixture
async def browser(console: Console) -> Browser:
    return await console.sign_in(VERA)


def registered(name: str) -> Document:
    return {"settings": {"id": name}, "files": {}}


async def text_of(browser: Browser, path: str, *, language: str = "en") -> str:
    page = await browser.get(path, **{"accept-language": language})
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


PATHS = (
    "/partners",
    "/partners/eidas/SE",
    "/partners/eidas/GR",
    "/connectors/eidas",
    "/sources",
    "/sources/nordic",
    "/anchors/se-node",
    "/clients",
    "/clients/amt24",
    "/keys",
    "/expiry",
    "/expiry?lane=peers",
)


async def test_every_page_is_there_in_both_languages_and_no_identifier_twice(browser: Browser) -> None:
    """WCAG 3.1.1; an identifier of an element is there once (4.1.2)."""
    for path, language in product(PATHS, ("de", "en")):
        page = await browser.get(path, **{"accept-language": language})
        assert page.status_code == 200, (path, page.text)
        assert f'<html lang="{language}">' in page.text
        identifiers = re.findall(r'\bid="([^"]+)"', page.text)
        assert len(identifiers) == len(set(identifiers)), path
        assert page.text.count("<h1") == 1, path


async def test_what_does_not_exist_is_not_found(browser: Browser) -> None:
    for path in ("/partners/eidas/FR", "/connectors/none", "/anchors/none", "/sources/none", "/clients/none"):
        assert (await browser.get(path)).status_code == 404, path


async def test_nobody_sees_them_without_signing_in(console: Console) -> None:
    for path in PATHS:
        assert (await console.browser().get(path)).status_code == 303


async def test_a_country_reads_out_fingerprints_and_the_last_refresh(browser: Browser) -> None:
    text = await text_of(browser, "/partners/eidas/SE")
    der = issue("message signer", key("message signer"))
    digest = sha256(der).hexdigest()
    assert " ".join(digest[place : place + 4] for place in range(0, 64, 4)) in text
    assert ENTITY_ID in text
    assert "Sweden" in text
    anchor = await text_of(browser, "/anchors/se-node")
    assert "Last successful refresh" in anchor
    assert "The registry says nothing about it" in anchor


async def test_who_approved_and_a_suspension_are_shown(console: Console, browser: Browser) -> None:
    console.registry.follow()
    current = console.live.current
    console.put(SE_ANCHOR, registered("se-node"))
    fold = console.registry.known
    console.live.swap(replace(current, fold=fold))
    text = await text_of(browser, "/anchors/se-node")
    assert "A.Beispiel, B.Muster" in text
    page = await browser.get("/anchors/se-node")
    assert f'href="/changes/{fold.decided[SE_ANCHOR]}"' in page.text
    assert 'href="/objects/anchor/se-node"' in page.text
    change = console.registry.draft(
        ChangeClass.SUSPENSION,
        suspension_edits(fold.state, [SE_ANCHOR], suspended=True),
        reason="stolen",
        evidence="",
        proposer=ANNA,
        now=console.clock(),
    )
    signature = console.passkeys[ANNA].approve(change.change_hash, ANNA)
    console.registry.propose(change, approval=signature, now=console.clock())
    assert "Suspended by A.Beispiel" in await text_of(browser, "/anchors/se-node")
    assert "suspended" in await text_of(browser, "/partners")


async def test_a_service_shows_what_it_gets_and_from_whom(browser: Browser) -> None:
    text = await text_of(browser, "/clients/amt24", language="de")
    for said in (
        "Amt24",
        "Sachsen",
        "Antrag",
        "Familienname",
        "https://service.example/callback",
        "natürliche",
    ):
        assert said in text


async def test_every_date_of_the_drawing_stands_in_the_table(browser: Browser) -> None:
    page = await browser.get("/expiry")
    marks = len(re.findall(r'class="ac-mark ', page.text))
    table = page.text.split("<tbody>")[1].split("</tbody>")[0]
    assert marks == table.count("<tr>") > 10
    assert "style=" not in page.text
    lane = await browser.get("/expiry?lane=peers")
    assert lane.text.split("<tbody>")[1].count("<tr>") == 1


async def feed_address(browser: Browser) -> str:
    sent = await browser.post("/expiry/address")
    assert sent.status_code == 303
    page = await browser.get(sent.headers["location"])
    found = re.search(r"/calendar/[A-Za-z0-9_-]{43}\.ics\?lang=\w+", page.text)
    assert found is not None
    return found[0]


async def test_a_calendar_program_reads_the_feed_without_a_session(
    console: Console, browser: Browser
) -> None:
    address = await feed_address(browser)
    answer = await console.browser().get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    entries = Calendar.from_ical(answer.content).walk("VEVENT")
    assert any("Trust anchor: se-node" in entry["summary"] for entry in entries)
    assert not any("Metadata" in entry["summary"] for entry in entries)
    german = await console.browser().get(address.replace("lang=en", "lang=de"))
    assert any(
        "Vertrauensanker: se-node" in entry["summary"]
        for entry in Calendar.from_ical(german.content).walk("VEVENT")
    )


async def test_new_address_is_read_in_both_languages_and_by_nobody_else(
    console: Console, browser: Browser
) -> None:
    path = (await browser.post("/expiry/address")).headers["location"]
    tokens = set()
    for language in ("en", "de"):
        page = await browser.get(f"{path}?lang={language}")
        assert f'href="{path}?lang=' in page.text
        tokens |= set(re.findall(r"/calendar/([A-Za-z0-9_-]{43})\.ics\?lang=" + language, page.text))
    assert len(tokens) == 1
    assert (await (await console.sign_in(BERT)).get(path)).status_code == 410


async def test_a_renewed_or_switched_off_address_opens_nothing(console: Console, browser: Browser) -> None:
    first = await feed_address(browser)
    second = await feed_address(browser)
    assert (await console.browser().get(first)).status_code == 404
    assert (await console.browser().get(second)).status_code == 200
    assert "Your address was made on" in await text_of(browser, "/expiry")
    assert (await browser.post("/expiry/address/remove")).status_code == 303
    assert (await console.browser().get(second)).status_code == 404
    events = [body for event, body in console.events() if event == "CalendarAddressChanged"]
    assert [event["removed"] for event in events] == [False, False, True]
    assert {event["person"] for event in events} == {VERA}
    assert first.split("/")[2][:43] not in str(console.events())


async def test_the_address_of_somebody_who_has_left_opens_nothing(console: Console, browser: Browser) -> None:
    address = await feed_address(browser)
    key_of_vera = ObjectKey(ObjectKind.APPROVER, VERA)
    fold = console.registry.follow()
    edit = replace(suspension_edits(fold.state, [key_of_vera], suspended=False)[0], after=None)
    console.decide(edit, change_class=ChangeClass.ENROLMENT)
    assert (await console.browser().get(address)).status_code == 404


async def test_address_stays_dead_when_its_person_is_enrolled_again(
    console: Console, browser: Browser
) -> None:
    """Under the same identifier and with the same passkey; whoever kept the address learns nothing."""
    address = await feed_address(browser)
    key_of_vera = ObjectKey(ObjectKind.APPROVER, VERA)
    before = console.registry.follow().state.objects[key_of_vera]
    for after in (None, before.document):
        console.decide(console.edit(key_of_vera, after), change_class=ChangeClass.ENROLMENT)
    assert (await console.browser().get(address)).status_code == 404
    again = await console.sign_in(VERA)
    assert "Your address was made on" not in await text_of(again, "/expiry")
    new = await feed_address(again)
    assert (await console.browser().get(new)).status_code == 200


async def test_address_lives_on_when_its_person_gets_another_role(console: Console, browser: Browser) -> None:
    address = await feed_address(browser)
    key_of_vera = ObjectKey(ObjectKind.APPROVER, VERA)
    document = console.registry.follow().state.objects[key_of_vera].document
    edit = console.edit(key_of_vera, {**document, "role": "operator"})
    console.decide(edit, change_class=ChangeClass.ENROLMENT)
    assert (await console.browser().get(address)).status_code == 200


async def test_an_address_is_made_by_a_form_of_the_console_only(browser: Browser) -> None:
    refused = await browser.post("/expiry/address", origin="https://evil.example")
    assert refused.status_code == 403


async def test_a_guessed_address_opens_nothing(console: Console) -> None:
    assert (await console.browser().get(f"/calendar/{'A' * 43}.ics")).status_code == 404
    assert (await console.browser().get("/calendar/.ics")).status_code == 404


async def test_last_login_is_shown_and_without_the_counts_the_page_stands(
    console: Console, browser: Browser
) -> None:
    row = {"hour": hour_text(NOW), "dimension": "country", "value": "SE", "outcome": "done", "count": 1}
    with console.engine.begin() as connection:
        connection.execute(sa.insert(COUNTS).values(row))
    assert (
        "23 Nov 2026, 13:00:00"
        in (await text_of(browser, "/partners/eidas/SE")).split("Last successful login")[1]
    )
    with console.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE login_counts"))
    assert "none counted" in await text_of(browser, "/partners")
