"""Pages on what is ours to give and ours to keep: services that log people in, and our own keys."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.client_views import client_view, client_views, suspended_clients
from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.errors import CONSOLE_NOT_FOUND
from gateway.admin.key_views import keys_view
from gateway.admin.looking import look, page
from gateway.admin.pages import AdminRoute
from gateway.statistics import Dimension


async def clients(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """GET ``/clients``."""
    sight = await look(desk, visit, Dimension.CLIENT)
    views = await asyncio.to_thread(client_views, sight)
    return page(desk, visit, "clients.html", views=views, suspended=suspended_clients(sight))


async def client(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/clients/<client_id>``."""
    sight = await look(desk, visit, Dimension.CLIENT)
    found = sight.configuration.clients.get(request.path_params["id"])
    if found is None:
        raise CONSOLE_NOT_FOUND()
    view = await asyncio.to_thread(client_view, sight, found)
    return page(desk, visit, "client.html", view=view)


async def keys(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """GET ``/keys``."""
    sight = await look(desk, visit)
    view = await asyncio.to_thread(keys_view, sight)
    return page(desk, visit, "keys.html", view=view)


ROUTES = (
    AdminRoute("/clients", clients, navigation="partners.clients"),
    AdminRoute("/clients/{id}", client),
    AdminRoute("/keys", keys, navigation="partners.keys"),
)
