"""From a page of ``gateway.web.pages`` to an HTML answer with its headers.

Templates and catalogues are compiled once, at start. The Content-Security-Policy is computed from the page,
because only the page knows where its form may end (``gateway.web.security_headers``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from babel.dates import format_datetime
from jinja2 import Template
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from connectors.identity import Gender
from gateway.errors import CATALOGUE
from gateway.settings import GatewaySection, Mode
from gateway.web import choices, countries, eid_context, translations, values
from gateway.web.eid_pages import PhoneFailedPage
from gateway.web.environment import environment
from gateway.web.frame import Frame, ServiceView
from gateway.web.language import FORMATS, language_links, negotiate
from gateway.web.local_text import LocalText, localise
from gateway.web.local_time import ZONE
from gateway.web.pages import (
    CountryChoice,
    EndedPage,
    ErrorPage,
    ErrorReferencePage,
    GoPage,
    HandoverPage,
    IndexPage,
    LoggedOutPage,
    LogoutPage,
    Page,
    PersonView,
    ReleaseItem,
    ReleasePage,
    SelectPage,
    Target,
    TimeoutPage,
)
from gateway.web.security_headers import form_source, form_targets, page_headers
from gateway.web.static_files import StaticFiles
from gateway.web.translations import Translations

TEMPLATES = Path(__file__).parent / "templates"

TEMPLATE_NAMES: Mapping[type, str] = {
    SelectPage: "select.html",
    HandoverPage: "handover.html",
    GoPage: "go.html",
    ReleasePage: "release.html",
    ErrorPage: "error.html",
    EndedPage: "ended.html",
    TimeoutPage: "timeout.html",
    LogoutPage: "logout.html",
    LoggedOutPage: "logged_out.html",
    ErrorReferencePage: "error_reference.html",
    IndexPage: "index.html",
    **eid_context.TEMPLATE_NAMES,
}

LEVEL_PARAMETERS = frozenset({"basic", "low", "substantial", "high"})
"""Words that a parameter of an error may be; each is shown in the page's language."""

_KEPT_LISTS = 512
"""Rendered lists of choices: languages times services times states of the peers."""

UNNAMED_SERVICE = "unnamed"
"""The way back to a service of which only the address is known."""

NAMED_MEANS = "account"
"""The way to a means whose name is known."""

