"""What a probe reads of a page: forms, the refresh, and the code of one of our own error pages. Scripts never run.

Everything else of the page, the title included, is dropped while reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

_REFRESH = re.compile(r"\s*[0-9.]+\s*[;,]\s*(?:url\s*=\s*)?['\"]?(?P<url>[^'\"]+)", re.IGNORECASE)
_CHOICES = frozenset({"radio", "checkbox"})
_BUTTONS = frozenset({"submit", "image"})
_SILENT = frozenset({"button", "reset", "file"})
"""Controls that send nothing here."""
_MOST_CONTROLS = 500

Attributes = dict[str, str]


@dataclass(slots=True)
class Form:
    """A form as a browser would send it."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list, repr=False)
    """What is sent unless something else is chosen; without any button."""
    choices: dict[str, list[str]] = field(default_factory=dict)
    """Values of radio buttons, check boxes, selects and named buttons."""
    buttons: list[tuple[str, str]] = field(default_factory=list)
    """Named and unnamed submit buttons, in their order; the first is what the return key presses."""
    hidden: set[str] = field(default_factory=set)
    """Fields that nobody sees."""
    controls: int = 0

    @property
    def sends_itself(self) -> bool:
        """Whether there is nothing to fill in: what a script would submit, or a person by the one button."""
        visible = self.names - self.hidden - {name for name, _ in self.buttons}
        return bool(self.fields) and not visible and len(self.buttons) <= 1

    @property
    def names(self) -> set[str]:
        """Of every field and button."""
        return {name for name, _ in self.fields} | set(self.choices)

    def filled(self, answers: Iterable[tuple[str, str]]) -> list[tuple[str, str]] | None:
        """What is sent with these answers, those it has no field for left out; None: a choice is not offered."""
        chosen = {name: value for name, value in answers if name in self.names}
        for name, value in chosen.items():
            if value not in self.choices.get(name, [value]):
                return None
        kept = [(name, value) for name, value in self.fields if name not in chosen]
        pressed = any(name in chosen for name, _ in self.buttons)
        first = [button for button in self.buttons[:1] if button[0] and not pressed]
        return [*kept, *chosen.items(), *first]


@dataclass(slots=True)
class Page:
    """Where the browser is."""

    url: str
    status: int
    forms: list[Form] = field(default_factory=list)
    refresh: str | None = None
    """Where ``meta refresh`` leads."""
    error: str | None = None
    """Code of the error reference that the page links to, as our own error pages do."""

    def form(self, path_ends: str) -> Form | None:
        """The first form whose action's path ends so."""
        return next((form for form in self.forms if urlsplit(form.action).path.endswith(path_ends)), None)


def read_page(url: str, status: int, text: str) -> Page:
    """What there is on the page; markup that makes no sense is skipped as browsers do."""
    page = Page(url, status)
    reader = _Reader(page)
    # Never closed: at the end of unfinished markup the parser would read the rest again for every "<" in it,
    # which takes hours of a page that is made for it. Browsers drop what is unfinished as well.
    reader.feed(text)
    return page


class _Reader(HTMLParser):
    """Fills a ``Page``. Of text only that of an option without value and of a text area is read."""

    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self._page = page
        self._base = page.url
        self._form: Form | None = None
        self._select: _Select | None = None
        self._area: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found: Attributes = {}
        for name, value in attrs:
            found.setdefault(name, value or "")
        match tag:
            case "base" if "href" in found:
                self._base = urljoin(self._page.url, found["href"])
            case "meta":
                match = _REFRESH.match(found.get("content", ""))
                if found.get("http-equiv", "").lower() == "refresh" and match:
                    self._page.refresh = urljoin(self._base, match["url"].strip())
            case "a":
                path = urlsplit(found.get("href", "")).path
                if "/error/" in path:
                    self._page.error = path.rpartition("/error/")[2]
            case "form":
                action = urljoin(self._base, found.get("action") or self._page.url)
                self._form = Form(action, found.get("method", "get").lower())
                self._page.forms.append(self._form)
            case "input" | "button" | "select" | "textarea" if self._form and "disabled" not in found:
                self._control(self._form, tag, found)
            case "option" if self._select is not None:
                self._select.begin(found.get("value"), selected="selected" in found)
            case _:
                return

    def handle_endtag(self, tag: str) -> None:
        if self._form is None:
            return
        if tag == "form":
            self._form = None
        elif tag == "option" and self._select is not None:
            self._select.end()
        elif tag == "select" and self._select is not None:
            self._select.put(self._form)
            self._select = None
        elif tag == "textarea" and self._area is not None:
            self._form.fields.append((self._area[0], "".join(self._area[1]).removeprefix("\n")))
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)
        elif self._select is not None:
            self._select.text += data

    def _control(self, form: Form, tag: str, found: Attributes) -> None:
        form.controls += 1
        name, value = found.get("name", ""), found.get("value", "")
        kind = found.get("type", "submit" if tag == "button" else "text").lower()
        if form.controls > _MOST_CONTROLS or kind in _SILENT:
            return
        if tag in {"input", "button"} and kind in _BUTTONS:
            form.buttons.append((name, value))
            if name:
                form.choices.setdefault(name, []).append(value)
        elif not name:
            return
        elif tag == "select":
            self._select = _Select(name)
        elif tag == "textarea":
            self._area = (name, [])
        elif kind in _CHOICES:
            form.choices.setdefault(name, []).append(value or "on")
            if "checked" in found:
                form.fields.append((name, value or "on"))
        else:
            form.fields.append((name, value))
            if kind == "hidden":
                form.hidden.add(name)


@dataclass(slots=True)
class _Select:
    """A select element while it is read."""

    name: str
    values: list[str] = field(default_factory=list)
    chosen: str | None = None
    text: str = ""
    _option: tuple[str | None, bool] | None = None

    def begin(self, value: str | None, *, selected: bool) -> None:
        self.end()
        self._option, self.text = (value, selected), ""

    def end(self) -> None:
        if self._option is None:
            return
        given, selected = self._option
        value = " ".join(self.text.split()) if given is None else given
        self.values.append(value)
        if selected:
            self.chosen = value
        self._option = None

    def put(self, form: Form) -> None:
        self.end()
        form.choices.setdefault(self.name, []).extend(self.values)
        if self.values:
            form.fields.append((self.name, self.values[0] if self.chosen is None else self.chosen))
