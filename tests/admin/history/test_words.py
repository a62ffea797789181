"""The words of these pages, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.admin.render import TEMPLATES
from gateway.admin.words import DIRECTORY, load
from gateway.statistics import Dimension, Outcome
from trust.trees import TREES

PAGES = ("figures.html", "journeys.html", "log.html", "log_entry.html", "health.html")
CODE = Path(__file__).parents[3] / "gateway" / "admin" / "history"


def catalogue(language: str) -> dict[str, str]:
    text = (DIRECTORY / language / "history.po").read_text("utf-8")
    return dict(re.findall(r'^msgid "(history\.[^"]+)"\nmsgstr "([^"]*)"', text, re.MULTILINE))


def test_both_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    german, english = catalogue("de"), catalogue("en")
    assert list(german) == list(english)
    for name, text in german.items():
        assert text, name
        assert english[name], name
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", english[name])), name


@pytest.mark.parametrize("language", ["de", "en"])
def test_whatever_a_page_asks_for_is_there(language: str) -> None:
    words = load(language)
    asked = {
        name
        for source in (*(TEMPLATES / page for page in PAGES), *CODE.glob("*.py"))
        for name in re.findall(r'[\'"](history\.[a-z0-9_]+)[\'"]', source.read_text("utf-8"))
        if not name.endswith("_")
    }
    asked |= {f"history.outcome_{outcome}" for outcome in Outcome}
    asked |= {f"history.{stem}_{one}" for stem in ("by", "heading", "note") for one in Dimension}
    asked |= {
        f"history.{stem}_{tree}" for stem in ("tree", "health_checkpoint", "health_export") for tree in TREES
    }
    asked |= {
        f"history.detail_{found}"
        for found in re.findall(r'detail="([a-z_]+)"', (CODE / "health.py").read_text())
    }
    assert len(asked) > 100
    assert sorted(name for name in asked if name not in words) == []
