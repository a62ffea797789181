"""Changes in the console: proposed by one, seen and signed by another, refused where somebody may not (issue 6)."""

from __future__ import annotations

import json
import zipfile
from datetime import timedelta
from io import BytesIO

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.admin.desk import person
from tests.admin.console import OLGA, VERA, Browser, Console, passkey_form
from tests.trust.registry.passkey import Passkey
from tests.trust.registry.people import ANNA, BERT, GREECE
from tests.trust.test_metadata_list import certificate
from trust.registry import ChangeClass, Document, ObjectKey, ObjectKind, Role
from trust.registry.diff import grouped

pytestmark = pytest.mark.anyio

FILE = "registry/anchors/el-node-2026.crt"
OLD, NEW = certificate("old"), certificate("new")
WHY = {"reason": "key rolled over", "evidence": "telephone, file 12/7"}
CLARA = "c.probe"


def pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def anchor(der: bytes = OLD) -> Document:
    settings = {"id": GREECE.id, "certificate": FILE, "valid_from": "2026-01-01", "valid_until": "2027-01-01"}
    return {"settings": settings, "files": {FILE: {"text": pem(der)}}}


@pytest.fixture
def greece(console: Console) -> Console:
    """With the anchor of Greece in force."""
    console.put(GREECE, anchor())
    return console


async def follow(browser: Browser, response: httpx.Response) -> httpx.Response:
    assert response.status_code == 303, response.text
    return await browser.get(response.headers["location"])


async def proposed(console: Console, by: str, path: str, fields: dict[str, str]) -> tuple[Browser, str]:
    """Fill in the form at ``path``, sign the draft; gives the path of the change."""
    browser = await console.sign_in(by)
    assert (await browser.get(path)).status_code == 200
    draft = await follow(browser, await browser.post(path, {**fields, **WHY}))
    signed = await browser.answer(draft, console.passkeys[by])
    assert signed.status_code == 303, signed.text
    return browser, signed.headers["location"]


async def new_certificate(console: Console, by: str = ANNA) -> tuple[Browser, str]:
    return await proposed(
        console,
        by,
        f"/objects/{GREECE}/certificate",
        {"pem": pem(NEW), "valid_from": "2026-11-23", "valid_until": "2028-11-22"},
    )


def held(console: Console) -> Document:
    return console.registry.follow().state.objects[GREECE].document


# -------------------------------------------------------------------------------- two people


async def test_second_person_sees_both_fingerprints_and_puts_it_into_force(greece: Console) -> None:
    """Shows 1, without a browser."""
    _, path = await new_certificate(greece)
    assert held(greece) == anchor()
    browser = await greece.sign_in(BERT)
    assert path in (await browser.get("/")).text
    assert path in (await browser.get("/changes")).text
    page = await browser.get(path)
    for der in (OLD, NEW):
        digest = x509.load_der_x509_certificate(der).fingerprint(hashes.SHA256()).hex()
        assert grouped(digest) in page.text
    assert grouped(path.rpartition("/")[2]) in page.text
    for said in ("key rolled over", "telephone, file 12/7", ANNA, "2028-11-22"):
        assert said in page.text
    done = await follow(browser, await browser.answer(page, greece.passkeys[BERT], action=f"{path}/approve"))
    assert "in force" in done.text
    assert held(greece)["files"][FILE]["text"] == pem(NEW)
    assert held(greece)["settings"]["valid_until"] == "2028-11-22"


async def test_proposer_is_not_offered_to_approve_and_cannot(greece: Console) -> None:
    browser, path = await new_certificate(greece)
    page = await browser.get(path)
    assert f"{path}/approve" not in page.text
    change = path.rpartition("/")[2]
    again = greece.passkeys[ANNA].approve(change, ANNA)
    refused = await browser.post(f"{path}/approve", {"assertion": json.dumps(again.assertion)})
    assert (refused.status_code, "registry.same-person" in refused.text) == (409, True)


