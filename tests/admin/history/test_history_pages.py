"""The console's pages on what happened, as people with different roles see them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from hashlib import sha256
from threading import Event, Semaphore
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from gateway.admin.history import log_query
from gateway.admin.history.log_query import export, search
from gateway.admin.history.turns import VERIFICATION, during, export_of, give_back
from gateway.admin.history.verification import LogChecks
from gateway.settings.watch import Severity
from gateway.watch.alerts import Alert
from gateway.watch.database_book import DatabaseBook
from tests.admin.console import ANNA, BERT, VERA, Console
from tests.admin.logins import DONE, KEY, OPEN
from trust.checkpoint import public_of
from trust.log_proofs import verify_proof
from trust.log_verification import verify_database
from trust.trees import TREES

pytestmark = pytest.mark.anyio


def text(response: httpx.Response) -> str:
    """The page without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))


async def test_figures_are_drawn_and_stand_in_tables(busy: Console) -> None:
    """SVG with title and description, every number as text; no script, no inline style."""
    viewer = await busy.sign_in(VERA)
    page = await viewer.get("/figures?span=24h")
    assert page.status_code == 200
    words = text(page)
    assert "1 journeys ended with data for the service, 1 without" in words
    assert "By country" in words
    assert re.search(r"Greece 2 1 50%", words)
    assert re.search(r"substantial 1 1 100%", words)
    assert re.search(r"<title id=\"chart-title\">.*?</title>\s*<desc id=\"chart-description\">", page.text)
    assert "style=" not in page.text
    assert await viewer.get("/figures?span=nonsense")


async def test_figures_of_nothing_are_a_page_too(console: Console) -> None:
    viewer = await console.sign_in(VERA)
    page = await viewer.get("/figures")
    assert page.status_code == 200
    assert "Nothing was counted in this time." in text(page)


async def test_a_journey_is_found_by_its_number_however_it_is_typed(busy: Console) -> None:
    """ux.md §11: steps, times, error number, peer; no identity data."""
    viewer = await busy.sign_in(VERA)
    page = await viewer.get("/journeys?number=o1234-56789")
    words = text(page)
    assert "Journey 01234-56789" in words
    assert "Error 3009" in words
    assert "failed" in words
    assert "https://gr.example/" in words
    assert "signature.algorithm" in words
    assert re.search(r"43 s|40 s", words)


async def test_a_journey_that_went_well_or_still_runs_says_so(busy: Console) -> None:
    viewer = await busy.sign_in(VERA)
    assert re.search(
        r"ended with data .* Fetched by the service yes", text(await viewer.get(f"/journeys?number={DONE}"))
    )
    assert "still running" in text(await viewer.get(f"/journeys?number={OPEN}"))


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("AAAAA-AAAAA", "The log has nothing about AAAAA-AAAAA"), ("7K2Q", "cannot be a journey number")],
)
async def test_a_number_without_a_journey_is_told(busy: Console, typed: str, answer: str) -> None:
    viewer = await busy.sign_in(VERA)
    page = await viewer.get(f"/journeys?number={typed}")
    assert page.status_code == 200
    assert answer in text(page)


async def test_what_is_typed_is_never_markup(busy: Console) -> None:
    viewer = await busy.sign_in(VERA)
    for path in ("/journeys?number=", "/log?actor=", "/log?object=", "/log?since="):
        page = await viewer.get(f'{path}"><script>alert(1)</script>')
        assert "<script>alert" not in page.text