ERROR_PARAMETERS = ("achieved", "required")
"""What texts of errors may name besides ``{service}``; shown as an ellipsis where nobody knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    name: LocalText
    operator: LocalText
    purpose: LocalText
    privacy_href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deadline:
    minutes: int
    clock: str
    iso: str


class Renderer:
    """All pages of one installation."""

    def __init__(self, site: GatewaySection, static: StaticFiles) -> None:
        self._site = site
        self._base = urlsplit(site.issuer).path
        self._https = site.issuer.startswith("https://")
        self._languages = {language: translations.load(language) for language in site.languages}
        made = environment(TEMPLATES, static)
        self._templates: dict[type, Template] = {
            page: made.get_template(name) for page, name in TEMPLATE_NAMES.items()
        }
        self._sites = {language: self._site_view(language) for language in self._languages}
        self._choices = made.get_template("countries.html")
        # availability changes with the peers' metadata, not with every citizen
        self._choice_list = lru_cache(maxsize=_KEPT_LISTS)(self._render_choices)

    def language(self, frame: Frame) -> str:
        """The language in which a page with ``frame`` is shown."""
        return negotiate(frame.languages, available=tuple(self._languages))

    def response(self, page: Page, *, status_code: int = 200) -> HTMLResponse:
        """The answer, with every header a page needs; cookies are the caller's."""
        headers = page_headers(
            form_action=self._form_action(page),
            connect=eid_context.connect(page),
            frames=form_targets(*page.frames) if isinstance(page, LoggedOutPage) else (),
            https=self._https,
        )
        headers["Content-Language"] = self.language(page.frame)
        return HTMLResponse(self.html(page), status_code=status_code, headers=headers)

    def html(self, page: Page) -> str:
        """The page's markup. Raises ValueError for a hand-over to something that is no URL of the web."""
        words = self._languages[self.language(page.frame)]
        context = self._frame_context(page, words)
        service_name = context["service_name"]
        match page:
            case SelectPage():
                context |= self._select_context(page, words)
            case HandoverPage():
                form_source(page.action)
                context |= _leave_context(page, words, service_name)
            case GoPage():
                form_source(page.url)
                context |= _leave_context(page, words, service_name)
            case ReleasePage():
                context |= _release_context(page, words, service_name)
            case ErrorPage():
                context |= self._error_context(page, words, service_name)
            case ErrorReferencePage():
                context |= _error_texts(page.entry.code, {}, words, words.text("service.unknown"))
            case EndedPage() | TimeoutPage():
                context["back_href"] = _web_href(page.back_href)
                context["back_text"] = _back_text(words, page.frame, context["service_name"])
            case LoggedOutPage():
                for url in (page.url, *page.frames):
                    if url is not None:
                        form_source(url)
                context["back_text"] = _back_text(words, page.frame, service_name)
            case IndexPage() | LogoutPage():
                pass
            case _:
                context |= eid_context.context(page, words, service_name, ZONE)
                if isinstance(page, PhoneFailedPage):
                    context |= _error_texts(page.code, page.parameters, words, service_name)
        return self._templates[type(page)].render(context)

    def _form_action(self, page: Page) -> tuple[str, ...]:
        match page:
            case HandoverPage():
                # The node may redirect anywhere in its country, and Chromium counts that as part of
                # the submission; which hosts these are, nobody tells us. The scheme remains.
                return ("'self'", f"{urlsplit(page.action).scheme}:")
            case ErrorPage() if page.back_action is None:
                return ()
            case GoPage() if page.cancel_action is None:
                return ()
            case TimeoutPage() if page.back_action is not None:
                return ("'self'",)
            case SelectPage() | ReleasePage() | ErrorPage() | GoPage() | LogoutPage():
                return ("'self'",)
            case _:
                return ("'self'",) if eid_context.has_form(page) else ()

    def _site_view(self, language: str) -> dict[str, object]:
        site = self._site
        configured = (
            ("frame.help", site.help_url),
            ("frame.accessibility", site.accessibility_url),
            ("frame.privacy", site.privacy_url),
            ("frame.imprint", site.imprint_url),
        )
        links = [{"text": text, "href": href} for text, url in configured if (href := _web_href(url))]
        return {
            "name": localise(site.name, language),
            "operator": localise(site.operator, language),
            "links": links,
        }

    def _frame_context(self, page: Page, words: Translations) -> dict[str, object]:
        frame, language = page.frame, words.language
        service = _service(frame.service, language) if frame.service else None
        return {
            "page": page,
            "frame": frame,
            "language": language,
            "t": words.text,
            "n": words.count,
            "site": self._sites[language],
            "service": service,
            "service_name": service.name if service else words.text("service.unknown"),
            "language_links": language_links(frame.path, language, tuple(self._languages)),
            "test_band": self._site.mode is Mode.DEVELOPMENT or (isinstance(page, SelectPage) and page.test),
            "deadline": None if _is_farewell(page) else _deadline(frame),
        }

    def _select_context(self, page: SelectPage, words: Translations) -> dict[str, object]:
        offered = [means for means in page.means if means.countries]
        only_countries = len(offered) == 1 and all(choice.country for choice in offered[0].countries)
        groups: list[dict[str, object]] = []
        for means in offered:
            heading = choices.heading(means, words.language)
            markup = self._choice_list(means.countries, heading, words.language)
            has_countries = any(choice.country for choice in means.countries)
            groups.append(
                {
                    "means": means.means,
                    "heading": heading,
                    "choices": markup,
                    "has_countries": has_countries,
                    "first_with_countries": has_countries and not any(g["has_countries"] for g in groups),
                }
            )
        return {
            "has_account": not all(group["has_countries"] for group in groups),
            "groups": groups,
            "heading": words.text("select.heading_country" if only_countries else "select.heading_means"),
            "page_only_countries": only_countries,
            "filter": sum(bool(c.country) for means in offered for c in means.countries)
            >= choices.FILTER_FROM,
        }

    def _render_choices(self, offered: tuple[CountryChoice, ...], means: LocalText, language: str) -> Markup:
        words = self._languages[language]
        buttons = choices.buttons(offered, means, words, ZONE)
        return Markup(self._choices.render(countries=buttons))  # noqa: S704  escaped by the template

    def _error_context(self, page: ErrorPage, words: Translations, service_name: object) -> dict[str, object]:
        context: dict[str, object] = dict(_error_texts(page.code, page.parameters, words, service_name))
        context["back_href"] = _web_href(page.back_href)
        context["back_text"] = _back_text(words, page.frame, service_name)
        context["now"] = _moment(page.frame.now, words.language)
        context["reference_href"] = f"{self._base}/error/{page.code}"
        return context


def _moment(now: datetime, language: str) -> str:
    return format_datetime(now, format="long", tzinfo=ZONE, locale=FORMATS.get(language, language))


def _is_farewell(page: Page) -> bool:
    """Whether the page leads back to the service, where our deadline means nothing any more."""
    return isinstance(page, HandoverPage | GoPage) and page.target is Target.SERVICE