async def test_signature_for_another_change_approves_nothing(greece: Console) -> None:
    """The passkey's challenge names the change (WebAuthn-3 §13.4.3)."""
    _, path = await new_certificate(greece)
    browser = await greece.sign_in(BERT)
    other = greece.passkeys[BERT].approve("ab" * 32, BERT)
    refused = await browser.post(f"{path}/approve", {"assertion": json.dumps(other.assertion)})
    assert (refused.status_code, "registry.signature" in refused.text) == (409, True)


async def test_sign_in_of_a_passkey_approves_nothing(greece: Console) -> None:
    """A challenge to sign in is no message to sign."""
    _, path = await new_certificate(greece)
    browser = await greece.sign_in(BERT)
    asked = passkey_form(await browser.get("/sign-in"))
    answer = greece.passkeys[BERT].approve("", BERT, challenge=asked.challenge)
    refused = await browser.post(f"{path}/approve", {"assertion": json.dumps(answer.assertion)})
    assert refused.status_code == 409
    assert held(greece) == anchor()


async def test_hijacked_session_alone_approves_nothing(greece: Console) -> None:
    """Issue 6, item 2: the session is not what counts."""
    _, path = await new_certificate(greece)
    browser = await greece.sign_in(BERT)
    stranger = Passkey(credential_id=greece.passkeys[BERT].credential_id)
    page = await browser.get(path)
    refused = await browser.answer(page, stranger, action=f"{path}/approve")
    assert refused.status_code == 409
    assert held(greece) == anchor()


async def test_change_is_rejected_with_a_reason_that_everybody_sees(greece: Console) -> None:
    anna, path = await new_certificate(greece)
    browser = await greece.sign_in(BERT)
    page = await browser.get(path)
    fields = {"reason": "the fingerprint differs"}
    await browser.answer(page, greece.passkeys[BERT], fields, action=f"{path}/reject")
    assert "the fingerprint differs" in (await anna.get(path)).text
    assert f"{path}/approve" not in (await browser.get(path)).text
    empty = await browser.post(f"{path}/reject", {"reason": "", "assertion": "{}"})
    assert empty.status_code == 400


async def test_of_two_changes_the_slower_is_shown_as_overtaken(greece: Console) -> None:
    """Issue 6, bad input."""
    browser, path = await new_certificate(greece)
    greece.put(GREECE, {**anchor(), "files": {FILE: {"text": pem(certificate("third"))}}})
    page = await browser.get(path)
    assert "a newer change was faster" in page.text
    assert f"{path}/approve" not in page.text


async def test_configuration_that_would_not_be_sound_is_refused_before_anybody_signs(greece: Console) -> None:
    greece.invalid.append("countries/gr.toml: anchor: no such anchor")
    browser = await greece.sign_in(ANNA)
    refused = await browser.post(
        f"/objects/{GREECE}/certificate",
        {"pem": pem(NEW), "valid_from": "", "valid_until": "", **WHY},
    )
    assert (refused.status_code, "no such anchor" in refused.text) == (409, True)


async def test_check_on_the_page_says_whether_it_is_still_sound(greece: Console) -> None:
    browser, path = await new_certificate(greece)
    assert "The configuration is sound afterwards." in (await browser.get(f"{path}?check=1")).text
    greece.invalid.append("clients/x.toml: gone")
    assert "clients/x.toml: gone" in (await browser.get(f"{path}?check=1")).text


async def test_change_in_force_shows_what_it_changed_then(greece: Console) -> None:
    _, path = await new_certificate(greece)
    greece.registry.approve(greece.passkeys[BERT].approve(path.rpartition("/")[2], BERT), now=greece.clock())
    greece.put(GREECE, {**anchor(), "files": {FILE: {"text": pem(certificate("third"))}}})
    page = await (await greece.sign_in(VERA)).get(path)
    digest = x509.load_der_x509_certificate(OLD).fingerprint(hashes.SHA256()).hex()
    assert grouped(digest) in page.text


