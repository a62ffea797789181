"""docs/online-ausweis.md explains every word that the audit log can hold about an Online-Ausweis."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = (ROOT / "connectors" / "npa", ROOT / "connectors" / "saml" / "tr03130")
WORD = re.compile(r'"((?:npa|eid|eid-server)\.[a-z][a-z.-]+)"')
REASONS = sorted(
    {
        word
        for folder in SOURCES
        for path in folder.rglob("*.py")
        for word in WORD.findall(path.read_text("utf-8"))
    }
)


def documented():
    text = (ROOT / "docs" / "online-ausweis.md").read_text("utf-8")
    table = text.partition("## What the log says")[2]
    return re.findall(r"`([a-z-]+\.[a-z.*-]+)`", table)


@pytest.mark.parametrize("reason", REASONS)
def test_reason_is_explained_to_the_operator(reason):
    """Issue 4 item 7; style.md §10: who has to act."""
    assert any(fnmatchcase(reason, pattern) for pattern in documented())


def test_no_explained_reason_is_gone():
    """A table that explains what cannot happen misleads."""
    gone = [word for word in documented() if "*" not in word and word not in REASONS]
    assert gone == []
