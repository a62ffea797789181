"""Into the console with a passkey and out of it, and what stands before every page (issue 6, items 2 and 6)."""

from __future__ import annotations

import json

import pytest

from gateway.admin import words
from tests.admin.console import OLGA, VERA, Console, open_console, passkey_form
from tests.trust.registry.passkey import Passkey
from tests.trust.registry.people import ANNA
from trust.registry import ChangeClass, Edit, ObjectKey, ObjectKind, PasskeyCredential, read_key_file
from trust.registry.diff import grouped

pytestmark = pytest.mark.anyio


async def test_passkey_of_an_enrolled_person_opens_a_session(console: Console) -> None:
    browser = console.browser()
    refused = await browser.get("/?page=2&lang=en")
    assert (refused.status_code, refused.headers["location"]) == (303, "/sign-in?to=%2F%3Fpage%3D2")
    page = await browser.get(refused.headers["location"])
    inside = await browser.answer(page, console.passkeys[ANNA])
    assert (inside.status_code, inside.headers["location"]) == (303, "/?page=2")
    cookie = next(c for c in inside.headers.get_list("set-cookie") if c.startswith("__Host-console="))
    assert all(f"; {word}" in cookie for word in ("Path=/", "Secure", "HttpOnly", "SameSite=Strict"))
    shown = await browser.get("/")
    assert (shown.status_code, "A.Beispiel" in shown.text) == (200, True)
    assert console.events()[-1] == (
        "ConsoleSignedIn",
        {"person": ANNA, "key": console.passkeys[ANNA].credential.fingerprint},
    )


async def test_challenge_is_answered_once_and_in_its_browser(console: Console) -> None:
    """WebAuthn-3 §13.4.3."""
    browser, other = console.browser(), console.browser()
    page = await browser.get("/sign-in")
    elsewhere = await other.answer(page, console.passkeys[ANNA])
    assert (elsewhere.status_code, "6002" in elsewhere.text) == (410, True)
    assert (await browser.answer(page, console.passkeys[ANNA])).status_code == 303
    assert (await browser.answer(page, console.passkeys[ANNA])).status_code == 410


async def test_challenge_ends_after_five_minutes(console: Console) -> None:
    browser = console.browser()
    page = await browser.get("/sign-in")
    console.clock.forward(minutes=6)
    assert (await browser.answer(page, console.passkeys[ANNA])).status_code == 410


@pytest.mark.parametrize(
    "crafted", [{"flags": 0x01}, {"origin": "https://evil.example"}, {"challenge": bytes(32)}]
)
async def test_wrong_answers_sign_nobody_in_and_are_logged(
    console: Console, crafted: dict[str, object]
) -> None:
    browser = console.browser()
    page = await browser.get("/sign-in")
    refused = await browser.answer(page, console.passkeys[ANNA], **crafted)
    assert (refused.status_code, "6001" in refused.text) == (403, True)
    assert "__Host-console" not in browser.cookies
    assert console.events()[-1] == ("ConsoleSignInRefused", {"reason": "registry.signature"})


async def test_passkey_that_is_not_enrolled_signs_nobody_in(console: Console) -> None:
    browser = console.browser()
    refused = await browser.answer(await browser.get("/sign-in"), Passkey(credential_id=b"a stranger's"))
    assert refused.status_code == 403


async def test_assertion_that_is_no_json_object_is_refused(console: Console) -> None:
    browser = console.browser()
    for assertion in ("", "[]", "{", '{"id": 7}'):
        form = passkey_form(await browser.get("/sign-in"))
        sent = await browser.post("/sign-in", {**form.fields, "assertion": assertion})
        assert sent.status_code in {400, 403}


async def test_sign_in_leads_to_own_pages_only(console: Console) -> None:
    """CWE-601."""
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "evil"):
        browser = console.browser()
        inside = await browser.answer(await browser.get("/sign-in"), console.passkeys[ANNA], {"to": target})
        assert inside.headers["location"] == "/"