async def test_forced_row_is_an_alarm_on_the_first_page(greece: Console) -> None:
    """Issue 6, item 2: whoever writes rows changes nothing, and everybody sees it."""
    _, path = await new_certificate(greece)
    change = path.rpartition("/")[2]
    store = greece.registry._store
    body = {"change": change, "state": "00" * 32}
    store.append(store.head(), [("change-activated", body)], now=greece.clock())
    page = await (await greece.sign_in(VERA)).get("/")
    assert "entries without effect" in page.text
    assert "registry.people" in page.text
    assert held(greece) == anchor()


# -------------------------------------------------------------------------------- proposing


async def test_draft_is_seen_by_nobody_else_and_discarded_without_a_trace(greece: Console) -> None:
    browser = await greece.sign_in(ANNA)
    sent = await browser.post(
        f"/objects/{GREECE}/certificate", {"pem": pem(NEW), "valid_from": "", "valid_until": "", **WHY}
    )
    path = sent.headers["location"]
    other = await greece.sign_in(BERT)
    assert (await other.get(path)).status_code == 410
    assert (await browser.get(path)).status_code == 200
    assert (await browser.post(f"{path}/discard")).status_code == 303
    assert (await browser.get(path)).status_code == 410
    assert not greece.registry.follow().open_proposals()


@pytest.mark.parametrize("missing", ["reason", "evidence"])
async def test_reason_and_evidence_are_needed(greece: Console, missing: str) -> None:
    browser = await greece.sign_in(ANNA)
    fields = {"pem": pem(NEW), "valid_from": "", "valid_until": "", **WHY, missing: "  "}
    refused = await browser.post(f"/objects/{GREECE}/certificate", fields)
    assert (refused.status_code, missing in refused.text) == (400, True)


@pytest.mark.parametrize(
    "fields", [{"pem": "hello"}, {"pem": ""}, {"pem": pem(NEW), "valid_from": "soon"}, {"pem": pem(OLD)}]
)
async def test_certificate_that_is_none_or_changes_nothing_is_refused(
    greece: Console, fields: dict[str, str]
) -> None:
    browser = await greece.sign_in(ANNA)
    refused = await browser.post(f"/objects/{GREECE}/certificate", {**fields, **WHY})
    assert refused.status_code in {400, 409}


async def test_certificate_is_uploaded_as_a_file_in_der(greece: Console) -> None:
    browser = await greece.sign_in(ANNA)
    draft = await follow(
        browser,
        await browser.post(
            f"/objects/{GREECE}/certificate",
            {"pem": "", "valid_from": "", "valid_until": "", **WHY},
            files={"upload": ("new.der", NEW)},
        ),
    )
    assert grouped(x509.load_der_x509_certificate(NEW).fingerprint(hashes.SHA256()).hex()) in draft.text


async def test_object_is_edited_as_toml_and_only_what_was_touched_changes(greece: Console) -> None:
    browser = await greece.sign_in(OLGA)
    page = await browser.get(f"/objects/{GREECE}/edit")
    assert "valid_until" in page.text
    text = f'id = "{GREECE.id}"\ncertificate = "{FILE}"\nvalid_from = 2026-01-01\nvalid_until = 2029-01-01\n'
    sent = await browser.post(
        f"/objects/{GREECE}/edit", {"text": text, f"file:{FILE}": pem(OLD).replace("\n", "\r\n"), **WHY}
    )
    draft = await follow(browser, sent)
    assert "2029-01-01" in draft.text
    assert "SHA-256 of the certificate" not in draft.text


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("id = ", {}),
        ('id = "el-node-2026"\ncertificate = "../../etc/passwd"\n', {}),
        ('id = "el-node-2026"\n', {"file:../../x": "y"}),
        ('id = "el-node-2026"\n', {"file:registry/anchors/x.toml": "y"}),
        ('id = "another"\ncertificate = "registry/missing.crt"\n', {}),
        ("a = " + "[" * 20_000, {}),
        ("a = " + "9" * 5000, {}),
        ('id = "el-node-2026"\n', {"file:registry/anchors": "y"}),
        ('id = "el-node-2026"\n', {f"file:registry/{'x' * 300}": "y"}),
    ],
)
async def test_text_that_is_no_object_is_refused(greece: Console, text: str, files: dict[str, str]) -> None:
    browser = await greece.sign_in(ANNA)
    refused = await browser.post(f"/objects/{GREECE}/edit", {"text": text, **files, **WHY})
    assert refused.status_code == 400, refused.text


