"""A form that is not taken: what is wrong and what to do, in the page's language, and what was typed is still there
(ux.md §6; WCAG 2.2, 3.3.1 and 3.3.3)."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import httpx
import pytest

from gateway.admin.words import load
from tests.admin.console import OLGA, VERA, Browser, Console
from tests.admin.test_changes import NEW, OLD, WHY, anchor, new_certificate, pem
from tests.trust.registry.passkey import Passkey
from tests.trust.registry.people import ANNA, BERT, GREECE
from trust.registry import ObjectKey, ObjectKind

pytestmark = pytest.mark.anyio

CODE = Path(__file__).parents[2] / "gateway" / "admin"
FORM = f"/objects/{GREECE}/certificate"


@pytest.fixture
def greece(console: Console) -> Console:
    """With the anchor of Greece in force."""
    console.put(GREECE, anchor())
    return console


def link(page: httpx.Response, text: str) -> str:
    """Where the link ``text`` leads to."""
    found = re.search(rf'href="([^"]*)"[^>]*>(?:<span[^>]*>)?{re.escape(text)}<', page.text)
    assert found, page.text
    return unescape(found[1])


async def refused(browser: Browser, path: str = FORM, **fields: str) -> httpx.Response:
    answer = await browser.post(path, {**WHY, **fields})
    assert answer.status_code in {400, 409}, answer.text
    return answer


def test_every_reason_of_a_form_has_its_sentence_in_both_languages() -> None:
    """A reason without one would fall back to its word."""
    raised = {
        word
        for source in CODE.rglob("*.py")
        for word in re.findall(r'(?:reason=|busy\()"((?:form|busy)\.[a-z-]+)"', source.read_text("utf-8"))
    }
    assert len(raised) > 15
    for language in ("de", "en"):
        words = load(language)
        for word in raised:
            assert f"refusals.{word.replace('.', '_').replace('-', '_')}" in words, word


def test_every_word_of_the_registry_has_its_sentence_in_both_languages() -> None:
    """Those of docs/security-admin.md, but for what no form can meet: rows that were forced, and alerts."""
    guide = (CODE.parents[1] / "docs" / "security-admin.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `(registry\.[a-z-]+)`", guide, re.MULTILINE))
    no_form = {f"registry.{word}" for word in ("not-followed", "repeated", "state", "time", "unusable")}
    assert no_form <= explained
    for language in ("de", "en"):
        words = load(language)
        known = {
            word for word in explained if f"refusals.{word.replace('.', '_').replace('-', '_')}" in words
        }
        assert known == explained - no_form


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"pem": "hello"}, "This is no X.509 certificate in PEM or DER. Choose the file"),
        ({"pem": pem(NEW), "evidence": ""}, "“Evidence” is empty or longer than 4000 characters. Fill it in"),
        ({"pem": pem(NEW), "valid_from": "soon"}, "“Valid from” is not a date. Write YYYY-MM-DD"),
        ({"pem": pem(OLD)}, "Nothing would be different"),
    ],
)
async def test_page_says_what_is_wrong_and_what_to_do(
    greece: Console, fields: dict[str, str], sentence: str
) -> None:
    page = await refused(await greece.sign_in(ANNA), **fields)
    assert sentence in page.text


async def test_form_comes_back_as_it_was_filled_in(greece: Console) -> None:
    """Without the file, which no page can put back into a form."""
    browser = await greece.sign_in(ANNA)
    sent = {"pem": "hello <world>", "valid_from": "2026-12-01", "valid_until": "", "reason": "the telephone"}
    answer = await browser.post(FORM, {**WHY, **sent}, files={"upload": ("x.der", b"secret octets")})
    assert "Files have to be chosen again." in answer.text
    form = await browser.get(link(answer, "Back to the form"))
    assert form.status_code == 200
    assert "The form was not accepted" in form.text
    assert "This is no X.509 certificate" in form.text
    assert "hello &lt;world&gt;</textarea>" in form.text
    assert 'value="2026-12-01"' in form.text
    assert "the telephone</textarea>" in form.text
    assert re.search(r'id="pem"[^>]*aria-invalid="true"', form.text)
    assert 'href="#pem"' in form.text
    assert "secret octets" not in form.text
    fresh = await browser.get(FORM)
    assert "the telephone" not in fresh.text
    assert "The form was not accepted" not in fresh.text


async def test_corrected_form_is_sent_from_where_it_came_back(greece: Console) -> None:
    browser = await greece.sign_in(ANNA)
    answer = await refused(browser, pem=pem(NEW), evidence="")
    form = await browser.get(link(answer, "Back to the form"))
    assert f'action="{FORM}"' in form.text
    typed = re.search(r'id="pem".*?>\n(.*?)</textarea>', form.text, re.DOTALL)
    assert typed
    sent = await browser.post(FORM, {**WHY, "pem": typed[1], "valid_from": "", "valid_until": ""})
    assert sent.status_code == 303


async def test_ticks_and_choices_come_back_too(greece: Console) -> None:
    browser = await greece.sign_in(ANNA)
    answer = await refused(browser, "/emergency", **{f"object:{GREECE}": "1", "reason": ""})
    form = await browser.get(link(answer, "Back to the form"))
    assert re.search(rf'name="object:{GREECE}" value="1" checked', form.text)
    person = {"id": OLGA, "name": "Olga", "role": "viewer", "keys": "replace", "file": "no key"}
    answer = await refused(browser, "/people/enrol", **person)
    assert "neither the file of a passkey nor a public Ed25519 key" in answer.text
    form = await browser.get(link(answer, "Back to the form"))
    assert f'name="id" value="{OLGA}"' in form.text
    assert '<option value="replace" selected>' in form.text
    assert '<option value="viewer" selected>' in form.text


async def test_what_was_typed_is_seen_by_nobody_else_and_on_no_other_page(greece: Console) -> None:
    anna, bert = await greece.sign_in(ANNA), await greece.sign_in(BERT)
    back = link(await refused(anna, pem="hello", reason="the telephone"), "Back to the form")
    for browser, path in ((bert, back), (anna, back.replace(FORM, f"/objects/{GREECE}/remove"))):
        page = await browser.get(path)
        assert page.status_code == 200
        assert "the telephone" not in page.text
    number = back.partition("kept=")[2]
    assert (await bert.get(f"/refused/{number}")).status_code == 410


async def test_answer_of_a_passkey_is_not_kept(greece: Console) -> None:
    _, path = await new_certificate(greece)
    browser = await greece.sign_in(BERT)
    stranger = Passkey(credential_id=greece.passkeys[BERT].credential_id)
    answer = await browser.answer(await browser.get(path), stranger, action=f"{path}/approve")
    assert "Open the page anew, and use the passkey you are enrolled with" in answer.text
    form = await browser.get(link(answer, "Back to the form"))
    assert (form.status_code, f"{path}/approve" in form.text) == (200, True)
    assert 'name="assertion" value=""' in form.text


async def test_reason_without_a_sentence_falls_back_to_its_word(
    greece: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.admin.refusals._name", lambda reason: "nobody_has_said_it")
    page = await refused(await greece.sign_in(ANNA), pem="hello")
    assert "<code>form.certificate</code>" in page.text
    assert "Go back, complete it and send it again." in page.text


async def test_refusal_of_a_form_is_read_in_the_other_language_without_sending_it_again(
    greece: Console,
) -> None:
    browser = await greece.sign_in(ANNA)
    page = await refused(browser, pem=pem(NEW), evidence="")
    german = await browser.get(link(page, "Deutsch"))
    assert german.status_code == 400
    assert "„Nachweis“ ist leer oder länger als 4000 Zeichen." in german.text
    form = await browser.get(link(german, "Zurück zum Formular"))
    assert 'lang="de"' in form.text  # the choice stays
    assert "„Nachweis“ ist leer" in form.text
    english = await browser.get(link(form, "English"))
    assert "key rolled over</textarea>" in english.text


async def test_refusal_of_a_page_is_read_in_the_other_language(greece: Console) -> None:
    for path, status in (("/changes/nothing", 404), ("/objects/anchor/x", 404), ("/bundle", 403)):
        browser = await greece.sign_in(VERA)
        page = await browser.get(path)
        german = await browser.get(link(page, "Deutsch"))
        assert (page.status_code, german.status_code) == (status, status)
        assert "Das geht so nicht" in german.text


async def test_whoever_has_no_session_reads_a_refusal_in_the_other_language(greece: Console) -> None:
    browser = greece.browser()
    page = await browser.post("/sign-in", {"assertion": "{}"})
    assert page.status_code == 410
    german = await browser.get(link(page, "Deutsch"))
    assert (german.status_code, "schon benutzt" in german.text) == (410, True)
    assert (await browser.get("/refused/of/nothing")).status_code == 404


async def test_whoever_lacks_the_role_is_not_sent_back_to_the_form(greece: Console) -> None:
    browser = await greece.sign_in(VERA)
    page = await browser.post(f"/objects/{ObjectKey(ObjectKind.ANCHOR, GREECE.id)}/remove", WHY)
    assert (page.status_code, "Back to the form" in page.text) == (403, False)
