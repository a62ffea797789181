"""The demo services on one server: ``/<client_id>/`` with its start, callback and result."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from authlib.common.errors import AuthlibBaseError
from requests import RequestException
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from sandbox.addresses import Addresses
from sandbox.services.epaybl import PaymentComponent, cents
from sandbox.services.payments import Payment, PaymentDesk, StepUpNeeded
from sandbox.services.preview import Preview
from sandbox.services.relying_party import LEVELS, Attempt, LoginFailed, RelyingParty, Result, Wishes
from sandbox.services.self_registration import SelfRegistration
from sandbox.state import State

_HERE = Path(__file__).parent
_SESSIONS = 1000
_NO_STORE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@dataclass(slots=True)
class Session:
    """One visitor of one service."""

    attempt: Attempt | None = None
    result: Result | None = None
    failure: LoginFailed | None = None
    payment: Payment | None = None
    """Asked for, waiting for a better identification."""
    receipt: Mapping[str, Any] | None = None
    refused: LoginFailed | None = None
    """A payment that ePayBL does not take."""

    def outcome(self, service: str) -> dict[str, Any]:
        """What ``result.json`` says."""
        if self.result is not None:
            return {
                "service": service,
                "id_token": dict(self.result.id_token),
                "userinfo": dict(self.result.userinfo),
                **({"receipt": dict(self.receipt)} if self.receipt else {}),
            }
        if self.failure is not None:
            failure = self.failure
            return {
                "error": failure.error,
                "error_description": failure.description,
                "code": failure.code,
            }
        return {"error": "no_result", "error_description": "nobody logged in here", "code": ""}


@dataclass(slots=True)
class Sessions:
    """Visitors by cookie; the oldest go first."""

    _kept: dict[str, Session] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> tuple[str, Session]:
        handle, session = secrets.token_urlsafe(24), Session()
        with self._lock:
            while len(self._kept) >= _SESSIONS:
                del self._kept[next(iter(self._kept))]
            self._kept[handle] = session
        return handle, session

    def get(self, handle: str | None) -> Session | None:
        with self._lock:
            return self._kept.get(handle or "")


class DemoServices:
    """The HTTP surface of all relying parties."""

    def __init__(self, parties: Mapping[str, RelyingParty], payment: PaymentComponent) -> None:
        self._parties = parties
        self._payment = payment
        self._sessions = Sessions()
        self._pages = Jinja2Templates(directory=_HERE / "templates")
        # names are shown in their own letters
        self._pages.env.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": True}

    def routes(self) -> list[Route | Mount]:
        return [
            Route("/", self.index),
            Route("/health", self.health),
            Mount("/static", StaticFiles(directory=_HERE.parent / "static")),
            Route("/epaybl/", self.epaybl),
            Route("/epaybl/payments", self._payment.pay, methods=["POST"]),
            Route("/{client}/", self.start),
            Route("/{client}/login", self.login, methods=["POST"]),
            Route("/{client}/callback", self.callback),
            Route("/{client}/pay", self.pay, methods=["POST"]),
            Route("/{client}/result", self.result),
            Route("/{client}/result.json", self.result_json),
        ]

    def page(self, http: Request, name: str, /, status_code: int = 200, **context: Any) -> Response:
        """One of the templates; never kept by a cache."""
        return self._pages.TemplateResponse(http, name, context, status_code=status_code, headers=_NO_STORE)

    def _party(self, http: Request) -> RelyingParty | None:
        return self._parties.get(http.path_params["client"])

    def _session(self, http: Request) -> Session | None:
        return self._sessions.get(http.cookies.get(_cookie(http.path_params["client"])))

    async def index(self, http: Request) -> Response:
        return self.page(http, "index.html", services=[p.service for p in self._parties.values()])

    async def health(self, http: Request) -> Response:
        return JSONResponse({"status": "ok", "services": sorted(self._parties)})

    async def epaybl(self, http: Request) -> Response:
        return self.page(http, "epaybl.html")

    async def start(self, http: Request) -> Response:
        party = self._party(http)
        if party is None:
            return PlainTextResponse("no such service", 404)
        return self.page(http, "start.html", service=party.service, levels=LEVELS)

    async def login(self, http: Request) -> Response:
        party = self._party(http)
        if party is None:
            return PlainTextResponse("no such service", 404)
        form = await http.form()
        wishes = Wishes(
            level=str(form.get("level") or "") or None,
            country=str(form.get("country") or "") or None,
            language=str(form.get("language") or "") or None,
        )
        if wishes.level not in (None, *LEVELS):
            return PlainTextResponse(f"level must be one of {', '.join(LEVELS)}", 400)
        try:
            url, attempt = await run_in_threadpool(party.begin, wishes)
        except RequestException as error:
            return PlainTextResponse(f"the gateway does not answer: {type(error).__name__}", 502)
        handle, session = self._sessions.open()
        session.attempt = attempt
        answer = RedirectResponse(url, 303, headers=_NO_STORE)
        answer.set_cookie(
            _cookie(party.service.client_id),
            handle,
            path=f"/{party.service.client_id}/",
            httponly=True,
            samesite="lax",
            secure=party.base.startswith("https:"),
        )
        return answer

    async def callback(self, http: Request) -> Response:
        party, session = self._party(http), self._session(http)
        if party is None or session is None or session.attempt is None:
            return PlainTextResponse("No login is under way in this browser.", 400)
        attempt, session.attempt = session.attempt, None
        before = session.result
        url = f"{party.redirect_uri}?{http.url.query}"
        try:
            session.result = await run_in_threadpool(party.finish, url, dict(http.query_params), attempt)
        except LoginFailed as failure:
            session.failure = failure
        except AuthlibBaseError as error:
            session.failure = LoginFailed(error.error or "invalid_response", error.description or "")
        except RequestException as error:
            session.failure = LoginFailed("invalid_response", f"gateway: {type(error).__name__}")
        payment, after = session.payment, session.result
        if payment is not None and before is not None and after is not None:
            if session.failure is not None:  # not identified better: what was there before stays
                session.refused, session.failure, session.payment = session.failure, None, None
            elif before.id_token["sub"] != after.id_token["sub"]:
                session.refused = LoginFailed("access_denied", "somebody else has logged in for this payment")
                session.payment = None
            else:
                return await self._pay(party, session, after, payment)
        return RedirectResponse(f"/{party.service.client_id}/result", 303, headers=_NO_STORE)

    async def pay(self, http: Request) -> Response:
        """Pay a fee at ePayBL with a token for it, or be sent to identify oneself better first."""
        party, session = self._party(http), self._session(http)
        if party is None or not party.service.calls or session is None or session.result is None:
            return PlainTextResponse("Nobody has logged in here in this browser.", 404)
        form = await http.form()
        payment = Payment(amount=str(form.get("amount") or ""), reference=party.service.name)
        try:
            cents(payment.amount)
        except ValueError:
            return PlainTextResponse("The amount must look like 12,50.", 400)
        return await self._pay(party, session, session.result, payment)

    async def _pay(self, party: RelyingParty, session: Session, result: Result, payment: Payment) -> Response:
        stepped_up, session.payment = session.payment is not None, None
        session.receipt = session.refused = None
        try:
            desk = PaymentDesk(party, self._payment.resource)
            session.receipt = await run_in_threadpool(desk.pay, result, payment)
        except StepUpNeeded as needed:
            if not stepped_up:  # once; whoever is told again is not sent round in circles
                session.payment = payment
                wishes = Wishes(acr_values=needed.acr_values)
                url, session.attempt = await run_in_threadpool(party.begin, wishes)
                return RedirectResponse(url, 303, headers=_NO_STORE)
            session.refused = LoginFailed("insufficient_user_authentication", needed.acr_values)
        except LoginFailed as failure:
            session.refused = failure
        except RequestException as error:
            session.refused = LoginFailed("unavailable", type(error).__name__)
        return RedirectResponse(f"/{party.service.client_id}/result", 303, headers=_NO_STORE)

    async def result(self, http: Request) -> Response:
        party, session = self._party(http), self._session(http)
        if party is None or session is None:
            return PlainTextResponse("Nobody has logged in here in this browser.", 404)
        failure = session.failure or LoginFailed("no_result", "login not finished")
        return self.page(
            http,
            "result.html",
            service=party.service,
            result=session.result,
            failure=failure,
            receipt=session.receipt,
            refused=session.refused,
            issuer=party.issuer,
        )

    async def result_json(self, http: Request) -> Response:
        session = self._session(http) or Session()
        return JSONResponse(session.outcome(http.path_params["client"]), headers=_NO_STORE)


def _cookie(client: str) -> str:
    return f"service-{client}"


def build_app(state: State, addresses: Addresses) -> Starlette:
    """The application of one sandbox: its relying parties, the resource server, the integrator's pages."""
    parties = state.relying_parties(addresses)
    services = DemoServices(parties, state.payment_component(addresses))
    authority = state.authority if addresses.tls else None
    pages = [
        *SelfRegistration(addresses.gateway, authority, services.page).routes(),
        *Preview(state, addresses, parties, services.page).routes(),
    ]
    return Starlette(routes=[*pages, *services.routes()])