async def test_session_ends_when_idle_and_after_its_longest_time(console: Console) -> None:
    idle = await console.sign_in(ANNA)
    console.clock.forward(minutes=16)
    assert (await idle.get("/")).status_code == 303
    busy = await console.sign_in(ANNA)
    for _ in range(8 * 6):
        assert (await busy.get("/")).status_code == 200
        console.clock.forward(minutes=10)
    console.clock.forward(seconds=1)
    assert (await busy.get("/")).status_code == 303


async def test_signing_out_ends_the_session_itself(console: Console) -> None:
    browser = await console.sign_in(ANNA)
    kept = dict(browser.cookies)
    assert (await browser.post("/sign-out")).headers["location"] == "/sign-in"
    assert console.events()[-1] == ("ConsoleSignedOut", {"person": ANNA, "cause": "asked"})
    browser.cookies = kept
    assert (await browser.get("/")).status_code == 303


async def test_removed_person_is_out_at_once(console: Console) -> None:
    browser = await console.sign_in(OLGA)
    key = ObjectKey(ObjectKind.APPROVER, OLGA)
    known = console.registry.known.state.objects[key]
    console.decide(Edit(key=key, before=known.digest, after=None), change_class=ChangeClass.ENROLMENT)
    assert (await browser.get("/")).headers["location"] == "/sign-in"
    assert console.events()[-1] == ("ConsoleSignedOut", {"person": OLGA, "cause": "removed"})


async def test_session_of_a_replaced_passkey_is_out_at_once(console: Console) -> None:
    browser = await console.sign_in(OLGA)
    key = ObjectKey(ObjectKind.APPROVER, OLGA)
    known = console.registry.known.state.objects[key]
    new = Passkey(credential_id=b"a new one").credential.as_json()
    document = {**known.document, "credentials": [new]}
    console.decide(Edit(key=key, before=known.digest, after=document), change_class=ChangeClass.ENROLMENT)
    assert (await browser.get("/")).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
    ],
)
async def test_forms_of_other_sites_do_nothing(console: Console, headers: dict[str, str]) -> None:
    """security.md B.2; CWE-352."""
    browser = await console.sign_in(ANNA)
    refused = await browser.post("/sign-out", **headers)
    assert (refused.status_code, "6004" in refused.text) == (403, True)
    assert (await browser.get("/")).status_code == 200


async def test_form_without_origin_does_nothing(console: Console) -> None:
    browser = await console.sign_in(ANNA)
    assert (await browser._send("POST", "/sign-out", {}, {})).status_code == 403


async def test_foreign_host_name_gets_nothing(console: Console) -> None:
    """DNS rebinding."""
    assert (await console.browser().get("/sign-in", host="evil.example")).status_code == 400


