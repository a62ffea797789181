"""From a template and its values to a page of the console, with every header."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from babel.dates import format_date, format_datetime
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from gateway.admin import words
from gateway.settings import GatewaySection, Mode
from gateway.web import countries
from gateway.web.environment import environment
from gateway.web.language import FORMATS, language_links, negotiate
from gateway.web.local_text import localise
from gateway.web.local_time import zone_at
from gateway.web.security_headers import page_headers
from gateway.web.static_files import StaticFiles
from gateway.web.translations import Translations
from trust.registry import ObjectKey
from trust.registry.diff import grouped

TEMPLATES = Path(__file__).parent / "templates"


_DECEIVING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e007f]"
)
"""Controls, marks that change how the text around them is read, and what takes no ink (UAX 9, UTS 39)."""


class AdminRenderer:
    """All pages of the console; templates and words are compiled once."""

    def __init__(
        self,
        site: GatewaySection,
        static: StaticFiles,
        *,
        https: bool,
        navigation: Sequence[tuple[str, str]] = (),
    ) -> None:
        """``navigation``: path and text of each entry of the menu."""
        self._site = site
        self._https = https
        self._words = {language: words.load(language) for language in words.languages()}
        self._environment = environment(TEMPLATES, static, finalize=_told)
        self._environment.filters["kept"] = _kept
        self._environment.globals |= {
            "hex4": grouped,
            "object_href": object_href,
            "change_href": change_href,
            "navigation": tuple(navigation),
            "test_band": site.mode is Mode.DEVELOPMENT,
        }
        for name in self._environment.list_templates():
            self._environment.get_template(name)

    def words(self, wanted: tuple[str, ...]) -> Translations:
        """The texts of the first language of ``wanted`` that the console speaks."""
        return self._words[negotiate(wanted, available=tuple(self._words))]

    def response(
        self,
        template: str,
        translations: Translations,
        *,
        path: str | None,
        context: Mapping[str, object],
        status_code: int = 200,
    ) -> HTMLResponse:
        """``path``: the page's own, for its language links; None where it answers a POST."""
        language = translations.language
        headers = page_headers(form_action=("'self'",), https=self._https, passkeys=True)
        headers["Content-Language"] = language
        # with no-referrer, browsers say "Origin: null" even to ourselves (Fetch, serializing a request origin)
        headers["Referrer-Policy"] = "same-origin"
        return HTMLResponse(
            self._environment.get_template(template).render(
                {
                    "t": translations.text,
                    "n": translations.count,
                    "language": language,
                    "page_path": path,
                    "language_links": language_links(path, language, tuple(self._words)),
                    "site_name": localise(self._site.name, language),
                    "moment": _moments(language),
                    "day": _days(language),
                    "country": _countries(language),
                    **context,
                }
            ),
            status_code=status_code,
            headers=headers,
        )


def _told(value: object) -> object:
    """What stands in ``{{ }}``: whoever signs must see the characters that are there, whoever wrote them."""
    if not isinstance(value, str) or not _DECEIVING.search(value):
        return value
    return type(value)(_DECEIVING.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", value))


def _kept(value: str) -> Markup:
    """``value`` for a field that is sent back as it was: marks by number. Controls cannot be (HTML, parse errors)."""
    return Markup(_DECEIVING.sub(_by_number, escape(value)))  # noqa: S704 - escaped, then digits put into it


def _by_number(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};" if found[0] > "\x9f" else found[0]


def object_href(key: ObjectKey) -> str:
    """The page of a registry object."""
    return f"/objects/{key.kind.value}/{key.id}"


def change_href(change_hash: str) -> str:
    """The page of a change."""
    return f"/changes/{change_hash}"


def moment_text(value: datetime, language: str) -> str:
    """A moment as the pages of ``language`` tell it, for the middle of a sentence."""
    locale = FORMATS.get(language, language)
    return format_datetime(value, format="medium", tzinfo=zone_at(value), locale=locale)


def _moments(language: str) -> Callable[[datetime], Markup]:
    def moment(value: datetime) -> Markup:
        shown = moment_text(value, language)
        iso = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(iso, iso, shown)

    return moment


def _days(language: str) -> Callable[[date], Markup]:
    locale = FORMATS.get(language, language)

    def day(value: date) -> Markup:
        local = value.astimezone(zone_at(value)).date() if isinstance(value, datetime) else value
        shown = format_date(local, format="medium", locale=locale)
        return Markup('<time datetime="{}">{}</time>').format(local.isoformat(), shown)

    return day


def _countries(language: str) -> Callable[[str], str]:
    def country(code: str) -> str:
        return countries.name(code, language)

    return country
