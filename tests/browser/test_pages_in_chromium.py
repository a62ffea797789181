"""How the pages behave under a real browser: keyboard, no JavaScript, the policy, the enhancements."""

import re

import pytest
from playwright.sync_api import expect

from tests.web import samples


@pytest.fixture
def opened(browser, sample_site):
    """Opens a page in a fresh context and closes it afterwards."""
    contexts = []

    def open_page(path, **options):
        context = browser.new_context(base_url=sample_site.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def script(request):
    return {"java_script_enabled": request.param}


def test_country_is_chosen_with_one_click(opened, script):
    """ux.md §4.1: real submit buttons, with and without JavaScript."""
    page = opened("/de/select", **script)
    page.get_by_role("button", name="Griechenland – Ελλάδα").click()
    expect(page.locator("#got")).to_have_text("/login/7K2QX9MFBT/start means=eidas person=natural country=GR")


def test_cancel_works(opened, script):
    """ux.md §6."""
    page = opened("/en/select", **script)
    page.get_by_role("button", name="Cancel and return to Civil status certificates online").click()
    expect(page.locator("#got")).to_have_text("/login/7K2QX9MFBT/cancel")


def test_closed_country_cannot_be_chosen(opened, script):
    """ux.md §4.7."""
    page = opened("/de/select", **script)
    button = page.get_by_role("button", name=re.compile("^Estland – Eesti ?, erreicht das verlangte"))
    expect(button).to_be_disabled()


def test_release_sends_only_what_was_ticked(opened, script):
    """ux.md §5: optional data are released by the citizen's own tick."""
    page = opened("/de/release", **script)
    page.get_by_label("Anschrift").check()
    page.get_by_role("button", name="Daten an Personenstandsurkunden online übermitteln").click()
    expect(page.locator("#got")).to_have_text(
        "/login/7K2QX9MFBT/release registration= optional=subject.address decision=release"
    )


def test_refusal_is_a_button_like_the_release(opened, script):
    """ux.md §5: equal weight, also in what the eye sees."""
    page = opened("/de/release", **script)
    release = page.get_by_role("button", name="Daten an Personenstandsurkunden online übermitteln")
    refuse = page.get_by_role("button", name="Nicht übermitteln")
    sizes = [button.bounding_box() for button in (release, refuse)]
    assert sizes[0]["width"] == sizes[1]["width"]
    assert sizes[0]["height"] == sizes[1]["height"]
    refuse.click()
    expect(page.locator("#got")).to_have_text("/login/7K2QX9MFBT/release registration= decision=refuse")


def test_hand_over_reaches_the_node_and_where_it_leads(opened, script):
    """ux.md §9: Chromium applies form-action to redirects too; the node sends on to another host."""
    page = opened("/de/handover", **script)
    if not script["java_script_enabled"]:
        page.get_by_role("button", name="Weiter zur Anmeldung in den Niederlanden").click()
    expect(page.locator("#got")).to_have_text("/got method=POST SAMLRequest=PHNhbWw RelayState=7K2QX9MFBT.x")


def test_go_page_forwards_by_itself(opened, script):
    """ux.md §9: meta refresh needs no script and is no form."""
    page = opened("/de/go", **script)
    expect(page.locator("#got")).to_have_text("/got method=GET SAMLRequest=x Signature=y")


def test_keyboard_reaches_everything_in_reading_order(opened):
    """WCAG 2.1.1, 2.4.3, 2.4.7: Tab goes through the page as it is read, and one sees where."""
    page = opened("/de/select")
    expect(page.locator("#filter-text")).to_be_visible()
    stops = []
    for _ in range(60):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return [e.id || e.value || e.textContent.trim(), s.outlineStyle, parseFloat(s.outlineWidth)] }"
        )
        if stop[0].startswith("Zum Inhalt") and stops:
            break
        stops.append(stop)
    names = [name for name, _, _ in stops]
    assert names[:4] == ["Zum Inhalt springen", "English", "Für mich selbst", stops[3][0]]
    assert names[4:8] == ["filter-text", "BE", "BG", "DK"]
    assert names.index("NO") + 1 == names.index("AT")
    assert names.index("CY") < names.index("Meine eID ist aus Deutschland")
    cancel = "Abbrechen und zurück zu Personenstandsurkunden online"
    assert names.index("Was passiert als Nächstes?") < names.index(cancel) < names.index("Hilfe")
    assert not {"EE", "SK", "LV"} & set(names)
    assert [name for name, style, width in stops if name and (style == "none" or width < 2)] == []


