"""One whole login without a screen, through the real pages of service, gateway and node.

It drives the demo service as a browser would and reads the service's verified result. Standard
output gets exactly one JSON line (design.md §4); steps and times go to standard error.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urljoin, urlsplit

from lxml import html

from sandbox.accounts.accounts import Account, accounts
from sandbox.accounts.driver import pick
from sandbox.addresses import Addresses
from sandbox.browser import Browser, Form, NoSuchForm, Page, shown
from sandbox.card.driver import Drawer, NoWayBack, use_card

DEFAULT_SERVICE = "amt24"
DEFAULT_COUNTRY = "EL"
CANCEL = "cancel"
"""``FAULT=cancel``: press "back" at an account system, whatever that leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to log in with; empty means: take the first that fits."""

    eid: str = "eidas"
    country: str = DEFAULT_COUNTRY
    service: str = DEFAULT_SERVICE
    level: str = ""
    method: str = ""
    citizen: str = ""
    person: str = ""
    fault: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """``EID``, ``COUNTRY``, ``SERVICE``, ``LEVEL``, ``METHOD``, ``CITIZEN``, ``PERSON``, ``FAULT``."""
        names = ("eid", "country", "service", "level", "method", "citizen", "person", "fault")
        given = {n: environment[n.upper()] for n in names if environment.get(n.upper())}
        return cls(**given)

    @property
    def account(self) -> Account | None:
        """The account system, when the means is one."""
        return accounts().get(self.eid)

    @property
    def card(self) -> bool:
        """The Online-Ausweis, whichever way the gateway takes to its eID-Server."""
        return self.eid.partition("-")[0] == "npa"

    @property
    def german(self) -> bool:
        """A means that asks for no country."""
        return self.card or self.account is not None

    @property
    def iso(self) -> str:
        """The country inside the gateway: Greece is GR there and EL on the wire."""
        if self.german:
            return "DE"
        code = self.country.upper()
        return "GR" if code == "EL" else code


class LoginStopped(Exception):
    """The journey ended on a page instead of at the service; carries what the page says."""

    def __init__(self, description: str, code: str = "") -> None:
        super().__init__(description)
        self.description = description
        self.code = code


@dataclass(slots=True)
class Steps:
    """Times of the steps, told as they happen."""

    say: Callable[[str], None]
    taken: list[dict[str, object]] = field(default_factory=list)
    _since: float = field(default_factory=time.perf_counter)

    def done(self, name: str, where: str) -> None:
        now = time.perf_counter()
        milliseconds = round((now - self._since) * 1000, 1)
        self._since = now
        self.taken.append({"name": name, "ms": milliseconds})
        self.say(f"{milliseconds:8.1f} ms  {name:<10} {where}")


def log_in(
    browser: Browser,
    addresses: Addresses,
    wanted: Wanted,
    say: Callable[[str], None],
    drawer: Drawer | None = None,
) -> dict[str, Any]:
    """Run one login; the result in the form of design.md §4, success or error.

    Without a drawer there are no cards: a login with the Online-Ausweis stops at its first page.
    """
    steps = Steps(say)
    base = f"{addresses.services}/{wanted.service}"
    try:
        reason = _walk(browser, addresses, wanted, steps, drawer)
        outcome: dict[str, Any] = browser.fetch(f"{base}/result.json").json()
    except LoginStopped as stopped:
        return {"error": "login_stopped", "error_description": stopped.description, "code": stopped.code}
    except NoWayBack as error:
        return {"error": "login_stopped", "error_description": str(error), "code": ""}
    except NoSuchForm as error:
        code, text = error_page(browser.page)
        return {"error": "login_stopped", "error_description": text or str(error), "code": code}
    if "error" in outcome:
        found = {key: outcome[key] for key in ("error", "error_description", "code")}
        return found | {"code": reason} if reason else found
    claims = outcome["id_token"]
    return {
        "service": wanted.service,
        "eid": wanted.eid,
        "country": wanted.iso if wanted.german else wanted.country.upper(),
        "acr": claims.get("acr"),
        "id_token": claims,
        "userinfo": outcome["userinfo"],
        "steps": steps.taken,
    }


def _walk(browser: Browser, addresses: Addresses, wanted: Wanted, steps: Steps, drawer: Drawer | None) -> str:
    """From the service's page to its result; gives the code of an error page passed on the way."""
    service = f"{addresses.services}/{wanted.service}/"
    browser.get(service)
    form = browser.page.form("/login")
    browser.submit(form, {"level": wanted.level})
    steps.done("authorize", shown(browser.page.url))
    reason = through_the_gateway(browser, addresses, wanted, steps, drawer)
    if not browser.page.url.startswith(service):
        code, text = error_page(browser.page)
        raise LoginStopped(text or f"the journey ended at {shown(browser.page.url)}", code)
    return reason


def through_the_gateway(
    browser: Browser, addresses: Addresses, wanted: Wanted, steps: Steps, drawer: Drawer | None
) -> str:
    """From the gateway's first page back to the service; gives the code of an error page on the way."""
    reason = ""
    if _at(browser, addresses.gateway) and not _handover(browser.page):
        _choose(browser, wanted)
        steps.done("choose", shown(browser.page.url))
    if _at(browser, addresses.gateway) and _handover(browser.page):
        browser.submit(browser.page.forms[0], {})
        steps.done("handover", shown(browser.page.url))
    if drawer is not None and wanted.card and _at_client(browser, addresses):
        use_card(
            browser,
            drawer,
            citizen=wanted.citizen,
            fault=wanted.fault,
            insecure=not addresses.tls,
            say=steps.say,
        )
        steps.done("card", shown(browser.page.url))
    if _at(browser, addresses.nodes) or _at(browser, addresses.eid_saml):
        _identify(browser, wanted, steps)
    if _at(browser, addresses.gateway):
        reason = _release(browser)
        steps.done("release", shown(browser.page.url))
    return reason


