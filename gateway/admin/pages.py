"""How a page of the console is made, and what stands before each: session, role, origin of a form, rate.

A handler gets the desk, the visit and the request; nothing of what is checked here is its business. A route
that is ``public`` gets no visit: signing in, making a passkey, feeds with a secret of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.admin.desk import AdminDesk, Visit, person
from gateway.admin.errors import (
    CONSOLE_FOREIGN_FORM,
    CONSOLE_NOT_FOUND,
    CONSOLE_ROLE,
    explained,
)
from gateway.admin.refusals import Refusal
from gateway.admin.session import Session
from gateway.audit.operations import ConsoleSignedOut
from gateway.errors import GatewayError
from gateway.http import RateExceeded, network_of
from gateway.web.language import preferences
from gateway.web.translations import Translations
from trust.registry import RegistryError, Role

_LANGUAGE = "console-language"
_YEAR = 31_536_000

Handler = Callable[[AdminDesk, Visit, Request], Awaitable[Response]]
PublicHandler = Callable[[AdminDesk, Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class AdminRoute:
    """One address of the console."""

    path: str
    handler: Any
    """``Handler``; ``PublicHandler`` where ``public``."""
    method: Literal["GET", "POST"] = "GET"
    role: Role = Role.VIEWER
    navigation: str | None = None
    """Text of its entry in the menu."""
    public: bool = False


def endpoint(desk: AdminDesk, route: AdminRoute, pages: frozenset[str]) -> Route:
    """``route`` with everything that stands before it. ``pages``: paths of all routes that answer GET."""

    async def answer(request: Request) -> Response:
        await _within_rate(desk, request, ceremony=route.public and route.method == "POST")
        if route.method == "POST":
            own_form(desk, request)
        try:
            response = await (
                _public(desk, route, request) if route.public else _visited(desk, route, request, pages)
            )
        except RegistryError as error:
            refused = explained(error)
            await _keep_refusal(desk, route, request, refused, pages)
            raise refused from error
        except GatewayError as refused:
            await _keep_refusal(desk, route, request, refused, pages)
            raise
        _keep_language(desk, request, response)
        return response

    return Route(route.path, answer, methods=[route.method])


async def _public(desk: AdminDesk, route: AdminRoute, request: Request) -> Response:
    response: Response = await route.handler(desk, request)
    return response


async def _visited(desk: AdminDesk, route: AdminRoute, request: Request, pages: frozenset[str]) -> Response:
    session = await desk.sessions.find(request)
    visit = None if session is None else await _visit(desk, request, session)
    if visit is None:
        lost = None if route.method == "GET" else _form_of(route.path, request.url.path, pages)
        return _to_sign_in(desk, request, lost=lost, gone=session is not None)
    request.state.visit = visit
    if not visit.role.covers(route.role):
        raise CONSOLE_ROLE()
    response: Response = await route.handler(desk, visit, request)
    return response


def _form_of(path: str, asked: str, pages: frozenset[str]) -> str:
    """The page on which the form for ``path``, asked for as ``asked``, stands: its own, or one above."""
    while path and path not in pages:
        path, asked = path.rpartition("/")[0], asked.rpartition("/")[0]
    return asked or "/"


async def _keep_refusal(
    desk: AdminDesk, route: AdminRoute, request: Request, error: GatewayError, pages: frozenset[str]
) -> None:
    """For ``error_page``, and for the form when somebody goes back to it."""
    if route.method != "POST":
        return
    form = _form_of(route.path, request.url.path, pages)
    refusal = Refusal.of(
        error,
        form=form,
        typed=getattr(request.state, "typed", {}),
        files=getattr(request.state, "uploaded", False),
    )
    visit: Visit | None = getattr(request.state, "visit", None)
    request.state.refusal = refusal if visit is None else await desk.refusals.keep(visit.session, refusal)


async def _visit(desk: AdminDesk, request: Request, session: Session) -> Visit | None:
    """None: the person, or the passkey of this session, is not enrolled any more."""
    fold = await asyncio.to_thread(desk.fold)
    who = person(fold, session.person)
    if who is None or session.credential not in {key.fingerprint for key in who.credentials}:
        await desk.sessions.end(session)
        await desk.audit.record(ConsoleSignedOut(person=session.person, cause="removed"), now=desk.clock())
        return None
    return Visit(
        session=session,
        person=session.person,
        name=who.name,
        role=who.role,
        words=words_of(desk, request),
        path=own_path(request) if request.method == "GET" else None,
        now=desk.clock(),
        fold=fold,
        generation=desk.live.current,
        refused=await _refused_before(desk, request, session),
    )


async def _refused_before(desk: AdminDesk, request: Request, session: Session) -> Refusal | None:
    """What ``?kept=`` names, if it was this page's form."""
    number = request.query_params.get("kept")
    found = await desk.refusals.find(session, number) if number and request.method == "GET" else None
    return found if found is not None and found.form == request.url.path else None


