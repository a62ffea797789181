"""The console's words: one catalogue per area and language, beside those of the citizens' pages.

``locales/<language>/<area>.po`` in the same form as ``gateway.web.translations``; identifiers begin with
the area. The texts of errors are those of the error reference, which every gateway shows to the public.
"""

from __future__ import annotations

from pathlib import Path

from gateway.web import translations
from gateway.web.translations import Translations

DIRECTORY = Path(__file__).parent / "locales"


def languages() -> tuple[str, ...]:
    """Languages that the console speaks."""
    return tuple(sorted(path.name for path in DIRECTORY.iterdir() if path.is_dir()))


def areas(language: str) -> tuple[Path, ...]:
    """The catalogues of one language."""
    return tuple(sorted((DIRECTORY / language).glob("*.po")))


def load(language: str) -> Translations:
    """All texts of one language."""
    return translations.merged(language, (translations.catalogue(language), *areas(language)))
