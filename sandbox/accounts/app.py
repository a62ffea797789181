"""The pages of the account systems, one path each: ``/bundid/…``, ``/muk/…``.

An error that the real one answers with a page and no Response is a page here too; its code stands
in the address as ``idp.code`` (IF 9.6).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HTTPRequest
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.accounts.accounts import Account, Person, accounts
from sandbox.accounts.extension import DISPLAY_NAME_SHOWN, Stopped
from sandbox.accounts.faults import FAULTS
from sandbox.accounts.names import FRIENDLY
from sandbox.accounts.people import CANCELLED, honest_plan, offered
from sandbox.accounts.plan import Plan, failure_plan
from sandbox.accounts.request import Request, take
from sandbox.accounts.response import build
from sandbox.accounts.world import Exchange, World
from sandbox.saml.pages import NO_STORE, Pages, incoming

_HERE = Path(__file__).parent


class AccountPages:
    """The HTTP surface over a ``World``."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pages = Pages(_HERE / "templates")

    def routes(self) -> list[Route]:
        return [route for account in accounts().values() for route in self._of(account)]

    def _of(self, account: Account) -> list[Route]:
        base = f"/{account.path}"
        routes = [
            Route(f"{base}/{account.sso_post}", self.sso, methods=["POST"], name=f"{account.path}:post"),
            Route(f"{base}/error", self.error),
            Route(f"{base}/answer", self.answer, methods=["POST"]),
        ]
        if account.sso_redirect:
            routes.append(Route(f"{base}/{account.sso_redirect}", self.sso, methods=["GET"]))
        if account.metadata:
            routes.append(Route(f"{base}/{account.metadata}", self.metadata))
        return routes

    async def metadata(self, http: HTTPRequest) -> Response:
        return Response(self._world.metadata(_account(http)), media_type="application/samlmetadata+xml")

    async def sso(self, http: HTTPRequest) -> Response:
        account = _account(http)
        message, _ = await incoming(http, f"{self._world.addresses.nodes}{http.url.path}")
        try:
            request = await run_in_threadpool(take, account, message, self._world.providers)
            handle = self._world.open(account, request)
        except Stopped as stopped:
            code = urlencode({"idp.code": stopped.code, "rule": stopped.rule})
            return RedirectResponse(f"/{account.path}/error?{code}", 303, headers=NO_STORE)
        extension = request.extension
        return self._pages.page(
            http,
            "login.html",
            account=account,
            exchange=handle,
            asked=request,
            extension=extension,
            shown_name=extension.display_name[:DISPLAY_NAME_SHOWN] if extension else None,
            wanted=_wanted(request),
            people=[_listed(account, p) for p in offered(account, request)],
            faults=[f for f in FAULTS.values() if f.fits(account)],
        )

    async def error(self, http: HTTPRequest) -> Response:
        return self._pages.page(
            http,
            "stopped.html",
            400,
            account=_account(http),
            code=http.query_params.get("idp.code", ""),
            rule=http.query_params.get("rule", ""),
        )

    async def answer(self, http: HTTPRequest) -> Response:
        account = _account(http)
        form = await http.form()
        exchange = self._world.exchanges.take(str(form.get("exchange", "")))
        if exchange is None or exchange.account.path != account.path:
            return PlainTextResponse("This login is over. Start again at the service.", 410)
        person = account.person(str(form.get("citizen", "")))
        back = form.get("decision") != "answer" or person is None or person.decides == "back"
        extension = exchange.request.extension
        if back and extension is not None and extension.back_url:
            # IF 9.5: "back" leads to the online service, and nobody sends a Response.
            return RedirectResponse(extension.back_url, 303, headers=NO_STORE)
        if person is not None and not back and person not in offered(account, exchange.request):
            return PlainTextResponse("This login was not offered.", 400)
        try:
            plan = self._plan(exchange, None if back else person, str(form.get("fault", "")))
        except KeyError:
            return PlainTextResponse("no such fault", 400)
        octets = await run_in_threadpool(build, plan, self._world.signing[account.path])
        asked = exchange.request
        return self._pages.answer(http, octets, asked.consumer, asked.relay_state, twice=plan.sent_twice)

    def _plan(self, exchange: Exchange, person: Person | None, fault: str) -> Plan:
        account, issuer, now = exchange.account, self._world.issuer(exchange.account), datetime.now(UTC)
        if person is None:
            return failure_plan(account, issuer, exchange.request, now, CANCELLED)
        plan = honest_plan(account, issuer, exchange.request, person, now)
        return FAULTS[fault].change(plan) if fault else plan


def _account(http: HTTPRequest) -> Account:
    return accounts()[http.url.path.split("/")[1]]


def _wanted(request: Request) -> list[str]:
    """The attributes asked for, as the page lists them."""
    if request.extension is None:
        return []
    return [FRIENDLY.get(w.name, w.name) + ("*" if w.required else "") for w in request.extension.attributes]


_TITLE = ("givenName", "surname", "GivenNames", "FamilyNames", "Firmenname", "Vorname", "Name")


def _listed(account: Account, person: Person) -> dict[str, Any]:
    """A login as the page shows one."""
    method = account.method(person.method)
    return {
        "id": person.id,
        "title": " ".join(str(person.values[key]) for key in _TITLE if person.values.get(key)),
        "method": person.method,
        "second_hand": method is not None and method.second_hand,
        "level": person.level,
        "guest": person.guest,
        "note": person.note,
    }
