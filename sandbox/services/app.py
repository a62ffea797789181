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

from sandbox.services.relying_party import LEVELS, Attempt, LoginFailed, RelyingParty, Result, Wishes

_HERE = Path(__file__).parent
_SESSIONS = 1000
_NO_STORE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@dataclass(slots=True)
class Session:
    """One visitor of one service."""

    attempt: Attempt | None = None
    result: Result | None = None
    failure: LoginFailed | None = None

    def outcome(self, service: str) -> dict[str, Any]:
        """What ``result.json`` says."""
        if self.result is not None:
            return {
                "service": service,
                "id_token": dict(self.result.id_token),
                "userinfo": dict(self.result.userinfo),
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

    def __init__(self, parties: Mapping[str, RelyingParty]) -> None:
        self._parties = parties
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
            Route("/{client}/", self.start),
            Route("/{client}/login", self.login, methods=["POST"]),
            Route("/{client}/callback", self.callback),
            Route("/{client}/result", self.result),
            Route("/{client}/result.json", self.result_json),
        ]

    def _page(self, http: Request, name: str, /, **context: Any) -> Response:
        return self._pages.TemplateResponse(http, name, context, headers=_NO_STORE)

    def _party(self, http: Request) -> RelyingParty | None:
        return self._parties.get(http.path_params["client"])

    def _session(self, http: Request) -> Session | None:
        return self._sessions.get(http.cookies.get(_cookie(http.path_params["client"])))

    async def index(self, http: Request) -> Response:
        return self._page(http, "index.html", services=[p.service for p in self._parties.values()])

    async def health(self, http: Request) -> Response:
        return JSONResponse({"status": "ok", "services": sorted(self._parties)})

    async def epaybl(self, http: Request) -> Response:
        return self._page(http, "epaybl.html")

    async def start(self, http: Request) -> Response:
        party = self._party(http)
        if party is None:
            return PlainTextResponse("no such service", 404)
        return self._page(http, "start.html", service=party.service, levels=LEVELS)

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
        url = f"{party.redirect_uri}?{http.url.query}"
        try:
            session.result = await run_in_threadpool(party.finish, url, dict(http.query_params), attempt)
        except LoginFailed as failure:
            session.failure = failure
        except AuthlibBaseError as error:
            session.failure = LoginFailed(error.error or "invalid_response", error.description or "")
        except RequestException as error:
            session.failure = LoginFailed("invalid_response", f"gateway: {type(error).__name__}")
        return RedirectResponse(f"/{party.service.client_id}/result", 303, headers=_NO_STORE)

    async def result(self, http: Request) -> Response:
        party, session = self._party(http), self._session(http)
        if party is None or session is None:
            return PlainTextResponse("Nobody has logged in here in this browser.", 404)
        failure = session.failure or LoginFailed("no_result", "login not finished")
        return self._page(
            http,
            "result.html",
            service=party.service,
            result=session.result,
            failure=failure,
            issuer=party.issuer,
        )

    async def result_json(self, http: Request) -> Response:
        session = self._session(http) or Session()
        return JSONResponse(session.outcome(http.path_params["client"]), headers=_NO_STORE)


def _cookie(client: str) -> str:
    return f"service-{client}"


def build_app(parties: Mapping[str, RelyingParty]) -> Starlette:
    """The application for these relying parties."""
    return Starlette(routes=DemoServices(parties).routes())
