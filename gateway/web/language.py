"""Which language a page speaks (ux.md §7).

The citizen's own click counts most: a language link that a request parameter could overrule would
be a dead link. Then ``ui_locales`` of the authorization request (OpenID Connect Core §3.1.2.1),
then the browser's ``Accept-Language``, then German.

>>> preferences(chosen=None, ui_locales=("fr-CA", "en-GB"), accept_language="de")
('fr-CA', 'en-GB', 'de')
>>> negotiate(("fr-CA", "en-GB", "de"), available=("de", "en"))
'en'
>>> negotiate(preferences(chosen=None, accept_language="fr, en;q=0.3, de;q=0.7"), available=("de", "en"))
'de'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DEFAULT = "de"

LANGUAGE_NAMES = {"de": "Deutsch", "en": "English"}
"""Own names for the language links, in the order in which they stand."""

FORMATS = {"en": "en_GB"}
"""Whose dates and times a page writes where the language alone would mean another continent's."""

_RANGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")
_LONGEST_HEADER = 1000
_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20]*")
"""A path of this host, as browsers read it (URL Standard §4.4: ``\\`` is ``/``, tabs and line feeds are nothing)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageLink:
    """The way to the same page in ``language``."""

    language: str
    name: str
    current: bool
    href: str


def preferences(
    *, chosen: str | None, ui_locales: Iterable[str] = (), accept_language: str | None = None
) -> tuple[str, ...]:
    """Language tags, best first: the click (``?lang=``), ``ui_locales``, the browser."""
    return ((chosen,) if chosen else ()) + (*ui_locales, *ranges(accept_language or ""))


def negotiate(wanted: Iterable[str], *, available: Sequence[str]) -> str:
    """The first of ``available`` that ``wanted`` leads to, else German, else the first."""
    for tag in wanted:
        found = lookup(tag, available)
        if found:
            return found
    return DEFAULT if DEFAULT in available else available[0]


def lookup(tag: str, available: Sequence[str]) -> str | None:
    """RFC 4647 §3.4: shorten ``tag`` from the end until it is one of ``available``."""
    known = {language.lower(): language for language in available}
    parts = tag.lower().split("-")
    while parts:
        found = known.get("-".join(parts))
        if found:
            return found
        parts.pop()
    return None


def ranges(header: str) -> list[str]:
    """The language ranges of an Accept-Language header, best first; what is malformed is left out."""
    weighted: list[tuple[float, str]] = []
    for part in header[:_LONGEST_HEADER].split(","):
        match = _RANGE.fullmatch(part)
        if match and match[1] != "*":
            weight = float(match[2]) if match[2] else 1.0
            if weight > 0:
                weighted.append((weight, match[1]))
    return [tag for _, tag in sorted(weighted, key=lambda pair: -pair[0])]


def language_links(path: str | None, current: str, available: Sequence[str]) -> tuple[LanguageLink, ...]:
    """To the page at ``path`` in every language it has; none where it has no address of its own, or only one.

    What somebody asked for in vain may look like a path and lead a browser to another host.

    >>> language_links("//evil.example/", "de", ("de", "en"))
    ()
    """
    if path is None or len(available) < 2 or _PATH.fullmatch(path) is None:
        return ()
    sign = "&" if "?" in path else "?"
    return tuple(
        LanguageLink(
            language=tag,
            name=LANGUAGE_NAMES.get(tag, tag),
            current=tag == current,
            href=f"{path}{sign}lang={tag}",
        )
        for tag in sorted(available, key=lambda tag: (tag not in LANGUAGE_NAMES, tag))
    )