def _service(service: ServiceView, language: str) -> _Service:
    return _Service(
        name=localise(service.name, language),
        operator=localise(service.operator, language),
        purpose=localise(service.purpose, language),
        privacy_href=_web_href(service.privacy_url),
    )


def _web_href(url: str | None) -> str | None:
    """``url`` if a link may lead there: http(s) or a path of ours. Scripts in links never pass."""
    if url is None:
        return None
    parts = urlsplit(url)
    is_path = url.startswith("/") and not url.startswith(("//", "/\\"))
    return url if is_path or (parts.scheme in {"https", "http"} and parts.hostname) else None


def _deadline(frame: Frame) -> _Deadline | None:
    if frame.deadline is None or frame.deadline <= frame.now:
        return None
    return _Deadline(
        minutes=max(1, int((frame.deadline - frame.now).total_seconds() // 60)),
        clock=choices.clock(frame.deadline, ZONE),
        iso=frame.deadline.astimezone(UTC).replace(microsecond=0).isoformat(),
    )


def _back_text(words: Translations, frame: Frame, service_name: object) -> str:
    return words.text("back.to_service", service=service_name) if frame.service else words.text("back.plain")


def _leave_context(
    page: HandoverPage | GoPage, words: Translations, service_name: object
) -> dict[str, object]:
    """Words for the way to a country, to a means without countries, or back to the service."""
    target = page.target.value
    if page.target is Target.COUNTRY and page.country is None:
        target = Target.MEANS.value
    elif page.target is Target.SERVICE and page.frame.service is None:
        target = UNNAMED_SERVICE
    elif target == Target.MEANS.value and page.means:
        target = NAMED_MEANS
    there = countries.name_after_preposition(page.country, words.language) if page.country else ""
    fill = {"country": there, "service": service_name}
    if target == NAMED_MEANS:
        fill["means"] = localise(page.means, words.language)
    parts = ("step", "heading", "text", "button")
    return {"words": {part: words.text(f"leave.{target}.{part}", **fill) for part in parts}}


def _release_context(page: ReleasePage, words: Translations, service_name: object) -> dict[str, object]:
    if page.account and page.means_name:
        source = words.text("release.source_account", means=localise(page.means_name, words.language))
    elif page.card and page.means_name:
        source = escape(localise(page.means_name, words.language))
    elif page.country is None:
        source = words.text("release.source_means")
    else:
        place = countries.name_after_preposition(page.country, words.language)
        source = words.text("release.source_country", country=place)
    persons = [
        {
            "role": person.role,
            "heading": _person_heading(person, page.persons, words, service_name),
            "required": [_item(item, person.role, page.country, words) for item in person.required],
            "optional": [_item(item, person.role, page.country, words) for item in person.optional],
        }
        for person in page.persons
    ]
    now = _moment(page.frame.now, words.language)
    return {"persons": persons, "source": source, "now": now}


def _item(item: ReleaseItem, role: str, country: str | None, words: Translations) -> dict[str, object]:
    word = words.text(values.GENDER_TEXTS[item.value]) if isinstance(item.value, Gender) else None
    coded = {code: words.text(identifier) for code, identifier in values.CARD_TEXTS.items()}
    note = ""
    if item.below and item.level is None:
        note = words.text("note.unassured")
    elif item.below and item.level is not None:
        note = words.text("note.level", level=words.text(f"level.{item.level.word}"))
    return {
        "label": words.text(f"attribute.{item.attribute}"),
        "note": note,
        "shown": values.show(
            item.attribute, item.value, words.language, country=country, gender=word, coded=coded
        ),
        "field": item.field,
        "id": f"optional-{role}-{item.attribute}",
    }


def _person_heading(
    person: PersonView, all_persons: tuple[PersonView, ...], words: Translations, service_name: object
) -> str:
    if len(all_persons) == 1:
        return words.text("release.data", service=service_name)
    return words.text(f"release.{person.role}_{person.kind.value}")


def _error_texts(
    code: str, parameters: Mapping[str, str], words: Translations, service_name: object
) -> dict[str, object]:
    fill: dict[str, object] = {"service": service_name} | dict.fromkeys(ERROR_PARAMETERS, "…")
    for name, value in parameters.items():
        fill[name] = words.text(f"level.{value}") if value in LEVEL_PARAMETERS else value
    stem = f"error.{code}"
    if f"{stem}.what" not in words:  # nothing to say to a citizen beyond what its whole family says
        stem = f"error.family_{CATALOGUE[code].number[:2]}"
    return {"what": words.text(f"{stem}.what", **fill), "todo": words.text(f"{stem}.todo", **fill)}
