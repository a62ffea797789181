"""The console's pages in Chromium: axe, 320 and 1280 pixels, dark and high contrast, by keyboard (ux.md §8, §10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from playwright.sync_api import Browser, Page, expect

from gateway.store import EmbeddedStore
from tests.admin.console import OLGA, Console, open_console
from tests.admin.in_force import in_force
from tests.admin.logins import FAILED, happened
from tests.admin.probed import with_probes
from tests.browser.console_site import authenticator, free_listener, served, sign_in, visitor
from tests.gateway.registry_bundle import make_keys
from tests.trust.registry.passkey import Passkey
from tests.trust.registry.people import ANNA, BERT, GREECE
from tests.trust.test_metadata_list import certificate
from trust.registry import ChangeClass, Document, ObjectKey, ObjectKind, read_key_file, suspension_edits
from trust.registry.diff import grouped

SWEDEN = ObjectKey(ObjectKind.ANCHOR, "se-node")

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PATHS = (
    "/",
    "/changes",
    "{change}",
    "{decided}",
    "{suspension}",
    "{withdrawn}",
    "/objects",
    "/objects/anchor/el-node-2026",
    "/objects/anchor/el-node-2026/edit",
    "/objects/anchor/el-node-2026/certificate",
    "/objects/anchor/el-node-2026/remove",
    "/propose/client",
    "/bundle",
    "/emergency",
    "/partners",
    "/partners/eidas/SE",
    "/sources",
    "/anchors/se-node",
    "/clients/amt24",
    "/keys",
    "/expiry",
    "/probes",
    "/probes/eidas.gr",
    "/figures?span=24h",
    f"/journeys?number={FAILED}",
    "/log",
    "/log/login/4",
    "/health",
    "/people",
    "/people/enrol",
    f"/people/enrol?id={OLGA}",
    f"/people/{OLGA}/remove",
    "/passkey",
    "/sign-in",
    "/refused/of/console.not_found",
    "/nothing",
)
"""Everything in the menu and behind it; each is looked at in every size and scheme."""
HIDDEN = """() => [...document.querySelectorAll('.ac-stack, .ac-difference')]
    .filter(table => table.scrollWidth > table.parentElement.clientWidth).map(table => table.parentElement.ariaLabel)"""
"""Tables of which nothing may be out of sight, also on a phone."""
PHONE = {"width": 320, "height": 640}
SCHEMES: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": PHONE},
    "high contrast": {"forced_colors": "active", "viewport": PHONE},
}


@dataclass
class Site:
    url: str
    console: Console
    change: str
    changes: dict[str, str]
    """Paths of changes, by how they stand."""

    def path(self, template: str) -> str:
        return self.url + template.format(change=self.change, **self.changes)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With an anchor in force, one that is suspended, and a proposal that waits for Bert."""
    listener = free_listener()
    url = f"http://localhost:{listener.getsockname()[1]}"
    with EmbeddedStore() as address, listener:
        console = open_console(tmp_path_factory.mktemp("console"), address, url=url)
        folder = tmp_path_factory.mktemp("files")
        console.live.swap(in_force(console.live.current, folder / "files", make_keys(folder / "keys")))
        with_probes(console)
        decided = console.put(GREECE, anchor(GREECE, "old"))
        console.put(SWEDEN, anchor(SWEDEN, "other"))
        suspension = console.propose(
            OLGA,
            ChangeClass.SUSPENSION,
            suspension_edits(console.registry.known.state, [SWEDEN], suspended=True),
        )
        listed = console.registry.draft(
            ChangeClass.ORDINARY,
            [console.edit(GREECE, anchor(GREECE, "third"))],
            reason="the list differs",
            evidence="signature verified",
            proposer="source/nordic",
            now=console.clock(),
        )
        withdrawn = console.registry.propose(listed, now=console.clock()).proposal.change_hash
        console.registry.withdraw(withdrawn, reason="source/nordic says something else", now=console.clock())
        change = console.propose(ANNA, ChangeClass.ORDINARY, [console.edit(GREECE, anchor(GREECE, "new"))])
        happened(console)
        with served(console, listener):
            named = {"decided": decided, "suspension": suspension, "withdrawn": withdrawn}
            paths = {name: f"/changes/{found}" for name, found in named.items()}
            yield Site(url, console, f"/changes/{change}", paths)
        console.log.stop()
        console.engine.dispose()


