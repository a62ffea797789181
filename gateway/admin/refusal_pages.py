"""Refusals that can be read again, in the other language: what was sent stays refused, nothing is sent anew."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.errors import CONSOLE_EXPIRED, CONSOLE_NOT_FOUND
from gateway.admin.pages import AdminRoute, own_path, refusal_page
from gateway.admin.refusals import Refusal
from gateway.errors import CATALOGUE


async def kept(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/refused/{number}``: the one of this session."""
    found = await desk.refusals.find(visit.session, request.path_params["number"])
    if found is None:
        raise CONSOLE_EXPIRED()
    return refusal_page(desk, request, found, path=own_path(request))


async def of_code(desk: AdminDesk, request: Request) -> Response:
    """GET ``/refused/of/{code}``: for whoever has no session, what the catalogue says."""
    code = request.path_params["code"]
    if all(entry.code != code for entry in CATALOGUE):
        raise CONSOLE_NOT_FOUND()
    return refusal_page(desk, request, Refusal(code=code, form=None), path=own_path(request))


ROUTES = (
    AdminRoute("/refused/{number}", kept),
    AdminRoute("/refused/of/{code}", of_code, public=True),
)