def _at(browser: Browser, origin: str) -> bool:
    return browser.page.url.startswith(f"{origin}/")


def _at_client(browser: Browser, addresses: Addresses) -> bool:
    path = urlsplit(browser.page.url).path
    return _at(browser, addresses.gateway) and path.startswith("/login/") and path.endswith("/client")


def _handover(page: Page) -> bool:
    """A page whose first form leads to another origin."""
    here = urlsplit(page.url).netloc
    return bool(page.forms) and urlsplit(page.forms[0].action).netloc != here


def _choose(browser: Browser, wanted: Wanted) -> None:
    """The gateway's page of means and countries."""
    person = wanted.person or (wanted.account.person_kind if wanted.account else "")
    if person:
        _switch_person(browser, person)
    forms = [f for f in browser.page.forms if urlsplit(f.action).path.endswith("/start")]
    for form in forms:
        if ("means", wanted.eid) in form.fields:
            if wanted.german:
                browser.submit(form, {"country": ""} if form.choices.get("country") else {})
                return
            if wanted.iso not in form.choices.get("country", []):
                # Shown but not to be pressed: send it all the same, the gateway says why not.
                form.choices.pop("country", None)
            browser.submit(form, {"country": wanted.iso})
            return
    if forms:  # this service does not offer the means: back to it, as a citizen would
        browser.submit(browser.page.form("/cancel"), {})
        return
    raise NoSuchForm(f"no means {wanted.eid} on {shown(browser.page.url)} (status {browser.page.status})")


def _switch_person(browser: Browser, person: str) -> None:
    """Follow the link to the other kind of person, if the page offers one."""
    current = [v for f in browser.page.forms for k, v in f.fields if k == "person"]
    if current[:1] == [person]:
        return
    for link in html.document_fromstring(browser.page.text).iter("a"):
        href = link.get("href") or ""
        if f"person={person}" in href:
            browser.get(urljoin(browser.page.url, href))
            return


def _identify(browser: Browser, wanted: Wanted, steps: Steps) -> None:
    """The foreign node's pages, or those of an account system."""
    if wanted.account and browser.page.status < 400:
        _log_in_to_account(browser, wanted, steps)
        steps.done("identify", shown(browser.page.url))
        if not _at_account(browser, wanted):
            return  # "back" leads to the online service, without any answer
    elif browser.page.status < 400:
        form = browser.page.form("/answer")
        choose = {"fault": wanted.fault, "decision": "answer"}
        if wanted.citizen:
            choose["citizen"] = wanted.citizen
        if "answer" not in form.choices.get("decision", []):
            choose["decision"] = "decline"
        browser.submit(form, choose)
        steps.done("identify", shown(browser.page.url))
    back: list[Form] = [f for f in browser.page.forms if any(k == "SAMLResponse" for k, _ in f.fields)]
    if not back:
        raise LoginStopped(error_page(browser.page)[1] or "the node refuses the request", _idp_code(browser))
    for form in sorted(back, key=lambda f: f.target != "_blank"):
        browser.submit(form, {})
    steps.done("answer", shown(browser.page.url))


def _log_in_to_account(browser: Browser, wanted: Wanted, steps: Steps) -> None:
    """Choose and confirm a login; go back if it is not offered, or where ``FAULT=cancel``."""
    form = browser.page.form("/answer")
    citizen = wanted.citizen or pick(browser.page.text, method=wanted.method, level=wanted.level)
    offered = citizen in form.choices.get("citizen", [])
    if not offered:
        steps.say(f"not offered: {wanted.citizen or wanted.method or 'any login at this level'}; going back")
    if citizen is None or not offered or wanted.fault == CANCEL:
        browser.submit(form, {"decision": "back"})
    else:
        browser.submit(form, {"citizen": citizen, "fault": wanted.fault, "decision": "answer"})


def _at_account(browser: Browser, wanted: Wanted) -> bool:
    return urlsplit(browser.page.url).path.startswith(f"/{wanted.eid}/")


def _idp_code(browser: Browser) -> str:
    """The error code that an account system shows in the address only (IF 9.6)."""
    return dict(parse_qsl(urlsplit(browser.page.url).query)).get("idp.code", "")


def _release(browser: Browser) -> str:
    """The overview: release everything that is offered. An error page: back to the service.

    Gives the error page's code, the reason that the service itself may not be told.
    """
    for form in browser.page.forms:
        if "decision" in form.choices:
            optional = form.choices.get("optional", [])
            browser.submit(form, {"decision": "release", "optional": optional})
            return ""
    back = [f for f in browser.page.forms if urlsplit(f.action).path.startswith("/login/")]
    code, _ = error_page(browser.page)
    if back:
        browser.submit(back[0], {})
    return code


def error_page(page: Page) -> tuple[str, str]:
    """Catalogue code and heading of an error page, as far as it shows them."""
    if not page.text.lstrip().startswith("<"):
        return "", page.text.strip()[:200]
    root = html.document_fromstring(page.text)
    references = [a.get("href") or "" for a in root.iter("a") if "/error/" in (a.get("href") or "")]
    code = references[0].rpartition("/")[2].partition("?")[0] if references else ""
    told = [
        e for e in root.iter("div", "span") if {"refused", "kern-title"} & set((e.get("class") or "").split())
    ]
    marked = told or list(root.iter("h1"))
    texts = [" ".join("".join(str(t) for t in e.itertext()).split()) for e in marked]
    return code, (texts or [""])[0]


def as_line(outcome: Mapping[str, Any]) -> str:
    """The one line for standard output."""
    return json.dumps(outcome, ensure_ascii=False, separators=(",", ":"))
