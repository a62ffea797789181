"""The words of the pages: gettext catalogues with stable identifiers.

``locales/<language>/LC_MESSAGES/gateway.po`` is read and compiled once, at start. ``msgid`` is an
identifier such as ``release.heading``; German is a translation like every other. Placeholders are
``{name}``. A text that depends on a number has gettext plural forms under one identifier.

The result is markup: the text itself and every value put into it are escaped unless they are
markup already, so a hostile name stays a name wherever a template puts the sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from string import Formatter
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup, escape

DIRECTORY = Path(__file__).parent / "locales"

_NOTHING = escape("")


@dataclass(frozen=True, slots=True)
class Translations:
    """All texts of one language. A missing identifier is a KeyError: tests keep languages equal."""

    language: str
    _compiled: GNUTranslations
    _known: frozenset[str]

    def text(self, identifier: str, **values: object) -> Markup:
        """The text ``identifier`` with ``values`` in its placeholders."""
        if identifier not in self._known:
            raise KeyError(identifier)
        return _fill(self._compiled.gettext(identifier), values)

    def count(self, identifier: str, number: int, **values: object) -> Markup:
        """The plural form of ``identifier`` for ``number``, which fills ``{number}``."""
        if identifier not in self._known:
            raise KeyError(identifier)
        chosen = self._compiled.ngettext(identifier, identifier, number)
        return _fill(chosen, values | {"number": number})

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._known


@cache
def _pieces(text: str) -> tuple[tuple[Markup, str | None], ...]:
    """``text`` cut at its placeholders, the words escaped; raises ValueError for a malformed one."""
    pieces = []
    for literal, name, specification, conversion in Formatter().parse(text):
        if specification or conversion or (name is not None and not name.isidentifier()):
            raise ValueError(f"only plain placeholders are allowed: {text}")
        pieces.append((escape(literal), name))
    return tuple(pieces)


def _fill(text: str, values: Mapping[str, Any]) -> Markup:
    """``text`` with ``values``; joining markup escapes whatever is not markup yet."""
    pieces = _pieces(text)
    if len(pieces) == 1 and pieces[0][1] is None:
        return pieces[0][0]
    parts: list[Any] = []
    for literal, name in pieces:
        parts.append(literal)
        if name is not None:
            parts.append(values[name])
    return _NOTHING.join(parts)


def available(directory: Path = DIRECTORY) -> tuple[str, ...]:
    """Languages that have a catalogue, sorted by tag."""
    return tuple(sorted(path.parts[-3] for path in directory.glob("*/LC_MESSAGES/gateway.po")))


def catalogue(language: str, directory: Path = DIRECTORY) -> Path:
    """The file of one language."""
    return directory / language / "LC_MESSAGES" / "gateway.po"


def load(language: str, directory: Path = DIRECTORY) -> Translations:
    """Read one catalogue; raises FileNotFoundError if the language is not shipped."""
    return merged(language, (catalogue(language, directory),))


def merged(language: str, paths: Sequence[Path]) -> Translations:
    """The texts of several files as one; raises FileNotFoundError, and ValueError for one that two have."""
    whole = Catalog(locale=language)
    for path in paths:
        with path.open("rb") as source:
            for message in read_po(source, locale=language, abort_invalid=True):
                if message.id and message.id in whole:
                    raise ValueError(f"{path.name}: {message.id} is in another catalogue, too")
                if message.id:
                    whole[message.id] = message
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    known = frozenset(
        message.id if isinstance(message.id, str) else message.id[0] for message in whole if message.id
    )
    return Translations(language, GNUTranslations(compiled), known)
