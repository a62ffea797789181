"""The headless browser: it may not be kinder to the gateway than a real one."""

from __future__ import annotations

import ast
import tomllib
from datetime import date
from pathlib import Path

import httpx
import pytest

from sandbox.browser import Browser, CookieJar, NoSuchForm, read_page
from sandbox.toml_text import document

GATEWAY = "https://localhost:8400/connectors/eidas/acs"


@pytest.fixture
def jar() -> CookieJar:
    jar = CookieJar()
    for header in (
        "__Host-lax=1; Secure; HttpOnly; Path=/; SameSite=Lax",
        "__Host-none=2; Secure; HttpOnly; Path=/; SameSite=None",
        "__Host-strict=3; Secure; Path=/; SameSite=Strict",
        "plain=4; Path=/connectors",
    ):
        jar.store("https://localhost:8400/login/X", header)
    return jar


def test_only_samesite_none_travels_with_a_cross_site_post(jar) -> None:
    """RFC 6265bis §5.8.3; security.md B.3. No SameSite attribute counts as Lax."""
    assert jar.header(GATEWAY, method="POST", cross_site=True) == "__Host-none=2"
    assert jar.header(GATEWAY, method="GET", cross_site=True) == "__Host-lax=1; __Host-none=2; plain=4"
    everything = "__Host-lax=1; __Host-none=2; __Host-strict=3; plain=4"
    assert jar.header(GATEWAY, method="POST", cross_site=False) == everything


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("http://localhost/", "a=1; Secure"),
        ("https://localhost/", "a=1; SameSite=None"),
        ("https://localhost/", "__Host-a=1; Secure; Path=/x"),
        ("https://localhost/", "__Host-a=1; Path=/"),
    ],
)
def test_cookie_that_browsers_drop_is_dropped(url, header) -> None:
    """RFC 6265bis §5.7: Secure over http, None without Secure, __Host- with a path."""
    jar = CookieJar()
    jar.store(url, header)
    assert jar.header(url, method="GET", cross_site=False) == ""


def test_cookie_is_deleted_and_kept_to_its_host(jar) -> None:
    """RFC 6265bis §5.8.3."""
    assert jar.header("https://127.0.0.1:8420/", method="GET", cross_site=False) == ""
    jar.store("https://localhost/", "__Host-none=; Secure; Path=/; Max-Age=0; SameSite=None")
    assert jar.header(GATEWAY, method="POST", cross_site=True) == ""


PAGE = """<html><head><meta http-equiv="refresh" content="0; url=/next"></head><body>
<form method="post" action="/go"><input type="hidden" name="means" value="eidas">
<input type="radio" name="citizen" value="a" checked><input type="radio" name="citizen" value="b">
<select name="fault"><option value="">none</option><option value="x">X</option></select>
<input type="checkbox" name="optional" value="address">
<button name="country" value="GR">Greece</button><button name="country" value="DK" disabled>DK</button>
</form></body></html>"""


def test_form_sends_what_a_browser_would_send() -> None:
    """HTML §4.10.22: checked radio, first option, no unchecked box, no button that was not pressed."""
    response = httpx.Response(200, html=PAGE)
    page = read_page("https://localhost/start", response)
    assert page.refresh == "https://localhost/next"
    form = page.form("/go")
    assert form.fields == [("means", "eidas"), ("citizen", "a"), ("fault", "")]
    assert form.choices["country"] == ["GR"]
    assert form.choices["optional"] == ["address"]


def test_choice_that_is_not_offered_is_an_error() -> None:
    """A test that presses a button that is not there proves nothing."""
    with httpx.Client() as http:
        browser = Browser(http)
        form = read_page("https://localhost/start", httpx.Response(200, html=PAGE)).form("/go")
        with pytest.raises(NoSuchForm, match="country=DK"):
            browser.submit(form, {"country": "DK"})


def test_generated_toml_reads_back() -> None:
    """TOML 1.0: what the sandbox writes is what the gateway reads."""
    values = {"text": 'a "b" \\ ü\n', "yes": True, "number": 3, "day": date(2026, 1, 2), "list": ["x", "y"]}
    written = document(values, {"section": {"de": {"name": "Ü"}}}, {"items": [{"a": 1}, {"a": 2}]})
    assert tomllib.loads(written) == {
        **values,
        "section": {"de": {"name": "Ü"}},
        "items": [{"a": 1}, {"a": 2}],
    }


def test_sandbox_imports_nothing_of_the_product() -> None:
    """design.md §1: a misread specification must not cancel itself out."""
    imported = set()
    files = sorted((Path(__file__).parents[2] / "sandbox").rglob("*.py"))
    assert len(files) > 20
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    assert not imported & {"gateway", "connectors", "trust", "xmlsec", "saml2", "jose"}


def test_withheld_cookie_is_not_brought_back_by_the_http_client() -> None:
    """security.md B.3: the HTTP client remembers cookies too; only the browser's jar may decide."""
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"set-cookie": "journey=1; Path=/; SameSite=Lax"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        browser = Browser(http)
        browser.get("http://localhost/start")
        browser.get("http://localhost/again")
        browser.jar = CookieJar()
        browser.sent("http://localhost/refresh", by="http://127.0.0.1:24727/")
        browser.jar = CookieJar()
        browser.fetch("http://localhost/result.json")
    assert seen == [None, "journey=1", None, None]
