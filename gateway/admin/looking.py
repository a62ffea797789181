"""How a page looks at what is in force: once, in a thread, with the last logins where the counts are there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from starlette.responses import Response

from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.pages import admin_page
from gateway.admin.sight import Sight
from gateway.expiry import expiries
from gateway.statistics import Dimension, Statistics, StatisticsUnavailable
from gateway.web.local_text import localise


async def look(desk: AdminDesk, visit: Visit, *dimensions: Dimension) -> Sight:
    """``dimensions``: under which headings the last logins are wanted."""
    return await asyncio.to_thread(_look, desk.engine, visit, dimensions)


def page(desk: AdminDesk, visit: Visit, template: str, **context: object) -> Response:
    """``admin_page`` with ``local``, the text of several languages in the page's."""
    local = partial(localise, language=visit.language)
    return admin_page(desk, visit, template, 200, local=local, **context)


def _look(engine: sa.Engine, visit: Visit, dimensions: tuple[Dimension, ...]) -> Sight:
    last = {dimension: _last(engine, dimension) for dimension in dimensions}
    return Sight(
        generation=visit.generation,
        fold=visit.fold,
        now=visit.now,
        ends=expiries(visit.generation, visit.fold, visit.now),
        last_by_country=last.get(Dimension.COUNTRY, {}),
        last_by_connector=last.get(Dimension.CONNECTOR, {}),
        last_by_client=last.get(Dimension.CLIENT, {}),
    )


def _last(engine: sa.Engine, dimension: Dimension) -> Mapping[str, datetime]:
    try:
        return Statistics(engine).last_logins(dimension)
    except StatisticsUnavailable:
        return {}  # the page says "unknown"; everything else of it does not depend on the counts
