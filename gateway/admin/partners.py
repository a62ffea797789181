"""Pages on partners: countries and accounts, connectors, anchors, sources of metadata."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.anchor_reading import anchor_view, source_view
from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.errors import CONSOLE_NOT_FOUND
from gateway.admin.looking import look, page
from gateway.admin.pages import AdminRoute
from gateway.admin.partner_reading import connector_view, country_view, overview
from gateway.statistics import Dimension


async def partners(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """GET ``/partners``: every way a citizen may come."""
    sight = await look(desk, visit, Dimension.COUNTRY, Dimension.CONNECTOR)
    view = await asyncio.to_thread(overview, sight)
    return page(desk, visit, "partners.html", view=view)


async def partner(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/partners/<connector>/<country>``."""
    sight = await look(desk, visit, Dimension.COUNTRY)
    names = request.path_params["connector"], request.path_params["country"]
    view = await asyncio.to_thread(country_view, sight, *names)
    if view is None:
        raise CONSOLE_NOT_FOUND()
    return page(desk, visit, "partner.html", view=view)


async def connector(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/connectors/<id>``."""
    sight = await look(desk, visit, Dimension.COUNTRY, Dimension.CONNECTOR)
    view = await asyncio.to_thread(connector_view, sight, request.path_params["id"])
    if view is None:
        raise CONSOLE_NOT_FOUND()
    return page(desk, visit, "connector.html", view=view)


async def sources(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """GET ``/sources``: where everything that is believed of others comes from."""
    sight = await look(desk, visit)
    configuration = sight.configuration
    anchors = [
        await asyncio.to_thread(anchor_view, sight, anchor)
        for _, anchor in sorted(configuration.anchors.items())
    ]
    listed = [
        await asyncio.to_thread(source_view, sight, source)
        for _, source in sorted(configuration.sources.items())
    ]
    return page(desk, visit, "sources.html", anchors=anchors, sources=listed)


async def source(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/sources/<id>``."""
    sight = await look(desk, visit)
    found = sight.configuration.sources.get(request.path_params["id"])
    if found is None:
        raise CONSOLE_NOT_FOUND()
    view = await asyncio.to_thread(source_view, sight, found)
    return page(desk, visit, "source.html", view=view)


async def anchor(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/anchors/<id>``."""
    sight = await look(desk, visit)
    found = sight.configuration.anchors.get(request.path_params["id"])
    if found is None:
        raise CONSOLE_NOT_FOUND()
    view = await asyncio.to_thread(anchor_view, sight, found)
    return page(desk, visit, "anchor.html", view=view)


ROUTES = (
    AdminRoute("/partners", partners, navigation="partners.navigation"),
    AdminRoute("/partners/{connector}/{country}", partner),
    AdminRoute("/connectors/{id}", connector),
    AdminRoute("/sources", sources, navigation="partners.sources"),
    AdminRoute("/sources/{id}", source),
    AdminRoute("/anchors/{id}", anchor),
)
