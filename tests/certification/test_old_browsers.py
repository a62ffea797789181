"""Pages that no flow of the plans shows: what all templates leave out, so that HtmlUnit can drive them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "gateway" / "web"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
NEEDS_MORE_THAN_HTML_4 = {
    "a control outside its form": r"<(button|input|select)[^>]*\sform=",
    "a button that changes its form": r"\sform(action|method|enctype|target|novalidate)\b",
    "a dialog or template": r"<(dialog|template|menu|portal)\b",
    "a handler in the page": r"<[^>]*\son[a-z]+=",
    "a script in the page": r"<script(?![^>]*\bsrc=)",
    "a module": r'type="module"',
    "a link that only a script follows": r'href="(javascript:|#")',
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_template_needs_nothing_that_an_old_browser_lacks(template: Path) -> None:
    """issues 5, 7: "every page works with old or no JavaScript"."""
    text = template.read_text("utf-8")
    for name, pattern in NEEDS_MORE_THAN_HTML_4.items():
        found = re.search(pattern, text, re.IGNORECASE)
        assert found is None, f"{name}: {found and found[0]}"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_button_of_a_template_sends_its_form(template: Path) -> None:
    """A button without ``type`` sends the form in some browsers only."""
    for button in re.findall(r"<button\b[^>]*>", template.read_text("utf-8")):
        assert 'type="submit"' in button, button


@pytest.mark.parametrize("name", ["back.js", "filter.js", "submit.js"])
def test_script_on_the_way_through_a_login_is_one_that_old_engines_parse(name: str) -> None:
    """These are on the pages that the suite sees; an engine that stops at one would stop the page."""
    text = (WEB / "static" / name).read_text("utf-8")
    assert not re.search(r"\?\.|\?\?|\basync\b|\bawait\b|\bimport\b|\bclass\s|catch\s*\{|\*\*|\\p\{", text)