def _to_sign_in(desk: AdminDesk, request: Request, *, lost: str | None, gone: bool) -> Response:
    """``lost``: the page of a form that was sent and not taken."""
    if lost in {None, "/"}:  # looked at a page, or signed out: nothing is lost
        back = own_path(request) if lost is None else "/"
        response = redirect("/sign-in" if back == "/" else f"/sign-in?{urlencode({'to': back})}")
    else:
        response = redirect(f"/sign-in?{urlencode({'to': lost, 'lost': '1'})}")
    if gone:
        desk.sessions.set_cookie(response, None)
    return response


async def _within_rate(desk: AdminDesk, request: Request, *, ceremony: bool) -> None:
    limit = desk.section.per_minute
    if not limit:
        return
    network = network_of(request)
    if ceremony:
        count, seconds = await desk.store.count(f"console-ceremony {network}", window=60)
        if count > max(1, limit // 10):
            raise RateExceeded(seconds)
    count, seconds = await desk.store.count(f"console {network}", window=60)
    if count > limit:
        raise RateExceeded(seconds)


def own_form(desk: AdminDesk, request: Request) -> None:
    """Raises unless a page of the console has sent it (security.md B.2); the cookie is Strict besides."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    if request.headers.get("origin") != desk.section.url or site != "same-origin":
        raise CONSOLE_FOREIGN_FORM()


def words_of(desk: AdminDesk, request: Request) -> Translations:
    """The page's language: the click, the last click, the browser."""
    chosen = request.query_params.get("lang") or request.cookies.get(_LANGUAGE)
    return desk.render.words(
        preferences(chosen=chosen, accept_language=request.headers.get("accept-language"))
    )


def _keep_language(desk: AdminDesk, request: Request, response: Response) -> None:
    if "lang" in request.query_params:
        response.set_cookie(
            _LANGUAGE,
            words_of(desk, request).language,
            max_age=_YEAR,
            secure=desk.section.url.startswith("https"),
            httponly=True,
            samesite="strict",
        )


def own_path(request: Request) -> str:
    """Path and query as asked for, without the language."""
    pairs = [pair for pair in parse_qsl(request.url.query, keep_blank_values=True) if pair[0] != "lang"]
    path = quote(request.url.path, safe="/:.@!$&'()*+,;=-_~")
    return f"{path}?{urlencode(pairs)}" if pairs else path


def admin_page(
    desk: AdminDesk, visit: Visit, template: str, status_code: int = 200, **context: object
) -> Response:
    """``template`` with what every page shows."""
    return desk.render.response(
        template,
        visit.words,
        path=visit.path,
        context={
            "visit": visit,
            "may": _may(visit),
            "problem": desk.live.problem,
            "refused": visit.refused,
            "words": visit.words,
            "sentence": visit.refused.sentence(visit.words) if visit.refused else None,
            "typed": visit.refused.typed if visit.refused else {},
            **context,
        },
        status_code=status_code,
    )


def public_page(
    desk: AdminDesk, request: Request, template: str, status_code: int = 200, **context: object
) -> Response:
    """``template`` for whoever reaches the console."""
    return desk.render.response(
        template,
        words_of(desk, request),
        path=own_path(request) if request.method == "GET" else None,
        context={"visit": None, "problem": None, "refused": None, "typed": {}, **context},
        status_code=status_code,
    )


def error_page(desk: AdminDesk, request: Request, error: GatewayError) -> Response:
    """Why not; nothing of the request is shown."""
    if error.entry.code == "http.not_found":  # in the words of this listener
        error = CONSOLE_NOT_FOUND(cause=error)
    kept: Refusal | None = getattr(request.state, "refusal", None)
    refusal = kept or Refusal.of(error, form=None, typed={})
    response = refusal_page(
        desk, request, refusal, path=own_path(request) if request.method == "GET" else refusal.address
    )
    _keep_language(desk, request, response)
    return response


def refusal_page(desk: AdminDesk, request: Request, refusal: Refusal, *, path: str) -> Response:
    """``path``: where it is read in another language."""
    visit: Visit | None = getattr(request.state, "visit", None)
    words = words_of(desk, request)
    return desk.render.response(
        "error.html",
        words,
        path=path,
        context={
            "visit": visit,
            "may": _may(visit) if visit else None,
            "problem": None,
            "refused": None,
            "refusal": refusal,
            "sentence": refusal.sentence(words),
        },
        status_code=refusal.entry.http_status,
    )


def redirect(path: str) -> Response:
    """Look there now."""
    return RedirectResponse(path, status_code=303)


def _may(visit: Visit) -> Callable[[str], bool]:
    return lambda role: visit.role.covers(Role(role))