async def test_new_object_comes_with_the_file_it_names(greece: Console) -> None:
    browser = await greece.sign_in(ANNA)
    fields = {
        "text": 'id = "se"\ncertificate = "registry/anchors/se.crt"\n',
        "name": "registry/anchors/se.crt",
    }
    sent = await browser.post(
        "/propose/anchor", {**fields, **WHY}, files={"upload": ("x", pem(NEW).encode())}
    )
    draft = await follow(browser, sent)
    assert "New: Anchor" in draft.text
    lonely = await browser.post("/propose/anchor", {**fields, **WHY})
    assert lonely.status_code == 400
    assert (await browser.get("/propose/nothing")).status_code == 404


def bundle(compression: int = zipfile.ZIP_DEFLATED, **files: str) -> bytes:
    octets = BytesIO()
    with zipfile.ZipFile(octets, "w", compression) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return octets.getvalue()


async def test_bundle_is_what_the_registry_shall_hold(greece: Console) -> None:
    browser = await greece.sign_in(ANNA)
    archive = bundle(
        **{
            "bundle/README.md": "about it",
            "bundle/registry/anchors/se.toml": 'id = "se"\ncertificate = "registry/anchors/se.crt"\n',
            "bundle/registry/anchors/se.crt": pem(NEW),
        }
    )
    draft = await follow(browser, await browser.post("/bundle", WHY, files={"upload": ("b.zip", archive)}))
    assert "New: Anchor" in draft.text
    assert "Removed: Anchor" in draft.text


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"PK\x03\x04",
        bundle(**{"anchors/x.toml": 'id = "x"', "registry": "no folder"}),
        bundle(**{"registry/../../x.toml": "y"}),
        bundle(**{"/registry/anchors/x.toml": "y"}),
        bundle(**{"registry/anchors/x.toml": "id = "}),
        bundle(**{"registry/anchors/x.toml": "#" * (17 * 1024 * 1024)}),
        bundle(**{"registry/anchors/x.toml": "a = " + "[" * 20_000}),
        bundle(**{"registry/anchors/\u00e4.toml": ""}).replace("\u00e4".encode(), b"\xff\xfe"),
        bundle(zipfile.ZIP_DEFLATED, **{"registry/anchors/x.toml": "#" * 5000}).replace(
            b".toml", b".toml\xff", 1
        ),
        bundle(zipfile.ZIP_LZMA, **{"registry/anchors/x.toml": "#"}),
    ],
    ids=[
        "none",
        "broken",
        "no folder",
        "dots",
        "absolute",
        "no TOML",
        "bomb",
        "deep",
        "no UTF-8",
        "damaged",
        "LZMA",
    ],
)
async def test_archives_that_are_no_bundle_are_refused(greece: Console, archive: bytes) -> None:
    browser = await greece.sign_in(ANNA)
    refused = await browser.post("/bundle", WHY, files={"upload": ("b.zip", archive)})
    assert refused.status_code == 400


async def test_downloaded_bundle_is_what_would_change_nothing(greece: Console) -> None:
    """Issue 6, item 1: the same format goes in and out."""
    viewer = await greece.sign_in(VERA)
    downloaded = await viewer.get("/bundle/registry.zip")
    assert downloaded.headers["content-type"] == "application/zip"
    assert 'href="/bundle/registry.zip"' in (await viewer.get("/objects")).text
    browser = await greece.sign_in(ANNA)
    files = {"upload": ("b.zip", downloaded.content)}
    refused = await browser.post("/bundle", WHY, files=files)
    assert refused.status_code == 409
    assert "registry.empty" in refused.text


