"""A browser for probes: follows redirects, keeps cookies, and goes only where it may.

Each request goes through ``trust.outgoing``, so the address behind a name is checked and the connection goes
to a checked one. Beyond that, only origins on the list are visited at all: our own, the one our own hand-over
page names (from the partner's verified metadata), and the configured hosts.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urldefrag, urlencode, urljoin, urlsplit

from gateway.probes.failures import ProbeFailed, Reason
from gateway.probes.pages import Form, Page, read_page
from trust.errors import OutgoingError
from trust.outgoing import Answer, FetchPolicy, Outgoing, Resolve, converse, resolve_host, tls_context

_HOPS = 20
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_COOKIES = 100
_LONGEST_COOKIE = 4096
"""Longer ones no browser keeps (RFC 6265bis §5.7)."""
_CHARSET = re.compile(r"utf-8|us-ascii|iso-8859-\d{1,2}|windows-125\d", re.ASCII)
"""What pages are written in. Others of this language's codecs take minutes, or fail in ways of their own."""
_PORTS = {"https": 443, "http": 80}
Origin = tuple[str, str, int]
Fields = Sequence[tuple[str, str]]


def origin_of(url: str) -> Origin:
    """Scheme, host and port; raises ProbeFailed for what is no address of a page."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise ProbeFailed(Reason.PARTNER_ADDRESS) from error
    if not host or not port:
        raise ProbeFailed(Reason.PARTNER_ADDRESS)
    return parts.scheme, host, port


@dataclass(slots=True)
class _Cookie:
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    same_site: str


@dataclass(slots=True)
class Cookies:
    """Those of one probe. As browsers do, ``SameSite=Lax`` ones stay at home with a POST from another site."""

    _kept: dict[tuple[str, str, str], _Cookie] = field(default_factory=dict, repr=False)

    def take(self, url: str, lines: Iterable[str]) -> None:
        """Keep what an answer from ``url`` sets (RFC 6265bis §5.7)."""
        for line in lines:
            # No cookie may hold a backslash (RFC 6265 §4.1.1), and the parser takes minutes over many of them.
            if len(line) > _LONGEST_COOKIE or "\\" in line:
                continue
            parsed: SimpleCookie = SimpleCookie()
            try:
                parsed.load(line)
            except CookieError:
                continue
            for name, morsel in parsed.items():
                self._keep(url, name, morsel.value, {key: str(morsel[key]) for key in morsel})

    def _keep(self, url: str, name: str, value: str, said: dict[str, str]) -> None:
        scheme, host, _ = origin_of(url)
        domain = said["domain"].lstrip(".").lower()
        if domain and not _within(host, domain):
            return
        secure = bool(said["secure"])
        if secure and scheme != "https":
            return
        path = said["path"] if said["path"].startswith("/") else urlsplit(url).path.rpartition("/")[0] or "/"
        if name.startswith("__Host-") and (domain or path != "/" or not secure):
            return
        key = (domain or host, path, name)
        if said["max-age"].startswith(("0", "-")) or "1970" in said["expires"]:
            self._kept.pop(key, None)
        elif len(self._kept) < _MOST_COOKIES:
            same_site = (said["samesite"] or "lax").lower()
            self._kept[key] = _Cookie(value, key[0], not domain, path, secure, same_site)

    def header(self, url: str, *, method: str, cross_site: bool) -> str:
        """What goes along with a request; empty: nothing."""
        scheme, host, _ = origin_of(url)
        path = urlsplit(url).path or "/"
        return "; ".join(
            f"{name}={cookie.value}"
            for (_, _, name), cookie in self._kept.items()
            if (cookie.domain == host if cookie.host_only else _within(host, cookie.domain))
            and (path == cookie.path or path.startswith(cookie.path.rstrip("/") + "/"))
            and (scheme == "https" or not cookie.secure)
            and (
                not cross_site
                or cookie.same_site == "none"
                or (cookie.same_site == "lax" and method == "GET")
            )
        )


def _within(host: str, domain: str) -> bool:
    return host == domain or ("." in domain and host.endswith(f".{domain}"))


@dataclass(slots=True, kw_only=True)
class Browser:
    """See the module docstring. Blocking; for one probe."""

    issuer: str
    stop_at: str
    """The redirect URI of our client, which is never visited."""
    policy: FetchPolicy
    deadline: float
    """On the clock of ``time.monotonic``."""
    page_bytes: int
    allowed: set[Origin]
    resolve: Resolve = resolve_host
    monotonic: Callable[[], float] = time.monotonic
    page: Page = field(default_factory=lambda: Page("", 0))
    cookies: Cookies = field(default_factory=Cookies)
    _context: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def at_home(self) -> bool:
        """Whether the page is one of ours."""
        return self.is_own(self.page.url)

    @property
    def stopped(self) -> bool:
        """Whether the browser was sent to the redirect URI."""
        return _without_query(self.page.url) == self.stop_at

    def is_own(self, url: str) -> bool:
        return origin_of(url) == origin_of(self.issuer)

    def get(self, url: str) -> Page:
        """Go there as if typed. Raises ProbeFailed, as everything here."""
        return self._go("GET", url, None, initiator=url)

    def follow(self, url: str) -> Page:
        """Go where the page leads."""
        return self._go("GET", url, None, initiator=self.page.url)

    def submit(self, form: Form, fields: Fields) -> Page:
        """Send the form."""
        if form.method == "post":
            return self._go("POST", form.action, fields, initiator=self.page.url)
        return self._go(
            "GET", f"{_without_query(form.action)}?{urlencode(fields)}", None, initiator=self.page.url
        )

    def call(self, url: str, fields: Fields | None) -> Answer:
        """A request of our client itself to our own address, without cookies."""
        headers = {"Accept": "application/json"}
        return self._exchange("POST" if fields is not None else "GET", url, fields, headers)

    def _go(self, method: str, url: str, fields: Fields | None, *, initiator: str) -> Page:
        for _ in range(_HOPS):
            url = urldefrag(url).url
            if _without_query(url) == self.stop_at:
                self.page = Page(url, 0)
                return self.page
            cross_site = origin_of(initiator)[:2] != origin_of(url)[:2]
            headers = {"Accept": "text/html", "Accept-Language": "en, de;q=0.5"}
            cookies = self.cookies.header(url, method=method, cross_site=cross_site)
            if cookies:
                headers["Cookie"] = cookies
            if method == "POST":
                scheme, _, rest = initiator.partition("://")
                # our own pages have the referrer policy no-referrer, and browsers then say null
                own = self.is_own(initiator)
                headers["Origin"] = "null" if own else f"{scheme}://{rest.partition('/')[0]}"
            answer = self._exchange(method, url, fields, headers)
            self.cookies.take(url, [value for name, value in answer.headers if name == "set-cookie"])
            location = answer.header("location")
            if answer.status in _REDIRECTS and location:
                if answer.status not in {307, 308}:
                    method, fields = "GET", None
                url = urljoin(url, location)
                continue
            self.page = _page(url, answer)
            return self.page
        raise ProbeFailed(Reason.PARTNER_PAGES)

    def _exchange(self, method: str, url: str, fields: Fields | None, headers: dict[str, str]) -> Answer:
        own = self.is_own(url)
        if origin_of(url) not in self.allowed:
            raise ProbeFailed(Reason.PARTNER_ADDRESS)
        left = self.deadline - self.monotonic()
        if left <= 0:
            raise ProbeFailed(Reason.TIME)
        policy = replace(
            self.policy,
            total_seconds=min(left, self.policy.total_seconds),
            # our own name may lead to us directly, past the proxy in front
            allow_private_addresses=own or self.policy.allow_private_addresses,
        )
        if self._context is None:
            self._context = tls_context(self.policy)
        body = None
        if fields is not None:
            headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
            body = urlencode(fields).encode()
        outgoing = Outgoing(method=method, headers=headers, body=body, accepted=None, context=self._context)
        try:
            return converse(url, outgoing, policy=policy, max_bytes=self.page_bytes, resolve=self.resolve)
        except OutgoingError as error:
            if self.monotonic() >= self.deadline:
                raise ProbeFailed(Reason.TIME) from error
            raise ProbeFailed(_reason(error.reason, own=own)) from error


def _reason(reason: str, *, own: bool) -> Reason:
    if own:
        return Reason.GATEWAY_UNREACHABLE
    match reason:
        case "fetch.timeout":
            return Reason.PARTNER_TIMEOUT
        case "fetch.size":
            return Reason.PARTNER_SIZE
        case "fetch.url" | "fetch.scheme" | "fetch.address":
            return Reason.PARTNER_ADDRESS
        case "fetch.content-encoding":
            return Reason.PARTNER_PAGE
        case _:
            return Reason.PARTNER_UNREACHABLE


def _page(url: str, answer: Answer) -> Page:
    content_type = (answer.header("content-type") or "").lower()
    if "html" not in content_type:
        return Page(url, answer.status)
    charset = content_type.partition("charset=")[2].partition(";")[0].strip("\"' ")
    try:
        text = answer.body.decode(charset if _CHARSET.fullmatch(charset) else "utf-8", "replace")
        return read_page(url, answer.status, text)
    except (LookupError, ValueError) as error:  # iso-8859-99; an address in it that is none
        raise ProbeFailed(Reason.PARTNER_PAGE) from error


def _without_query(url: str) -> str:
    return url.partition("?")[0]
