"""Decode single attribute values (attribute profile 1.4 §2.4 to §2.7; eidas.md §5.3 to §5.8)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from connectors.country_codes import ISO_OF_EU_CODE
from connectors.errors import InvalidAnswer
from connectors.identity import Gender, Name, PartialDate
from trust.xml import XML_WHITESPACE, Element

_LATIN_SCRIPT = re.compile(r"^(?:\{http://eidas\.europa\.eu/attributes/[a-z/]+\})?LatinScript$")
_IDENTIFIER = re.compile(r"([A-Z]{2})/([A-Z]{2})/(.+)")
_CONTROLS = frozenset({"Cc", "Cs", "Cn"})
_REORDERING = frozenset(chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Embeddings, overrides and isolates: they make a name read otherwise than it is (Unicode TR 36 §3.6)."""
_GENDERS = {"Male": Gender.MALE, "Female": Gender.FEMALE, "Unspecified": Gender.UNSPECIFIED}
_SCRIPTS = {
    "GREEK": "Grek",
    "CYRILLIC": "Cyrl",
    "ARABIC": "Arab",
    "HEBREW": "Hebr",
    "ARMENIAN": "Armn",
    "GEORGIAN": "Geor",
}


def value_text(element: Element, limit: int) -> str:
    """The string of one AttributeValue, outer XML white space stripped.

    Raises InvalidAnswer ``eidas.value``.
    """
    if len(element):
        raise InvalidAnswer("eidas.value", "element content")
    text = (element.text or "").strip(XML_WHITESPACE)
    if len(text) > limit:
        raise InvalidAnswer("eidas.value", "too long")
    if not text.isprintable() and any(is_forbidden(c) for c in text):
        raise InvalidAnswer("eidas.value", "control characters")
    return text


def is_forbidden(character: str) -> bool:
    """Whether it controls how a text is shown instead of being part of it."""
    if character in XML_WHITESPACE:
        return False
    return character in _REORDERING or unicodedata.category(character) in _CONTROLS


def is_marked_non_latin(element: Element) -> bool:
    """``LatinScript="false"``, qualified (as the schema says) or not (as the examples show)."""
    return any(
        _LATIN_SCRIPT.match(str(name)) is not None and str(value).strip() in {"false", "0"}
        for name, value in element.attrib.items()
    )


def name(values: Sequence[tuple[str, bool]]) -> Name:
    """One or two forms of a name, in either order; each with whether it is marked non-Latin.

    A value that is not marked but holds letters of another script counts as non-Latin.
    Raises InvalidAnswer ``eidas.name`` when the forms are no pair, or there is no Latin one.
    """
    latin = [text for text, marked in values if not marked and script(text) is None]
    original = [text for text, marked in values if marked or script(text) is not None]
    if len(latin) != 1 or len(original) > 1:
        raise InvalidAnswer("eidas.name", "no Latin form" if not latin else "several forms")
    if not original:
        return Name(latin=latin[0])
    return Name(latin=latin[0], original=original[0], script=script(original[0]))


def script(text: str) -> str | None:
    """ISO 15924 code of the first non-Latin script in ``text``; ``Zyyy`` if unknown, None if Latin.

    >>> script("Onasis"), script("Ωνάσης"), script("Ștefan Ångström-Ẹ́")
    (None, 'Grek', None)
    """
    if text.isascii():
        return None
    # composed first: the Angstrom sign is an A with a ring, not a letter of its own script
    for character in unicodedata.normalize("NFC", text):
        if unicodedata.category(character)[0] != "L":
            continue
        word = unicodedata.name(character, "UNKNOWN").partition(" ")[0]
        if word in {"LATIN", "MODIFIER", "FEMININE", "MASCULINE"}:
            continue
        return _SCRIPTS.get(word, "Zyyy")
    return None


def identifier(text: str, *, country: str, destination: str) -> str:
    """A unique identifier ``XX/YY/rest``, exactly as delivered.

    ``country`` is the wire code of the node that answered (or ``EU``), ``destination`` ours.
    Split at the first two slashes only: ``rest`` may hold slashes, ``=`` and ``+``, but only
    readable characters, so nothing invisible and no white space.
    Raises InvalidAnswer ``eidas.identifier.*``.
    """
    match = _IDENTIFIER.fullmatch(text)
    if match is None or len(text) > 256 or not text.isprintable() or " " in text:
        raise InvalidAnswer("eidas.identifier.form")
    if match[1] != country:
        raise InvalidAnswer("eidas.identifier.country")
    if match[2] != destination:
        raise InvalidAnswer("eidas.identifier.destination")
    return text


def birth_date(text: str) -> PartialDate:
    """``YYYY-MM-DD``; a time zone, which xsd:date allows, is refused as by the reference node.

    Raises InvalidAnswer ``eidas.date``.
    """
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise InvalidAnswer("eidas.date")
    year, month, day = (int(part) for part in text.split("-"))
    try:
        date(year or 4, month, day)  # year 0000 is allowed by the profile; 4 is a leap year
    except ValueError as error:
        raise InvalidAnswer("eidas.date") from error
    return PartialDate(year=year, month=month, day=day)


def gender(text: str) -> Gender:
    """Exact case; raises InvalidAnswer ``eidas.gender``."""
    if text not in _GENDERS:
        raise InvalidAnswer("eidas.gender")
    return _GENDERS[text]


def country(text: str) -> str:
    """ISO 3166-1 alpha-2 from a wire code (``EL`` becomes ``GR``); raises InvalidAnswer."""
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise InvalidAnswer("eidas.country")
    return ISO_OF_EU_CODE.get(text, text)
