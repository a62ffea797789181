"""Into the console with a passkey, and out of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.desk import AdminDesk, Visit, people
from gateway.admin.errors import CONSOLE_EXPIRED, CONSOLE_FORM, CONSOLE_NO_REGISTRY, CONSOLE_SIGN_IN
from gateway.admin.forms import form
from gateway.admin.pages import AdminRoute, public_page, redirect
from gateway.audit.operations import ConsoleSignedIn, ConsoleSignedOut, ConsoleSignInRefused
from trust.registry import ChangeRefused, verify_sign_in
from trust.registry.approvers import base64url

_PATIENCE = 120_000
"""Milliseconds in which a browser waits for the person."""


async def sign_in_page(desk: AdminDesk, request: Request) -> Response:
    """GET ``/sign-in``: a fresh challenge."""
    fold = await asyncio.to_thread(desk.fold)
    secret, challenge = await desk.sessions.begin_ceremony()
    response = public_page(
        desk,
        request,
        "sign_in.html",
        ceremony=secret.journey,
        options=json.dumps(
            {
                "challenge": base64url(challenge),
                "rpId": desk.section.rp_id,
                "userVerification": "required",
                "timeout": _PATIENCE,
            }
        ),
        to=own_target(request.query_params.get("to")),
        lost=request.query_params.get("lost") == "1",
        enrolled=fold.bootstrap is not None,
        idle_minutes=desk.section.idle_minutes,
        session_hours=desk.section.session_hours,
    )
    desk.sessions.keep_ceremony(response, secret)
    return response


async def sign_in(desk: AdminDesk, request: Request) -> Response:
    """POST ``/sign-in``: the answer of the passkey; whoever it belongs to is in."""
    fields = await form(request)
    challenge = await desk.sessions.take_ceremony(request, fields.get("ceremony", ""))
    if challenge is None:
        raise CONSOLE_EXPIRED()
    assertion = passkey_answer(fields)
    fold = await asyncio.to_thread(desk.fold)
    if fold.bootstrap is None:
        raise CONSOLE_NO_REGISTRY()
    try:
        signature = await asyncio.to_thread(
            verify_sign_in, assertion, challenge, people(fold), fold.counters, origin=desk.section.url
        )
    except ChangeRefused as refused:
        await desk.audit.record(ConsoleSignInRefused(reason=refused.reason), now=desk.clock())
        raise CONSOLE_SIGN_IN(cause=refused) from refused
    before = await desk.sessions.find(request)
    if before is not None:
        await desk.sessions.end(before)
    await desk.audit.record(
        ConsoleSignedIn(person=signature.approver, key=signature.credential), now=desk.clock()
    )
    session = await desk.sessions.open(signature.approver, signature.credential)
    response = redirect(own_target(fields.get("to")))
    desk.sessions.set_cookie(response, session)
    return response


async def sign_out(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """POST ``/sign-out``."""
    await desk.sessions.end(visit.session)
    await desk.audit.record(ConsoleSignedOut(person=visit.person, cause="asked"), now=desk.clock())
    response = redirect("/sign-in")
    desk.sessions.set_cookie(response, None)
    return response


def passkey_answer(fields: dict[str, str]) -> dict[str, Any]:
    """What the browser's passkey said (``console.js`` put it there); raises ``console.form``."""
    try:
        answer = json.loads(fields.get("assertion", ""))
    except (ValueError, RecursionError) as error:
        raise CONSOLE_FORM(cause=error) from error
    if not isinstance(answer, dict):
        raise CONSOLE_FORM()
    return answer


def own_target(path: str | None) -> str:
    """``path`` if it is one of ours, else the first page."""
    own = path is not None and path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if own and path is not None and path.isprintable() else "/"


ROUTES = (
    AdminRoute("/sign-in", sign_in_page, public=True),
    AdminRoute("/sign-in", sign_in, method="POST", public=True),
    AdminRoute("/sign-out", sign_out, method="POST"),
)