async def test_pages_carry_the_strict_policy_and_allow_passkeys_to_themselves(console: Console) -> None:
    page = await console.browser().get("/sign-in")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "publickey-credentials-get=(self)" in page.headers["permissions-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert "strict-transport-security" in page.headers


async def test_unknown_page_is_an_error_page_of_the_console(console: Console) -> None:
    missing = await console.browser().get("/nothing")
    assert (missing.status_code, "console.not_found" in missing.text) == (404, True)


async def test_a_viewer_finds_nothing_in_the_menu_that_is_not_for_viewers(console: Console) -> None:
    assert 'href="/emergency"' not in (await (await console.sign_in(VERA)).get("/changes")).text
    assert 'href="/emergency"' in (await (await console.sign_in(ANNA)).get("/changes")).text


async def test_signing_in_is_limited_by_address(tmp_path, address) -> None:
    """security.md B.6."""
    console = open_console(tmp_path, address, per_minute=30)
    browser = console.browser()
    codes = [(await browser.post("/sign-in")).status_code for _ in range(5)]
    assert (codes[0], codes[-1]) == (410, 429)
    await console.close()


async def test_before_the_ceremony_nobody_signs_in_but_makes_a_passkey(tmp_path, address) -> None:
    console = open_console(tmp_path, address, ceremony=False)
    browser = console.browser()
    page = await browser.get("/sign-in")
    assert "eid-gateway registry init" in page.text
    assert 'href="/passkey"' in page.text
    await console.close()


# -------------------------------------------------------------------------------- making a passkey


async def test_stranger_makes_a_passkey_that_grants_nothing(console: Console) -> None:
    browser, passkey = console.browser(), Passkey(credential_id=b"of a stranger")
    sent = await browser.answer(await browser.get("/passkey"), passkey, {"person": "c.probe"})
    assert sent.status_code == 303
    made = await browser.get(sent.headers["location"])
    assert made.status_code == 200
    assert grouped(passkey.credential.fingerprint) in made.text
    file = await browser.post(
        "/passkey/file", {"person": "c.probe", "file": json.dumps(passkey.credential.as_json())}
    )
    assert file.headers["content-disposition"] == 'attachment; filename="c.probe.passkey.json"'
    assert read_key_file(file.content) == passkey.credential
    refused = await browser.answer(await browser.get("/sign-in"), passkey)
    assert refused.status_code == 403


async def test_passkey_that_was_made_is_read_in_both_languages_in_its_browser_alone(console: Console) -> None:
    browser, passkey = console.browser(), Passkey(credential_id=b"of a stranger")
    sent = await browser.answer(await browser.get("/passkey"), passkey, {"person": "c.probe"})
    path = sent.headers["location"]
    for language, heading in (("en", "Your passkey is made"), ("de", "Ihr Passkey ist erzeugt")):
        page = await browser.get(f"{path}?lang={language}")
        assert (heading in page.text, grouped(passkey.credential.fingerprint) in page.text) == (True, True)
        assert f'href="{path}?lang=' in page.text
    assert (await console.browser().get(path)).status_code == 410


@pytest.mark.parametrize(
    ("crafted", "fields", "status"),
    [
        ({"flags": 0x01}, {}, 400),
        ({"origin": "https://evil.example"}, {}, 400),
        ({}, {"person": "../x"}, 400),
        ({}, {"ceremony": "0000000000"}, 410),
    ],
)
async def test_passkey_without_verified_user_name_or_challenge_is_not_shown(
    console: Console, crafted: dict[str, object], fields: dict[str, str], status: int
) -> None:
    browser = console.browser()
    page = await browser.get("/passkey")
    made = await browser.answer(page, Passkey(), {"person": "c.probe", **fields}, **crafted)
    assert made.status_code == status


async def test_download_gives_back_nothing_but_a_passkey(console: Console) -> None:
    broken = PasskeyCredential(credential_id=b"x", public_key=b"x", rp_id="x", origins=("https://[x",))
    for file in ("", "{}", "<script>", json.dumps(broken.as_json())):
        sent = await console.browser().post("/passkey/file", {"person": "x", "file": file})
        assert sent.status_code == 400


# -------------------------------------------------------------------------------- languages


async def test_language_is_that_of_the_click_then_of_the_browser(console: Console) -> None:
    browser = console.browser()
    assert 'lang="en"' in (await browser.get("/sign-in")).text
    assert '<html lang="de">' in (await browser.get("/sign-in?lang=de")).text
    assert '<html lang="de">' in (await browser.get("/sign-in")).text


def test_languages_have_the_same_texts() -> None:
    loaded = {language: words.load(language)._known for language in words.languages()}
    assert set(loaded) == {"de", "en"}
    assert loaded["de"] == loaded["en"]
    assert [path.name for path in words.areas("de")] == [path.name for path in words.areas("en")]


async def test_form_that_is_sent_after_the_session_is_said_to_be_lost(console: Console) -> None:
    """WCAG 2.2, 3.3.1: nothing disappears without a word, and the way back leads to the form."""
    browser = console.browser()
    sent = await browser.post(f"/people/{OLGA}/remove", {"reason": "r", "evidence": "e"})
    page = await browser.get(sent.headers["location"])
    assert "Your session has ended" in page.text
    inside = await browser.answer(page, console.passkeys[ANNA])
    assert inside.headers["location"] == f"/people/{OLGA}/remove"
    assert "Your session has ended" not in (await browser.get("/sign-in")).text
    assert (await console.browser().post("/sign-out")).headers["location"] == "/sign-in"
