"""A browser without a screen: cookies as browsers treat them, forms, meta refresh.

The one thing that plain HTTP clients get wrong matters here: a cookie with ``SameSite=Lax`` is not
sent with a POST that comes from another site (security.md B.3). This client withholds it, so a
login that works here works in a browser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urldefrag, urlencode, urljoin, urlsplit

import httpx
from lxml import etree, html

_REFRESH = re.compile(r"^\s*\d+\s*;\s*url\s*=\s*['\"]?(?P<url>[^'\"]+)", re.IGNORECASE)
HOPS = 20


class NoSuchForm(Exception):
    """The page has no form that fits."""


@dataclass(slots=True)
class Cookie:
    """One cookie with what decides about sending it."""

    name: str
    value: str
    host: str
    path: str
    secure: bool
    same_site: str


@dataclass(slots=True)
class CookieJar:
    """Host-only cookies; no Domain attribute, because nobody in this project sets one."""

    _kept: dict[tuple[str, str, str], Cookie] = field(default_factory=dict)

    def store(self, url: str, header: str) -> None:
        """Take one ``Set-Cookie`` header (RFC 6265bis §5.7 for the prefixes)."""
        parsed = SimpleCookie()
        try:
            parsed.load(header)
        except CookieError:
            return
        parts = urlsplit(url)
        for name, morsel in parsed.items():
            path = morsel["path"] or parts.path.rpartition("/")[0] or "/"
            secure = bool(morsel["secure"])
            same_site = (morsel["samesite"] or "Lax").lower()
            if secure and parts.scheme != "https":
                continue
            if name.startswith("__Host-") and not (secure and path == "/" and not morsel["domain"]):
                continue
            if same_site == "none" and not secure:
                continue
            key = (parts.hostname or "", path, name)
            if morsel["max-age"] == "0" or morsel["expires"].startswith("Thu, 01 Jan 1970"):
                self._kept.pop(key, None)
            else:
                self._kept[key] = Cookie(name, morsel.value, key[0], path, secure, same_site)

    def header(self, url: str, *, method: str, cross_site: bool) -> str:
        """The ``Cookie`` header of a top-level navigation."""
        parts = urlsplit(url)
        sent = [
            f"{c.name}={c.value}"
            for c in self._kept.values()
            if c.host == parts.hostname
            and (parts.path or "/").startswith(c.path)
            and (parts.scheme == "https" or not c.secure)
            and (
                not cross_site
                or c.same_site == "none"
                or (c.same_site == "lax" and method in {"GET", "HEAD"})
            )
        ]
        return "; ".join(sent)


def site(url: str) -> tuple[str, str]:
    """Scheme and host: what SameSite compares, for the hosts of the sandbox."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or ""


@dataclass(slots=True)
class Form:
    """One HTML form: what it would send, and what its choices are."""

    action: str
    method: str
    fields: list[tuple[str, str]]
    """Successful controls, without any submit button."""
    choices: dict[str, list[str]]
    """Radio buttons, selects, check boxes and named submit buttons that are not disabled."""
    target: str | None = None


@dataclass(slots=True)
class Page:
    """Where the browser is."""

    url: str
    status: int
    text: str
    forms: list[Form] = field(default_factory=list)
    refresh: str | None = None

    def form(self, action_ends: str) -> Form:
        """The first form whose action path ends so; raises NoSuchForm."""
        for form in self.forms:
            if urlsplit(form.action).path.endswith(action_ends):
                return form
        raise NoSuchForm(f"no form for …{action_ends} on {shown(self.url)} (status {self.status})")