async def test_time_that_was_given_in_utc_is_shown_in_utc_too(greece: Console) -> None:
    browser = await greece.sign_in(ANNA)
    fields = {**WHY, "not_before": "2026-11-28T06:30"}
    draft = await follow(browser, await browser.post(f"/objects/{GREECE}/remove", fields))
    assert "28 Nov 2026, 07:30:00" in draft.text
    assert "(2026-11-28 06:30 UTC)" in draft.text


async def test_object_is_removed_by_two(greece: Console) -> None:
    _, path = await proposed(greece, ANNA, f"/objects/{GREECE}/remove", {})
    browser = await greece.sign_in(BERT)
    page = await browser.get(path)
    await browser.answer(page, greece.passkeys[BERT], action=f"{path}/approve")
    assert (await browser.get(f"/objects/{GREECE}")).status_code == 404


# -------------------------------------------------------------------------------- emergency


async def test_one_person_suspends_after_a_page_that_says_what_happens(greece: Console) -> None:
    """security.md D.7; issue 6, item 2."""
    browser = await greece.sign_in(OLGA)
    page = await browser.get(f"/emergency?object={GREECE}")
    assert f'name="object:{GREECE}" value="1" checked' in page.text
    sent = await browser.post("/emergency", {f"object:{GREECE}": "1", "reason": "key stolen", "evidence": ""})
    draft = await follow(browser, sent)
    assert "This happens at once, without a second person" in draft.text
    assert not greece.registry.follow().state.suspended
    signed = await browser.answer(draft, greece.passkeys[OLGA])
    assert signed.status_code == 303
    assert greece.registry.follow().state.suspended == {GREECE}
    assert "due by" in (await browser.get("/")).text
    assert "Re-activate" in (await browser.get(f"/objects/{GREECE}")).text


async def test_suspension_is_ended_by_two_and_confirmed_by_two(greece: Console) -> None:
    for step, left in (("review", {GREECE}), ("reactivate", set())):
        if step == "review":
            browser = await greece.sign_in(OLGA)
            sent = await browser.post("/emergency", {f"object:{GREECE}": "1", "reason": "x"})
            await browser.answer(await follow(browser, sent), greece.passkeys[OLGA])
        _, path = await proposed(greece, OLGA, f"/objects/{GREECE}/{step}", {})
        assert greece.registry.follow().state.suspended == {GREECE}
        bert = await greece.sign_in(BERT)
        await bert.answer(await bert.get(path), greece.passkeys[BERT], action=f"{path}/approve")
        assert greece.registry.follow().state.suspended == left
        assert all(s.review_due is None for s in greece.registry.known.suspensions.values())


async def test_everything_can_be_ended_at_once(greece: Console) -> None:
    """More boxes than other forms have fields: the answer is about the objects."""
    browser = await greece.sign_in(ANNA)
    many = {f"object:anchor/x{number}": "1" for number in range(100)} | WHY
    refused = await browser.post("/emergency", many, files={"none": ("", b"")})
    assert refused.status_code == 409, refused.text


async def test_marks_that_turn_a_text_around_are_seen_by_whoever_signs(greece: Console) -> None:
    """ux.md §11: Trojan Source (CVE-2021-42574), in what the proposer writes."""
    greece.registry.follow()
    edit = greece.edit(ObjectKey(ObjectKind.ANCHOR, "x"), anchor())
    change = greece.registry.draft(
        ChangeClass.ORDINARY, [edit], reason="for \u202eYX<b>", evidence="a\x07b\u2066\U000e0041", proposer=ANNA,
        now=greece.clock(),
    )  # fmt: skip
    greece.registry.propose(
        change, approval=greece.passkeys[ANNA].signs(change.change_hash, ANNA), now=greece.clock()
    )
    browser = await greece.sign_in(BERT)
    for path in ("/", "/changes", f"/changes/{change.change_hash}"):
        page = (await browser.get(path)).text
        assert not {"\u202e", "\u2066", "\x07", "\U000e0041"} & set(page)
    assert "for \\u{202e}YX&lt;b&gt;" in page
    assert "a\\u{7}b\\u{2066}\\u{e0041}" in page


