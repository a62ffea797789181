"""Texts of the configuration, which come in some languages and are shown on pages in others.

>>> LocalText("Amt24", "de").__html__()
'<span lang="de">Amt24</span>'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import escape

from gateway.web.language import DEFAULT, lookup


@dataclass(frozen=True, slots=True)
class LocalText:
    """A text, and its language where that is not the page's (WCAG 3.1.2)."""

    text: str
    language: str | None = None

    def __html__(self) -> str:
        """Markup for templates and for sentences of the catalogue."""
        if self.language is None:
            return str(escape(self.text))
        return f'<span lang="{escape(self.language)}">{escape(self.text)}</span>'

    def __str__(self) -> str:
        return self.text


def localise(texts: Mapping[str, str], language: str) -> LocalText:
    """The text in ``language``, else in German, else the first; raises ValueError if there is none."""
    tags = tuple(texts)
    tag = lookup(language, tags) or lookup(DEFAULT, tags)
    if tag is None and not tags:
        raise ValueError("a text in no language")
    tag = tag or tags[0]
    same = tag.split("-")[0] == language.split("-", maxsplit=1)[0]
    return LocalText(texts[tag], None if same else tag)
