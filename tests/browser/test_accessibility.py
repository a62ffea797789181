"""Every page in Chromium with axe-core, in two widths, in each language and in each colour scheme.

Target: WCAG 2.2 AA and axe's best practices without a single violation (ux.md §8, §10). Nothing
else may go wrong either: a blocked style or script would be a message on the console.
"""

import pytest

from tests.web import samples

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCHEMES = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}
PAGES = list(samples.pages("de"))
SEEN = [
    (name, scheme, language)
    for at, name in enumerate(PAGES)
    for scheme, language in (("light", "de"), ("dark", "en"), ("forced", ("de", "en")[at % 2]))
]
"""Every page in every scheme and in every language; all pairs of the two would find the same for twice the time."""
RUN = """tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})
  .then(found => ({violations: found.violations, passes: found.passes.map(rule => rule.id)}))"""
"""Every rule is tried on every element; only what is wrong is told element by element."""

TEXT_SPACING = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important } p { margin-bottom: 2em !important }`);
  document.adoptedStyleSheets = [sheet];
}"""


@pytest.fixture(scope="module")
def pages(browser, still_site):
    """One in each scheme, for all tests: a page of its own for each would compile axe anew."""
    contexts = {name: browser.new_context(base_url=still_site.url, **how) for name, how in SCHEMES.items()}
    yield {name: context.new_page() for name, context in contexts.items()}
    for context in contexts.values():
        context.close()


@pytest.fixture
def messages(pages, scheme):
    """What the page says on the console, and its uncaught errors."""
    said = []
    listeners = {
        "console": lambda message: said.append(message.text),
        "pageerror": lambda error: said.append(str(error)),
    }
    for event, listener in listeners.items():
        pages[scheme].on(event, listener)
    yield said
    for event, listener in listeners.items():
        pages[scheme].remove_listener(event, listener)


def width_of(page):
    return page.evaluate("document.documentElement.scrollWidth")


@pytest.mark.parametrize(("name", "scheme", "language"), SEEN)
def test_page_has_no_violation_and_no_message(pages, messages, axe, name, scheme, language):
    """WCAG 2.2 AA (EN 301 549 clause 9); 1.4.10: 320 CSS pixels without sideways scrolling."""
    page = pages[scheme]
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"/{language}/{name}")
    page.evaluate(axe)
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 640})
        result = page.evaluate(RUN, TAGS)
        found = [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in result["violations"]]
        assert found == []
        assert len(result["passes"]) > 15
        assert width_of(page) <= width
    page.evaluate(TEXT_SPACING)  # WCAG 1.4.12
    assert width_of(page) <= 320
    assert messages == []
