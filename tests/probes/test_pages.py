"""What the probes' browser reads of a page and where it goes (HTML, RFC 6265bis)."""

from __future__ import annotations

from time import process_time

import pytest

from gateway.probes.browser import Cookies, _page, origin_of
from gateway.probes.failures import ProbeFailed, Reason
from gateway.probes.pages import read_page
from trust.outgoing import Answer

HERE = "https://idp.example/a/login?x=1"


def test_form_has_what_a_browser_would_send() -> None:
    """Defaults, the chosen option, the first button; nothing disabled, no file, no other form's fields."""
    page = read_page(
        HERE,
        200,
        '<form action="../b" method="POST"><input name="u" value="&auml;"><input type="hidden" name="t" value="1">'
        '<input name="off" disabled><input type="file" name="f"><textarea name="n">\nx</textarea>'
        '<select name="s"><option value="1">one<option selected>two  words</select>'
        '<input type="radio" name="r" value="a"><input type="radio" name="r" value="b" checked>'
        '<button type="button" name="script">no</button><button name="go" value="1">yes</button></form>'
        '<input name="outside">',
    )
    (form,) = page.forms
    assert (form.action, form.method) == ("https://idp.example/b", "post")
    assert form.filled([]) == [
        ("u", "ä"),
        ("t", "1"),
        ("n", "x"),
        ("s", "two words"),
        ("r", "b"),
        ("go", "1"),
    ]
    assert form.filled([("u", "me"), ("r", "a"), ("unknown", "x")]) == [
        ("t", "1"), ("n", "x"), ("s", "two words"), ("u", "me"), ("r", "a"), ("go", "1"),
    ]  # fmt: skip
    assert form.filled([("r", "c")]) is None
    assert not form.sends_itself


@pytest.mark.parametrize(
    ("controls", "itself"),
    [
        ('<input type="hidden" name="SAMLResponse" value="x">', True),
        ('<input type="hidden" name="a"><input type="submit" name="continue" value="Continue">', True),
        ('<input type="hidden" name="a"><button name="d" value="y">Y</button><button name="d" value="n">N</button>', False),
        ('<input type="hidden" name="a"><input name="mood">', False),
        ("<button>Log out</button>", False),
    ],
)  # fmt: skip
def test_form_without_a_question_sends_itself(controls: str, *, itself: bool) -> None:
    """What a script would submit; never a choice between two buttons, never a form without any field."""
    (form,) = read_page(HERE, 200, f"<form method=post>{controls}</form>").forms
    assert form.sends_itself is itself
    assert form.action == HERE


def test_title_and_text_of_a_page_are_not_kept() -> None:
    """Nothing to forget later."""
    page = read_page(
        HERE, 200, "<title>Hello Alexandros</title><h1>Alexandros</h1><form><p>Alexandros</p></form>"
    )
    assert "Alexandros" not in repr(page)


@pytest.mark.parametrize(
    ("content", "to"),
    [
        ("0; url=/next", "https://idp.example/next"),
        ("1;URL='next?a=b'", "https://idp.example/a/next?a=b"),
        ("5", None),
    ],
)
def test_refresh_leads_on(content: str, to: str | None) -> None:
    """HTML §4.2.5.3; a page that only reloads itself leads nowhere."""
    assert read_page(HERE, 200, f'<meta http-equiv="Refresh" content="{content}">').refresh == to


def test_base_moves_relative_addresses_and_broken_markup_is_read_on() -> None:
    """HTML §4.2.3."""
    page = read_page(
        HERE, 200, '<base href="https://other.example/x/"><form action="y"><input name=a <p></b>'
    )
    assert page.forms[0].action == "https://other.example/x/y"


def test_cookies_stay_with_their_host_path_scheme_and_site() -> None:
    """RFC 6265bis §5.8.3."""
    jar = Cookies()
    jar.take("https://a.idp.example/x/y", [
        "host=1", "wide=2; Domain=idp.example; Path=/", "none=3; SameSite=None; Secure; Path=/",
        "strict=4; SameSite=Strict; Path=/", "foreign=5; Domain=bank.example", "__Host-bad=6; Path=/",
        "top=7; Domain=example", "gone=8; Path=/", "gone=; Path=/; Max-Age=0",
    ])  # fmt: skip

    def sent(url: str, method: str = "GET", *, cross: bool = False) -> set[str]:
        header = jar.header(url, method=method, cross_site=cross)
        return {pair.partition("=")[0] for pair in header.split("; ")} - {""}

    assert sent("https://a.idp.example/x/z") == {"host", "wide", "none", "strict"}
    assert sent("https://a.idp.example/xyz") == {"wide", "none", "strict"}
    assert sent("https://b.idp.example/") == {"wide"}
    assert sent("https://evil-idp.example/") == set()
    assert sent("https://a.idp.example/x/z", "GET", cross=True) == {"host", "wide", "none"}
    assert sent("https://a.idp.example/x/z", "POST", cross=True) == {"none"}
    assert "none" not in sent("http://a.idp.example/x/z")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "https:///nowhere", "https://a:99999/", ""]
)
def test_what_is_no_address_of_a_page_is_not_followed(url: str) -> None:
    """Only http and https have an origin here."""
    with pytest.raises(ProbeFailed) as failed:
        origin_of(url)
    assert failed.value.reason is Reason.PARTNER_ADDRESS


@pytest.mark.parametrize("unfinished", ["<!--", "</a", "<a ", "<a b='", "<![CDATA[", "<?", "<!", "<![if"])
def test_page_that_is_made_to_be_read_for_hours_is_read_at_once(unfinished: str) -> None:
    """CVE-2025-6069: unfinished markup was read again from each of its beginnings. What is before it counts."""
    begun = process_time()
    page = read_page(HERE, 200, '<form action="/b"><input name="u"></form>' + unfinished * 40_000)
    assert [form.action for form in page.forms] == ["https://idp.example/b"]
    assert process_time() - begun < 2


def test_cookie_that_is_made_to_be_parsed_for_minutes_is_not_kept() -> None:
    """CVE-2024-7592; and no cookie may hold a backslash, nor what one stands for in a header of ours."""
    begun = process_time()
    cookies = Cookies()
    lines = ['a="' + "\\" * 60_000 + '"'] * 100
    cookies.take(HERE, [*lines, 'b="x\\015\\012Host: evil"', "c=" + "x" * 5000, "d=kept"])
    assert cookies.header(HERE, method="GET", cross_site=False) == "d=kept"
    assert process_time() - begun < 2


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "undefined", "utf-7", "rot13", "a\0b", "iso-8859-1", ""]
)
def test_charset_is_one_of_pages(charset: str) -> None:
    """Codecs that are none of text, or slow, are not asked."""
    answer = Answer(
        status=200, headers=(("content-type", f"text/html; charset={charset}"),), body=b"<form>\xe9"
    )
    assert len(_page(HERE, answer).forms) == 1


@pytest.mark.parametrize(("charset", "body"), [("iso-8859-99", b"x"), ("utf-8", b'<a href="https://[">')])
def test_page_that_cannot_be_read_is_the_partners_failure(charset: str, body: bytes) -> None:
    answer = Answer(status=200, headers=(("content-type", f"text/html; charset={charset}"),), body=body)
    with pytest.raises(ProbeFailed) as failed:
        _page(HERE, answer)
    assert failed.value.reason is Reason.PARTNER_PAGE