async def test_the_log_is_filtered_and_paged(busy: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = await busy.sign_in(VERA)
    words = text(await viewer.get("/log?event=ExchangeFailed"))
    assert "eidas.invalid_answer" in words
    assert "No identity from the partner" in words
    by_journey = await viewer.get(f"/log?object={DONE[:5]}-{DONE[5:]}")
    assert by_journey.text.count('scope="row"') == 5
    monkeypatch.setattr(log_query, "SCAN", 3)
    first = await viewer.get("/log?event=JourneyOpened")
    older = re.search(r'rel="next" href="([^"#]+)', first.text)
    assert older is not None
    seen = []
    while older is not None:
        page = await viewer.get(older[1].replace("&amp;", "&"))
        seen += re.findall(r"/log/login/(\d+)\" aria", page.text)
        older = re.search(r'rel="next" href="([^"#]+)', page.text)
    assert seen == ["3", "2", "1"]


async def test_the_log_of_trust_names_people_and_objects(busy: Console) -> None:
    """Who proposed, who signed, which objects."""
    viewer = await busy.sign_in(VERA)
    page = await viewer.get("/log?tree=trust")
    assert "Change put into force" in text(page)
    assert f"approver/{BERT}" in text(page)
    assert await viewer.get(f"/log?tree=trust&object=approver/{BERT}")


async def test_a_time_that_cannot_be_read_is_told(busy: Console) -> None:
    viewer = await busy.sign_in(VERA)
    for wrong in ("since=tomorrow", "until=9999-12-31T23:59", "since=0001-01-01T00:00"):
        assert "A time could not be read" in text(await viewer.get(f"/log?{wrong}"))


async def test_an_export_has_the_very_octets_of_the_leaves(busy: Console) -> None:
    """SHA-256 of a zero octet and the line is the leaf hash that the page shows."""
    viewer = await busy.sign_in(VERA)
    export = await viewer.get("/log/export?event=ExchangeFailed")
    assert export.headers["content-disposition"].startswith('attachment; filename="log-login-')
    (line,) = export.content.splitlines()
    seq = json.loads(line)["seq"]
    page = await viewer.get(f"/log/login/{seq}")
    assert sha256(b"\0" + line).hexdigest() in page.text


async def test_an_entry_without_checkpoint_says_that_its_proof_comes_later(busy: Console) -> None:
    viewer = await busy.sign_in(VERA)
    page = await viewer.get("/log/login/1")
    assert "The tree does not reach this entry yet" in text(page)
    assert (await viewer.get("/log/login/1/proof")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/log/login/999", "/log/login/0", "/log/login/x", "/log/nothing/1", "/log/login/²"]
)
async def test_an_entry_that_is_not_there_is_not_found(busy: Console, path: str) -> None:
    viewer = await busy.sign_in(VERA)
    assert (await viewer.get(path)).status_code == 404


async def test_the_proof_of_an_entry_is_what_the_command_line_verifies(signing: Console) -> None:
    """RFC 9162 §2.1.3.2: from the leaf to the signed root, without the database."""
    viewer = await signing.sign_in(VERA)
    page = await viewer.get("/log/login/4")
    assert "Proof that the entry is in the log" in text(page)
    proof = await viewer.get("/log/login/4/proof")
    assert verify_proof(proof.text, [public_of(KEY)]).startswith("id.example/login: entry 4 of 10: ")
    assert proof.json()["proof"][0][:4] in page.text


async def test_an_entry_that_was_changed_is_shown_as_changed(signing: Console) -> None:
    viewer = await signing.sign_in(VERA)
    with signing.engine.begin() as connection:
        connection.execute(sa.text("UPDATE log SET body = '{}' WHERE seq = 4"))
    assert "it was changed" in text(await viewer.get("/log/login/4"))


async def test_the_button_verifies_both_logs_and_names_the_first_bad_entry(
    signing: Console, checks: LogChecks
) -> None:
    viewer = await signing.sign_in(VERA)
    assert "Not verified since the start" in text(await viewer.get("/log"))
    answer = await viewer.post("/log/verify")
    assert (answer.status_code, answer.headers["location"]) == (303, "/log#verify")
    checks.wait(20)
    words = text(await viewer.get("/log"))
    assert re.search(r"Logins: In order: \d+ entries", words)
    assert re.search(r"Trust: In order: \d+ entries", words)
    with signing.engine.begin() as connection:
        connection.execute(sa.text("UPDATE log SET body = '{}' WHERE seq = 4"))
    await viewer.post("/log/verify")
    checks.wait(20)
    assert "First entry that does not fit: 4" in text(await viewer.get("/log"))


async def test_logs_are_verified_by_one_at_a_time_in_the_whole_installation(
    signing: Console, checks: LogChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks again and again, here or at another process, gets a number; what runs goes on."""
    there, go_on, verified = Semaphore(0), Event(), []

    def slow(*args: Any, **kwargs: Any) -> Any:
        there.release()
        assert go_on.wait(10)
        verified.append(verify_database(*args, **kwargs))
        return verified[-1]

    monkeypatch.setattr("gateway.admin.history.log_page.verify_database", slow)
    viewer, other = await signing.sign_in(VERA), await signing.sign_in(ANNA)
    assert (await viewer.post("/log/verify")).status_code == 303
    assert await asyncio.to_thread(there.acquire, timeout=10)
    for browser in (viewer, other):
        refused = await browser.post("/log/verify")
        assert (refused.status_code, "6010" in refused.text) == (429, True)
        assert "The logs are being verified" in refused.text
    assert not await signing.store.lease(VERIFICATION, seconds=1)  # what another process would see
    go_on.set()
    await asyncio.to_thread(checks.wait, 20)
    assert len(verified) == len(TREES)


async def test_after_a_run_there_is_a_pause(
    signing: Console, checks: LogChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.admin.history.turns.PAUSE", 60)
    viewer = await signing.sign_in(VERA)
    assert (await viewer.post("/log/verify")).status_code == 303
    await asyncio.to_thread(checks.wait, 20)
    refused = await viewer.post("/log/verify")
    assert (refused.status_code, "Back to the form" in refused.text) == (429, True)
    assert "In order" in text(await viewer.get("/log"))


async def test_one_person_exports_the_log_once_at_a_time(
    busy: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, other = await busy.sign_in(VERA), await busy.sign_in(ANNA)
    await give_back(busy.store, export_of(ANNA))
    reading, go_on = Semaphore(0), Event()

    def slow(*args: Any, **kwargs: Any) -> Iterator[bytes]:
        reading.release()
        assert go_on.wait(10)
        yield from export(*args, **kwargs)

    monkeypatch.setattr("gateway.admin.history.log_page.export", slow)
    first = asyncio.create_task(viewer.get("/log/export"))
    assert await asyncio.to_thread(reading.acquire, timeout=10)
    refused = await viewer.get("/log/export")
    assert (refused.status_code, "6010" in refused.text) == (429, True)
    assert "You are downloading the log already" in refused.text
    second = asyncio.create_task(other.get("/log/export"))
    assert await asyncio.to_thread(reading.acquire, timeout=10)
    go_on.set()
    assert [answer.status_code for answer in await asyncio.gather(first, second)] == [200, 200]
    assert (await viewer.get("/log/export")).status_code == 200


async def test_export_that_nobody_takes_to_its_end_gives_the_turn_back(console: Console, turns: None) -> None:
    """A browser that was closed does not shut its person out."""
    lines = during(console.store, "console-export-x", iter([b"1", b"2"]))
    assert await console.store.lease("console-export-x", seconds=60)
    assert await anext(lines) == b"1"
    await lines.aclose()
    assert await console.store.lease("console-export-x", seconds=1)


async def test_only_few_read_the_log_at_once(busy: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logins need the threads of the process, however often somebody asks for a page."""
    viewer = await busy.sign_in(VERA)
    reading, go_on = Semaphore(0), Event()

    def slow(*args: Any, **kwargs: Any) -> Any:
        reading.release()
        assert go_on.wait(10)
        return search(*args, **kwargs)

    monkeypatch.setattr("gateway.admin.history.log_page.search", slow)
    pages = [asyncio.create_task(viewer.get("/log?object=nothing")) for _ in range(4)]
    for _ in range(2):
        assert await asyncio.to_thread(reading.acquire, timeout=10)
    assert not await asyncio.to_thread(reading.acquire, timeout=0.2)
    go_on.set()
    assert {page.status_code for page in await asyncio.gather(*pages)} == {200}


async def test_a_form_of_another_site_verifies_nothing(busy: Console) -> None:
    viewer = await busy.sign_in(VERA)
    assert (await viewer.post("/log/verify", origin="https://evil.example")).status_code == 403


async def test_health_shows_what_the_watch_found_with_the_way_to_its_page(signing: Console) -> None:
    viewer = await signing.sign_in(VERA)
    assert "Nothing needs a person now." in text(await viewer.get("/health"))
    alert = Alert(
        key="metadata/el",
        kind="metadata-down",
        severity=Severity.CRITICAL,
        values={"anchor": "el<b>", "reason": "metadata.expired", "when": "–", "percent": "100"},
        link="/anchors/el",
    )
    DatabaseBook(signing.engine).observe([alert], signing.clock())
    page = await viewer.get("/health")
    assert "CRITICAL" in text(page)
    assert '<a class="kern-link" href="/anchors/el">No valid metadata of el&lt;b&gt;</a>' in page.text


async def test_health_tells_of_every_part(signing: Console) -> None:
    viewer = await signing.sign_in(VERA)
    page = await viewer.get("/health")
    words = text(page)
    assert page.status_code == 200
    for part in (
        "Short-term store",
        "Database and log",
        "Own keys",
        "Registry",
        "Counting of logins",
        "Checkpoint of logins",
    ):
        assert part in words
    assert "state 2 is in force" in words
    assert "example-task" in words


async def test_without_a_database_the_pages_say_so(busy: Console) -> None:
    viewer = await busy.sign_in(VERA)
    with busy.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE login_counts RENAME TO gone"))
        connection.execute(sa.text("ALTER TABLE log RENAME TO gone_too"))
    for path, answer in (
        ("/figures", "there are no figures now"),
        ("/log", "the log cannot be read now"),
        (f"/journeys?number={DONE}", "the log cannot be read now"),
        ("/log/login/1", "6009"),
        ("/log/export", "6009"),
    ):
        page = await viewer.get(path)
        assert (path, page.status_code, answer in text(page)) == (path, 503, True)
    assert (await viewer.post("/log/verify")).status_code == 503
    health = await viewer.get("/health")
    assert (health.status_code, "does not answer: OperationalError" in text(health)) == (200, True)
