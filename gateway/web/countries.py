"""Names of countries as citizens look for them, and the order in which they look.

A citizen who reads no German finds the own country by its own name, so each country carries it in
its own languages, with language tags (ux.md §4.2). Codes are ISO 3166-1 alpha-2.

>>> [name.text for name in own_names("BE", "Belgien")]
['België', 'Belgique', 'Belgien']
>>> own_names("PT", "Portugal")
()
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from babel import Locale

OWN_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "AL": (("sq", "Shqipëri"),),
    "AT": (("de", "Österreich"),),
    "BE": (("nl", "België"), ("fr", "Belgique"), ("de", "Belgien")),
    "BG": (("bg", "България"),),
    "CH": (("de", "Schweiz"), ("fr", "Suisse"), ("it", "Svizzera"), ("rm", "Svizra")),
    "CY": (("el", "Κύπρος"), ("tr", "Kıbrıs")),
    "CZ": (("cs", "Česko"),),
    "DE": (("de", "Deutschland"),),
    "DK": (("da", "Danmark"),),
    "EE": (("et", "Eesti"),),
    "ES": (("es", "España"),),
    "FI": (("fi", "Suomi"), ("sv", "Finland")),
    "FR": (("fr", "France"),),
    "GB": (("en", "United Kingdom"),),
    "GR": (("el", "Ελλάδα"),),
    "HR": (("hr", "Hrvatska"),),
    "HU": (("hu", "Magyarország"),),
    "IE": (("ga", "Éire"), ("en", "Ireland")),
    "IS": (("is", "Ísland"),),
    "IT": (("it", "Italia"),),
    "LI": (("de", "Liechtenstein"),),
    "LT": (("lt", "Lietuva"),),
    "LU": (("lb", "Lëtzebuerg"), ("fr", "Luxembourg"), ("de", "Luxemburg")),
    "LV": (("lv", "Latvija"),),
    "MD": (("ro", "Republica Moldova"),),
    "ME": (("sr-Latn", "Crna Gora"), ("sr-Cyrl", "Црна Гора")),
    "MK": (("mk", "Северна Македонија"), ("sq", "Maqedonia e Veriut")),
    "MT": (("mt", "Malta"), ("en", "Malta")),
    "NL": (("nl", "Nederland"),),
    "NO": (("nb", "Norge"), ("nn", "Noreg")),
    "PL": (("pl", "Polska"),),
    "PT": (("pt", "Portugal"),),
    "RO": (("ro", "România"),),
    "RS": (("sr-Cyrl", "Србија"), ("sr-Latn", "Srbija")),
    "SE": (("sv", "Sverige"),),
    "SI": (("sl", "Slovenija"),),
    "SK": (("sk", "Slovensko"),),
    "UA": (("uk", "Україна"),),
}
"""The short name in each official language: EU and EEA states, Switzerland, United Kingdom, and
the states that have asked to join the EU and run or build an eIDAS node."""


_DATIVE = {
    "de": {
        "CH": "der Schweiz", "GB": "dem Vereinigten Königreich", "NL": "den Niederlanden",
        "MD": "der Republik Moldau", "SK": "der Slowakei", "UA": "der Ukraine",
    },
    "en": {"GB": "the United Kingdom", "NL": "the Netherlands"},
}  # fmt: skip
"""Names that take an article after a preposition ("in …", "von …", "to …")."""

_SINGLE_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"}
)

SCRIPT_LANGUAGES = {("GR", "Grek"): "el", ("CY", "Grek"): "el", ("BG", "Cyrl"): "bg", ("UA", "Cyrl"): "uk"}
"""Language a name in a foreign script is most likely written in, by issuing country."""


@dataclass(frozen=True, slots=True)
class OwnName:
    """A country's name in one of its own languages."""

    language: str
    text: str


@cache
def _territories(language: str) -> dict[str, str]:
    return {code: str(name) for code, name in Locale.parse(language, sep="-").territories.items()}


def name(code: str, language: str) -> str:
    """Name of an ISO country in ``language``; the code itself where there is none."""
    return _territories(language).get(code, code)


def name_after_preposition(code: str, language: str) -> str:
    """As ``name``, with the article that "in" and "von" need: "den Niederlanden"."""
    return _DATIVE.get(language, {}).get(code) or name(code, language)


def own_names(code: str, shown: str) -> tuple[OwnName, ...]:
    """The country's names in its own languages; empty if they say no more than ``shown``."""
    names = OWN_NAMES.get(code, ())
    if all(text == shown for _, text in names):
        return ()
    return tuple(OwnName(language, text) for language, text in names)


@lru_cache(maxsize=1024)
def collation_key(text: str) -> tuple[str, str]:
    """Order of German (DIN 5007-1) and English: letters first, marks only to break a tie.

    >>> sorted(["Zypern", "Österreich", "Norwegen", "Polen", "Åland", "Bulgarien"], key=collation_key)
    ['Åland', 'Bulgarien', 'Norwegen', 'Österreich', 'Polen', 'Zypern']
    """
    folded = unicodedata.normalize("NFD", text.casefold().translate(_SINGLE_LETTERS))
    letters = "".join(c for c in folded if not unicodedata.combining(c) and (c.isalnum() or c == " "))
    return letters, text


def script_language(country: str | None, script: str | None) -> str:
    """BCP 47 tag for a name in ``script`` from ``country``: ``el``, else ``und-Cyrl``, else ``und``."""
    if script is None:
        return "und"
    return SCRIPT_LANGUAGES.get((country or "", script), f"und-{script}")