def anchor(key: ObjectKey, name: str) -> Document:
    file = f"registry/anchors/{key.id}.crt"
    pem = x509.load_der_x509_certificate(certificate(name)).public_bytes(Encoding.PEM).decode()
    settings = {"id": key.id, "certificate": file, "valid_from": "2026-01-01", "valid_until": "2027-01-01"}
    return {"settings": settings, "files": {file: {"text": pem}}}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_are_accessible_and_never_scroll_sideways(
    site: Site, browser: Browser, axe: str, scheme: str
) -> None:
    with visitor(browser, site.console.passkeys[BERT], **SCHEMES[scheme]) as page:
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        sign_in(page, site.url)
        for template in PATHS:
            page.goto(site.path(template))
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), template
            assert page.evaluate(HIDDEN) == [], template
            if scheme == "high contrast":  # its colours are the system's, and the rest was asked before
                continue
            accessible(page, axe)
        assert [text for text in complaints if "404" not in text] == []


@pytest.mark.parametrize("width", [320, 1280])
def test_form_that_is_not_taken_comes_back_and_both_pages_are_accessible(
    site: Site, browser: Browser, axe: str, width: int
) -> None:
    """WCAG 2.2, 3.3.1, 3.3.3, 3.3.7: said in words, linked to the field, nothing typed twice."""
    size = {"width": width, "height": 900}
    with visitor(browser, site.console.passkeys[ANNA], viewport=size) as page:
        sign_in(page, site.url)
        page.goto(f"{site.url}/objects/anchor/el-node-2026/certificate")
        page.get_by_label("or as text (PEM)").fill("hello")
        page.get_by_label("Reason", exact=True).fill("the telephone")
        page.get_by_label("Evidence", exact=True).fill("file 1")
        page.get_by_role("button", name="Continue to the signature").click()
        expect(page.get_by_role("alert")).to_contain_text("This is no X.509 certificate in PEM or DER.")
        accessible(page, axe)
        page.get_by_role("link", name="Back to the form").click()
        expect(page.get_by_role("alert")).to_contain_text("The form was not accepted")
        expect(page.get_by_label("Reason", exact=True)).to_have_value("the telephone")
        accessible(page, axe)
        page.get_by_role("link", name="To the field “or as text (PEM)”").click()
        expect(page.get_by_label("or as text (PEM)")).to_be_in_viewport()


def accessible(page: Page, axe: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    page.evaluate(axe)
    found = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", TAGS
    )
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == [], page.url


def test_everything_is_reached_and_approved_by_keyboard(site: Site, browser: Browser) -> None:
    """ux.md §8: WCAG 2.1.1, 2.4.1, 2.4.7."""
    with visitor(browser, site.console.passkeys[BERT]) as page:
        sign_in(page, site.url)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.goto(site.path("{change}"))
        button = page.get_by_role("button", name="Reject with a passkey")
        page.keyboard.press("Tab")
        while (focused := page.locator(":focus")).inner_text() != "Reject with a passkey":
            assert focused.evaluate("e => getComputedStyle(e).outlineStyle") != "none", focused.inner_html()
            page.keyboard.press("Tab")
        page.get_by_label("Reason for the rejection").focus()
        page.keyboard.type("not what was read out")
        page.keyboard.press("Tab")
        expect(button).to_be_focused()
        assert button.evaluate("element => getComputedStyle(element).outlineStyle") != "none"


def test_passkey_that_does_not_answer_is_said_in_words(site: Site, browser: Browser) -> None:
    """WCAG 4.1.3: the message takes the focus; nothing was sent."""
    with visitor(browser, Passkey(credential_id=b"of another site", rp_id="localhost")) as page:
        page.goto(site.path("{change}"))
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.disable")
        page.evaluate(
            "() => { navigator.credentials.get = async () => { throw new DOMException('x', 'NotAllowedError') } }"
        )
        page.get_by_role("button", name="Sign in with a passkey").click()
        alert = page.get_by_role("alert")
        expect(alert).to_be_focused()
        expect(alert).to_contain_text("NotAllowedError")


def test_stranger_makes_a_passkey_in_the_browser(site: Site, browser: Browser) -> None:
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    authenticator(page)
    page.goto(f"{site.url}/passkey")
    page.get_by_label("Ihre Kennung").fill("c.probe")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ihr Passkey ist erzeugt")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Als Datei speichern").click()
    credential = read_key_file(saved.value.path().read_bytes())
    assert saved.value.suggested_filename == "c.probe.passkey.json"
    expect(page.locator("#fingerprint")).to_have_text(grouped(credential.fingerprint))
    context.close()


def test_without_script_everything_is_there_and_the_passkey_says_what_it_needs(
    site: Site, browser: Browser
) -> None:
    """ux.md §9."""
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{site.url}/sign-in")
    expect(page.locator("noscript p")).to_be_visible()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The form cannot be used as it is.")
    context.close()