async def test_marks_in_a_file_survive_the_form_that_edits_it(greece: Console) -> None:
    before = anchor()
    text = before["files"][FILE]["text"] + "# \u202e\n"
    greece.put(GREECE, {**before, "files": {FILE: {"text": text}}})
    page = await (await greece.sign_in(ANNA)).get(f"/objects/{GREECE}/edit")
    assert "\u202e" not in page.text
    assert "# &#8238;" in page.text


async def test_emergency_without_a_choice_or_with_nonsense_does_nothing(greece: Console) -> None:
    browser = await greece.sign_in(ANNA)
    assert (await browser.post("/emergency", {"reason": "x"})).status_code == 400
    for wrong in ("anchor/nobody", "nothing/x", "approver/a.beispiel"):
        assert (await browser.post("/emergency", {f"object:{wrong}": "1", "reason": "x"})).status_code == 409


# -------------------------------------------------------------------------------- roles


async def test_viewer_reads_everything_and_is_offered_nothing(greece: Console) -> None:
    _, path = await new_certificate(greece)
    browser = await greece.sign_in(VERA)
    for page in ("/", "/changes", path, "/objects", f"/objects/{GREECE}", "/people"):
        shown = await browser.get(page)
        assert shown.status_code == 200
        assert "data-passkey" not in shown.text
        assert "/edit" not in shown.text
    for page in (f"/objects/{GREECE}/edit", "/emergency", "/bundle", "/people/enrol", "/propose/anchor"):
        refused = await browser.get(page)
        assert (refused.status_code, "6003" in refused.text) == (403, True)
    for page in (f"{path}/approve", f"{path}/reject", "/emergency", "/people/enrol"):
        assert (await browser.post(page)).status_code == 403


async def test_operator_proposes_and_does_not_approve(greece: Console) -> None:
    """Issue 6, item 6; the registry refuses it, whatever the page offers."""
    _, theirs = await new_certificate(greece, ANNA)
    browser = await greece.sign_in(OLGA)
    page = await browser.get(theirs)
    assert f"{theirs}/approve" not in page.text
    signed = greece.passkeys[OLGA].approve(theirs.rpartition("/")[2], OLGA)
    refused = await browser.post(f"{theirs}/approve", {"assertion": json.dumps(signed.assertion)})
    assert (refused.status_code, "registry.role" in refused.text) == (409, True)
    assert (await browser.get("/people/enrol")).status_code == 403


# -------------------------------------------------------------------------------- people


async def test_stranger_with_a_passkey_is_enrolled_by_two_approvers_and_signs_in(console: Console) -> None:
    clara = Passkey(credential_id=b"of Clara")
    fields = {
        "id": CLARA,
        "name": "Clara",
        "role": "operator",
        "file": json.dumps(clara.credential.as_json()),
    }
    _, path = await proposed(console, ANNA, "/people/enrol", fields)
    stranger = console.browser()
    assert (await stranger.sign_in(clara)).status_code == 403
    browser = await console.sign_in(BERT)
    page = await browser.get(path)
    assert grouped(clara.credential.fingerprint) in page.text
    await browser.answer(page, console.passkeys[BERT], action=f"{path}/approve")
    assert (await stranger.sign_in(clara)).status_code == 303
    assert "Clara (operator)" in (await stranger.get("/")).text
    assert "passkey" in (await stranger.get("/people")).text


async def test_second_key_and_another_role_are_changes_by_two(console: Console) -> None:
    second = Passkey(credential_id=b"a second one")
    browser = await console.sign_in(ANNA)
    assert OLGA in (await browser.get(f"/people/enrol?id={OLGA}")).text
    file = json.dumps(second.credential.as_json())
    fields = {"id": OLGA, "name": "Olga", "role": "viewer", "keys": "keep", "file": file}
    _, path = await proposed(console, ANNA, "/people/enrol", fields)
    bert = await console.sign_in(BERT)
    german = (await bert.get(path, **{"accept-language": "de"})).text
    for said in ("Rolle", "Betrieb", "liest", "Schlüssel 2", "Passkey, SHA-256"):
        assert said in german
    await bert.answer(await bert.get(path), console.passkeys[BERT], action=f"{path}/approve")
    olga = person(console.registry.follow(), OLGA)
    assert olga is not None
    assert olga.role is Role.VIEWER
    assert olga.credentials == (console.passkeys[OLGA].credential, second.credential)


