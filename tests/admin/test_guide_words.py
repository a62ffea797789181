"""The admin guide says what the screens say (issue 6, Shows 8)."""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.pofile import read_po

import gateway.admin

GUIDE = Path(__file__).parents[2] / "docs" / "security-admin.md"
SECTIONS = (
    "Console",
    "Partners in the console",
    "What ends, and the calendar",
    "Figures, journeys, log and health in the console",
)
ELSEWHERE = {"from URL", "ICS"}
"""What calendar programs call it."""
ITALIC = re.compile(r"(?<![*\w])\*([^*]+)\*(?!\*)")


def texts() -> str:
    """Every English text of the console, a line each."""
    found: list[str] = []
    for file in (Path(gateway.admin.__file__).parent / "locales" / "en").glob("*.po"):
        with file.open("rb") as source:
            for message in read_po(source, locale="en"):
                found += message.string if isinstance(message.string, tuple) else (message.string,)
    return "\n".join(found)


def shown(words: str, known: str) -> bool:
    """Whether a text has ``words``; ``…`` in them stands for more of it."""
    parts = (re.escape(part.strip()) for part in words.split("…"))
    return re.search(rf"(?<!\w){'.*'.join(parts)}(?!\w)", known) is not None


def test_words_in_italics_are_those_of_the_screens() -> None:
    guide = GUIDE.read_text("utf-8")
    known = texts()
    sections = [guide.partition(f"\n## {name}\n")[2].partition("\n## ")[0] for name in SECTIONS]
    assert all(sections)
    quoted = {" ".join(words.split()) for section in sections for words in ITALIC.findall(section)}
    assert len(quoted) > 60
    assert [words for words in sorted(quoted - ELSEWHERE) if not shown(words, known)] == []
