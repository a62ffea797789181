"""What would my client get? A real login with a test citizen, without a screen, and everything it gave.

Nothing is simulated: the browser of ``make login`` walks through the gateway and the citizen's country
and stops before the client's redirect URI; the code is redeemed with the client's own credentials.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from authlib.common.errors import AuthlibBaseError
from joserfc import jws
from requests import RequestException
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.accounts.accounts import accounts
from sandbox.addresses import Addresses
from sandbox.browser import Browser, NoSuchForm
from sandbox.card.document import documents
from sandbox.card.driver import NoWayBack
from sandbox.launcher import http_client
from sandbox.login import LoginStopped, Steps, Wanted, error_page, through_the_gateway
from sandbox.nodes.countries import countries
from sandbox.services.registrations import Service
from sandbox.services.relying_party import LEVELS, LoginFailed, RelyingParty, Wishes
from sandbox.state import State

Page = Callable[..., Response]
_MOST = 12
"""Logins in one answer; each takes some tenths of a second."""
_SCOPE = "openid identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One test citizen as the form offers it."""

    key: str
    label: str
    wanted: Wanted


def choices() -> Iterator[Choice]:
    """Every test citizen: of the countries, of the German accounts, with a card."""
    for country in countries().values():
        for citizen in country.citizens:
            label = f"{country.node_code} {citizen.id} ({citizen.kind}, {citizen.level}) {citizen.note}"
            wanted = Wanted(country=country.node_code, citizen=citizen.id, person=citizen.kind)
            yield Choice(key=f"eidas:{country.node_code}:{citizen.id}", label=label, wanted=wanted)
    for account in accounts().values():
        for person in account.people:
            label = f"{account.path} {person.id} ({person.level}) {person.note}"
            wanted = Wanted(eid=account.path, citizen=person.id, method=person.method or "")
            yield Choice(key=f"account:{account.path}:{person.id}", label=label, wanted=wanted)
    for document in documents().values():
        wanted = Wanted(eid="npa", citizen=document.id)
        yield Choice(key=f"npa:{document.id}", label=f"npa {document.id} {document.note}", wanted=wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one login gave."""

    citizen: str
    id_token: Mapping[str, Any] = field(default_factory=dict)
    userinfo: Mapping[str, Any] = field(default_factory=dict)
    access_tokens: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Claims by resource server."""
    problem: str = ""
    code: str = ""
    """Of the error catalogue."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The page; complete without JavaScript."""

    state: State
    addresses: Addresses
    parties: Mapping[str, RelyingParty]
    page: Page

    def routes(self) -> list[Route]:
        return [Route("/preview/", self.form), Route("/preview/", self.run, methods=["POST"])]

    async def form(self, http: Request) -> Response:
        return self._page(http, {"scope": "", **http.query_params}, [])

    async def run(self, http: Request) -> Response:
        form = await http.form()
        given = {name: str(form.get(name) or "").strip() for name in _FIELDS}
        wanted = [str(key) for key in form.getlist("citizen")][:_MOST]
        try:
            party, wishes = self._party(given)
        except ValueError as problem:
            return self._page(http, given, [Shown(citizen="", problem=str(problem))])
        found = {choice.key: choice for choice in choices()}
        shown = [
            await run_in_threadpool(self._log_in, party, wishes, found[key], given["level"])
            for key in wanted
            if key in found
        ]
        return self._page(http, given, shown or [Shown(citizen="", problem="kein Bürger ausgewählt")])

    def _page(self, http: Request, given: Mapping[str, str], shown: list[Shown]) -> Response:
        return self.page(
            http,
            "preview.html",
            services=[party.service for party in self.parties.values()],
            citizens=list(choices()),
            levels=LEVELS,
            given=given,
            shown=shown,
            issuer=self.addresses.gateway,
        )

    def _party(self, given: Mapping[str, str]) -> tuple[RelyingParty, Wishes]:
        """The client as whom to log in; raises ValueError in words."""
        claims = given["claims"] or None
        if claims is not None:
            try:
                json.loads(claims)
            except ValueError as error:
                raise ValueError("claims: kein JSON") from error
        wishes = Wishes(level=given["level"] or None, claims=claims)
        known = self.parties.get(given["client_id"])
        if known is not None:
            service = replace(known.service, scope=given["scope"] or known.service.scope)
            return replace(known, service=service), wishes
        if not given["client_id"] or not given["client_secret"] or not given["redirect_uri"]:
            raise ValueError("ein eigener Client braucht client_id, client_secret und redirect_uri")
        service = Service(
            client_id=given["client_id"],
            authentication="client_secret_post" if given["post"] else "client_secret_basic",
            scope=given["scope"] or _SCOPE,
            acr=None,
            claims=(),
            registration={},
        )
        authority = self.state.authority if self.addresses.tls else None
        party = RelyingParty(
            service,
            self.addresses.gateway,
            given["redirect_uri"],
            given["client_secret"],
            authority,
            callback=given["redirect_uri"],
        )
        return party, wishes

    def _log_in(self, party: RelyingParty, wishes: Wishes, choice: Choice, level: str) -> Shown:
        try:
            url, attempt = party.begin(wishes)
            with http_client(self.state, self.addresses) as http:
                browser = Browser(http, stop_at=party.redirect_uri)
                browser.get(url)
                wanted = replace(choice.wanted, level=level)
                reason = through_the_gateway(
                    browser, self.addresses, wanted, Steps(_nothing), self.state.drawer
                )
                address = browser.page.url
                if not browser.stopped:
                    code, text = error_page(browser.page)
                    return Shown(citizen=choice.label, problem=text or "ended on a page", code=code)
            result = party.finish(address, browser.answer, attempt)
        except LoginFailed as failure:
            problem = f"{failure.error} {failure.description}"
            return Shown(citizen=choice.label, problem=problem, code=failure.code or reason)
        except LoginStopped as stopped:
            return Shown(citizen=choice.label, problem=stopped.description, code=stopped.code)
        except (NoSuchForm, NoWayBack) as problem:
            return Shown(citizen=choice.label, problem=str(problem))
        except AuthlibBaseError as error:
            return Shown(citizen=choice.label, problem=f"{error.error} {error.description or ''}")
        except RequestException as error:
            return Shown(citizen=choice.label, problem=f"gateway: {type(error).__name__}")
        return Shown(
            citizen=choice.label,
            id_token=result.id_token,
            userinfo=result.userinfo,
            access_tokens=self._access_tokens(party, result.access_token),
        )

    def _access_tokens(self, party: RelyingParty, access_token: str) -> dict[str, dict[str, Any]]:
        """What each resource server that the client may call would be shown."""
        found: dict[str, dict[str, Any]] = {}
        for name in party.service.calls or ("epaybl",):
            resource = f"{self.addresses.services}/{name}/"
            try:
                token = party.exchange(access_token, resource)
            except LoginFailed:
                continue  # this client has no business there
            found[resource] = json.loads(jws.extract_compact(token.encode()).payload)
        return found


_FIELDS = ("client_id", "client_secret", "redirect_uri", "post", "scope", "level", "claims")


def _nothing(_: str) -> None:
    """The steps are told to nobody."""