async def test_person_is_removed_by_two(console: Console) -> None:
    _, path = await proposed(console, ANNA, f"/people/{OLGA}/remove", {})
    bert = await console.sign_in(BERT)
    await bert.answer(await bert.get(path), console.passkeys[BERT], action=f"{path}/approve")
    assert ObjectKey(ObjectKind.APPROVER, OLGA) not in console.registry.follow().state.objects


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "..", "role": "viewer", "file": ""},
        {"id": CLARA, "role": "root", "file": ""},
        {"id": CLARA, "role": "viewer", "file": ""},
        {"id": CLARA, "role": "viewer", "file": "{}"},
    ],
)
async def test_enrolment_needs_identifier_role_and_key(console: Console, fields: dict[str, str]) -> None:
    browser = await console.sign_in(ANNA)
    assert (await browser.post("/people/enrol", {**fields, **WHY})).status_code == 400


async def test_key_of_somebody_else_is_not_enrolled(console: Console) -> None:
    browser = await console.sign_in(ANNA)
    file = json.dumps(console.passkeys[BERT].credential.as_json())
    sent = await browser.post("/people/enrol", {"id": CLARA, "role": "approver", "file": file, **WHY})
    assert (sent.status_code, "registry.approver" in sent.text) == (409, True)


async def test_what_is_not_there_is_said_so(console: Console) -> None:
    browser = await console.sign_in(ANNA)
    for path in (
        "/changes/ffff",
        "/objects/anchor/nobody",
        "/objects/x/y",
        "/drafts/zz",
        "/people/nobody/remove",
    ):
        assert (await browser.get(path)).status_code in {404, 410}


async def test_database_that_is_away_leaves_what_is_known_and_refuses_changes(greece: Console) -> None:
    """Issue 6, bad input: known trust keeps working, changes wait."""
    browser, path = await new_certificate(greece)
    with greece.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE registry_log RENAME TO away")
    assert GREECE.id in (await browser.get(f"/objects/{GREECE}")).text
    signed = greece.passkeys[BERT].approve(path.rpartition("/")[2], BERT)
    refused = await browser.post(f"{path}/approve", {"assertion": json.dumps(signed.assertion)})
    assert (refused.status_code, "6009" in refused.text) == (503, True)


async def test_first_page_names_what_waits_what_ends_and_who_came(greece: Console) -> None:
    """ux.md §11, dashboard."""
    stranger = greece.browser()
    await stranger.sign_in(Passkey(credential_id=b"a stranger's"))
    _, path = await new_certificate(greece)
    page = (await (await greece.sign_in(VERA)).get("/")).text
    assert path in page
    assert "signatures are missing" in page
    assert "Sign until" in page
    assert 'href="/expiry"' in page
    last = page.partition("Last sign-ins to the console")[2]
    assert last.index(VERA) < last.index(ANNA) < last.index("a passkey was refused")


async def test_change_for_a_later_day_waits_signed(greece: Console) -> None:
    day = (greece.clock() + timedelta(days=7)).strftime("%Y-%m-%dT06:00")
    _, path = await proposed(greece, ANNA, f"/objects/{GREECE}/remove", {"not_before": day})
    bert = await greece.sign_in(BERT)
    page = await bert.get(path)
    assert "Not before" in page.text
    done = await follow(bert, await bert.answer(page, greece.passkeys[BERT], action=f"{path}/approve"))
    assert "signed, waits for its day" in done.text
    assert held(greece) == anchor()
    refused = await bert.post(f"/objects/{GREECE}/remove", {**WHY, "not_before": "soon"})
    assert refused.status_code == 400