def test_country_is_chosen_by_keyboard_alone(opened):
    """WCAG 2.1.1: skip link, then filter, then the country, without a mouse."""
    page = opened("/de/select")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.locator("#filter-text")).to_be_focused()
    page.keyboard.type("ελλ")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#got")).to_contain_text("country=GR")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Griech", ["GR"]),
        ("greece", ["GR"]),
        ("ελλάδα", ["GR"]),
        ("ελλαδα", ["GR"]),
        ("osterr", ["AT"]),
        ("Österr", ["AT"]),
        ("spid", ["IT"]),
        ("Кыб", []),
        ("sl", ["SK", "SI"]),
    ],
)
def test_filter_finds_a_country_by_any_of_its_names(opened, typed, shown):
    """ux.md §4: without German the own country is found in seconds, accents or not."""
    page = opened("/de/select")
    page.locator("#filter-text").fill(typed)
    visible = page.locator(".eg-countries li:visible button")
    assert [button.get_attribute("value") for button in visible.all()] == shown
    status = f"Gefunden: {len(shown)}" if shown else "Kein Land gefunden. Hilfe finden Sie unter der Liste."
    expect(page.locator("#filter-count")).to_have_text(status)
    page.locator("#filter-text").fill("")
    assert page.locator(".eg-countries li:visible").count() == len(samples.COUNTRIES)
    expect(page.locator("#filter-count")).to_be_empty()


def test_filter_is_not_there_without_script(opened):
    """A field that does nothing must not be shown."""
    page = opened("/de/select", java_script_enabled=False)
    expect(page.locator("#filter-text")).to_be_hidden()


def test_end_of_the_time_is_announced_two_minutes_before(opened, browser, sample_site):
    """WCAG 2.2.1 and 4.1.3: in words, in a status that screen readers speak."""
    context = browser.new_context(base_url=sample_site.url)
    page = context.new_page()
    page.clock.install(time=samples.NOW)
    page.goto("/de/release")
    expect(page.locator("#deadline")).to_be_empty()
    page.clock.fast_forward("12:30")
    expect(page.locator("#deadline")).to_have_text(re.compile("zwei Minuten oder weniger.*um 10:54 Uhr"))
    context.close()


def test_page_from_the_browsers_memory_asks_the_server_again(opened):
    """ux.md §9: bfcache; the server alone knows how far the journey is."""
    page = opened("/de/select")
    with page.expect_navigation():
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_printed_release_is_a_proof(opened):
    """ux.md §5: time, service, attributes, level, journey number; no buttons."""
    page = opened("/de/release")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Nicht übermitteln")).to_be_hidden()
    for words in ("Zeitpunkt", "23. November 2026", "7K2QX-9MFBT", "Παπαδοπούλου", "hoch"):
        expect(page.locator("main")).to_contain_text(words)
    expect(page.locator("dt", has_text="Zeitpunkt")).to_be_visible()
    assert len(page.pdf()) > 10_000


def test_motion_stops_where_the_citizen_asked_for_it(opened):
    """WCAG 2.3.3."""
    page = opened("/de/select", reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_policy_stops_code_that_was_smuggled_in(opened):
    """ux.md §9: even if markup got in, no inline script would run."""
    page = opened("/de/select")
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.smuggled = 1';"
        " document.body.append(s) }"
    )
    assert page.evaluate("window.smuggled") is None
