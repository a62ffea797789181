"""The country list as it stands on the page: named, sorted, with a reason where a way is closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from gateway.web import countries
from gateway.web.local_text import LocalText, localise
from gateway.web.pages import CountryChoice, MeansChoice
from gateway.web.translations import Translations

REASONS = ("level", "person", "attributes", "service", "down")

METHODS = ("eID", "Elster", "Authega", "eIDAS", "FINK", "Benutzername")
"""Login methods of user accounts that have a name citizens know (ux.md §3), the best known first."""

FILTER_FROM = 13
"""A filter above shorter lists costs more than it saves (ux.md §4.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryButton:
    """One entry of the list."""

    name: str
    language: str | None
    """Set where ``name`` is not in the page's language."""
    own: tuple[countries.OwnName, ...]
    schemes: str
    code: str | None
    available: bool
    reason: str
    terms: str
    """What the filter searches: every name of the country and of its eIDs."""


def clock(moment: datetime, zone: ZoneInfo) -> str:
    """Time of day as every language of the EU writes it."""
    return moment.astimezone(zone).strftime("%H:%M")


def heading(means: MeansChoice, language: str) -> LocalText:
    """What a means is called on a page."""
    return localise(means.name, language) if means.name else LocalText(means.means)


def buttons(
    choices: tuple[CountryChoice, ...], means: LocalText, translations: Translations, zone: ZoneInfo
) -> tuple[CountryButton, ...]:
    """``choices`` in the order of the page's language; ``means`` names the one without a country."""
    found = (_button(choice, means, translations, zone) for choice in choices)
    return tuple(sorted(found, key=lambda button: countries.collation_key(button.name)))


@dataclass(frozen=True, slots=True)
class _Named:
    """What a country is called on pages in one language."""

    name: str
    own: tuple[countries.OwnName, ...]
    found_by: tuple[str, ...]


@cache
def _named(country: str, language: str) -> _Named:
    shown = countries.name(country, language)
    own = countries.own_names(country, shown)
    # Who types "Greece" on a German page finds Greece.
    elsewhere = (countries.name(country, other) for other in ("en", "de", "fr", "es"))
    return _Named(shown, own, (*(name.text for name in own), *elsewhere))


def _button(
    choice: CountryChoice, heading: LocalText, translations: Translations, zone: ZoneInfo
) -> CountryButton:
    named = _named(choice.country, translations.language) if choice.country else _Named(heading.text, (), ())
    return CountryButton(
        name=named.name,
        language=None if choice.country else heading.language,
        own=named.own,
        schemes=_schemes(choice, translations),
        code=choice.country,
        available=choice.available,
        reason="" if choice.available else _reason(choice, translations, zone),
        terms=" ".join(dict.fromkeys((named.name, *named.found_by, *choice.scheme_names))),
    )


def _schemes(choice: CountryChoice, translations: Translations) -> str:
    """Names of eIDs as their state has them; login methods of an account in the page's language."""
    if choice.country is not None:
        return ", ".join(choice.scheme_names)
    offered = [word for word in METHODS if word in choice.scheme_names]
    return ", ".join(translations.text(f"method.{word.lower()}") for word in offered)


def _reason(choice: CountryChoice, translations: Translations, zone: ZoneInfo) -> str:
    reason = choice.reason if choice.reason in REASONS else "down"
    if reason == "down" and choice.down_since is not None:
        since = clock(choice.down_since, zone)
        return translations.text("reason.down_since", clock=since)
    return translations.text(f"reason.{reason}")