def shown(url: str) -> str:
    """An address without its query, which may hold a code."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


@dataclass(slots=True)
class Browser:
    """Follows redirects and refreshes; never runs scripts."""

    http: httpx.Client
    jar: CookieJar = field(default_factory=CookieJar)
    page: Page = field(default_factory=lambda: Page("about:blank", 0, ""))
    stop_at: str | None = None
    """An address that is never really visited, such as a client's redirect URI."""

    @property
    def stopped(self) -> bool:
        """Whether the browser was sent to ``stop_at``."""
        return self.stop_at is not None and _without_query(self.page.url) == _without_query(self.stop_at)

    @property
    def answer(self) -> dict[str, str]:
        """The parameters in the address."""
        return dict(parse_qsl(urlsplit(self.page.url).query))

    def get(self, url: str) -> Page:
        """Go to an address, as if typed."""
        return self._go("GET", url, None, initiator=url)

    def sent(self, url: str, *, by: str) -> Page:
        """Go where another program or site sends the browser."""
        return self._go("GET", url, None, initiator=by)

    def fetch(self, url: str) -> httpx.Response:
        """Read something beside the page, same-site, without going there."""
        cookie = self.jar.header(url, method="GET", cross_site=False)
        self.http.cookies.clear()
        return self.http.get(url, headers={"Cookie": cookie} if cookie else {})

    def submit(self, form: Form, choose: Mapping[str, str | Sequence[str]]) -> Page:
        """Send a form with these choices; raises NoSuchForm when one is not offered."""
        data = [(k, v) for k, v in form.fields if k not in choose]
        for name, wanted in choose.items():
            values = [wanted] if isinstance(wanted, str) else list(wanted)
            for value in values:
                offered = form.choices.get(name)
                if offered is not None and value not in offered:
                    raise NoSuchForm(f"{name}={value} is not offered; offered: {', '.join(offered) or '-'}")
                data.append((name, value))
        here = self.page.url
        if form.method == "get":
            query = urlencode(data)
            return self._go("GET", f"{form.action.partition('?')[0]}?{query}", None, initiator=here)
        if form.target == "_blank":
            page = self.page
            answer = self._go("POST", form.action, data, initiator=here)
            self.page = page
            return answer
        return self._go("POST", form.action, data, initiator=here)

    def _go(self, method: str, url: str, data: list[tuple[str, str]] | None, *, initiator: str) -> Page:
        origin = initiator
        for _ in range(HOPS):
            if self.stop_at is not None and _without_query(url) == _without_query(self.stop_at):
                self.page = Page(url, 0, "")
                return self.page
            response = self._send(method, url, data, cross_site=site(origin) != site(url))
            if response.is_redirect:
                target = urljoin(url, response.headers["location"])
                # A redirect after a POST is followed with GET, except for 307 and 308.
                if response.status_code not in (307, 308):
                    method, data = "GET", None
                url = urldefrag(target).url
                continue
            self.page = read_page(url, response)
            if self.page.refresh is None:
                return self.page
            origin, method, data, url = url, "GET", None, self.page.refresh
        raise NoSuchForm(f"more than {HOPS} redirects, the last to {shown(url)}")

    def _send(
        self, method: str, url: str, data: list[tuple[str, str]] | None, *, cross_site: bool
    ) -> httpx.Response:
        headers = {"Accept": "text/html", "Accept-Language": "de"}
        cookie = self.jar.header(url, method=method, cross_site=cross_site)
        if cookie:
            headers["Cookie"] = cookie
        content = None
        if data is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            parts = urlsplit(self.page.url)
            headers["Origin"] = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "null"
            content = urlencode(data).encode()
        # The client has a memory of its own, which would bring back the cookies withheld above.
        self.http.cookies.clear()
        response = self.http.request(method, url, headers=headers, content=content, follow_redirects=False)
        for header in response.headers.get_list("set-cookie"):
            self.jar.store(url, header)
        return response


def _without_query(url: str) -> str:
    return url.partition("?")[0]


def read_page(url: str, response: httpx.Response) -> Page:
    """Forms and refresh of an answer."""
    page = Page(url, response.status_code, response.text)
    if "html" not in response.headers.get("content-type", "") or not response.text.strip():
        return page
    root = html.document_fromstring(response.text)
    for element in root.iter("meta"):
        match = _REFRESH.match(element.get("content") or "")
        if (element.get("http-equiv") or "").lower() == "refresh" and match:
            page.refresh = urljoin(url, match["url"].strip())
    page.forms = [_form(url, element) for element in root.iter("form")]
    return page


def _form(url: str, element: etree._Element) -> Form:
    form = Form(
        action=urljoin(url, element.get("action") or url),
        method=(element.get("method") or "get").lower(),
        fields=[],
        choices={},
        target=element.get("target"),
    )
    for control in element.iter("input", "select", "textarea", "button"):
        name = control.get("name")
        if not name or control.get("disabled") is not None:
            continue
        kind = (control.get("type") or ("submit" if control.tag == "button" else "text")).lower()
        value = control.get("value") or ""
        if control.tag == "select":
            _select(form, name, control)
        elif kind in ("radio", "checkbox"):
            form.choices.setdefault(name, []).append(value or "on")
            if control.get("checked") is not None:
                form.fields.append((name, value or "on"))
        elif kind == "submit":
            form.choices.setdefault(name, []).append(value)
        else:
            form.fields.append((name, value))
    return form


def _select(form: Form, name: str, control: etree._Element) -> None:
    options = list(control.iter("option"))
    values = [o.get("value", o.text or "") for o in options]
    form.choices.setdefault(name, []).extend(values)
    chosen = [v for o, v in zip(options, values, strict=True) if o.get("selected") is not None]
    if values:
        form.fields.append((name, (chosen or values)[0]))
