"""docs/security-admin.md explains every word with which the registry refuses (style.md §10)."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCES = [*(ROOT / "trust" / "registry").glob("*.py"), *(ROOT / "gateway").rglob("*.py")]
WORD = r"registry\.[a-z]+(?:-[a-z]+)*"


def test_every_reason_is_explained_and_no_other() -> None:
    raised = {
        word for path in SOURCES for word in re.findall(rf'(?<!=)"({WORD})[":]', path.read_text("utf-8"))
    }
    guide = (ROOT / "docs" / "security-admin.md").read_text("utf-8")
    explained = re.findall(rf"^\| `({WORD})`", guide, re.MULTILINE)
    assert raised
    assert sorted(explained) == sorted(raised)
