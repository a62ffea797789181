"""The console as an application: the desk, all routes, and around them the same guard as in front of citizens."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from gateway.admin.desk import AdminDesk
from gateway.admin.forms import LARGEST_UPLOAD
from gateway.admin.history.verification import LogChecks
from gateway.admin.pages import endpoint, error_page
from gateway.admin.refusals import Refusals
from gateway.admin.render import AdminRenderer
from gateway.admin.routes import AREAS, navigation
from gateway.admin.session import Sessions
from gateway.audit import Audit
from gateway.background import Background
from gateway.http import Guard
from gateway.live import Live
from gateway.probes.schedule import ProbeDesk
from gateway.settings import Settings
from gateway.store import Store
from gateway.web.static_files import StaticFiles
from trust.checkpoints import Checkpoints
from trust.registry import Registry
from trust.trees import TREES


def build_console(
    *,
    live: Live,
    registry: Registry,
    store: Store,
    audit: Audit,
    settings: Settings,
    directory: Path,
    engine: sa.Engine,
    clock: Callable[[], datetime],
    random: Callable[[int], bytes] = secrets.token_bytes,
    background: Background | None = None,
    checkpoints: Callable[[str], Checkpoints] | None = None,
    checks: LogChecks | None = None,
    probes: ProbeDesk | None = None,
    render: AdminRenderer | None = None,
) -> ASGIApp | None:
    """The listener's application; None where ``[console]`` is not configured."""
    section = settings.console
    if section is None:
        return None
    static = StaticFiles()
    https = section.url.startswith("https")
    desk = AdminDesk(
        live=live,
        registry=registry,
        store=store,
        audit=audit,
        settings=settings,
        section=section,
        directory=directory,
        engine=engine,
        render=render or AdminRenderer(settings.gateway, static, https=https, navigation=navigation()),
        sessions=Sessions(
            store=store,
            clock=clock,
            random=random,
            idle=timedelta(minutes=section.idle_minutes),
            longest=timedelta(hours=section.session_hours),
            https=https,
        ),
        refusals=Refusals(store=store, clock=clock, random=random),
        clock=clock,
        random=random,
        background=background,
        checkpoints=checkpoints or partial(_unsigned, engine, settings.gateway.issuer),
        checks=checks or LogChecks(),
        probes=probes,
    )
    routes = [route for area in AREAS for route in area]
    pages = frozenset(route.path for route in routes if route.method == "GET")
    table = [endpoint(desk, route, pages) for route in routes]
    table.append(Route("/static/{name}", static.endpoint, methods=["GET"]))
    return Guard(
        app=Router(table, redirect_slashes=False),
        issuer=section.url,
        body_bytes=LARGEST_UPLOAD + 65_536,
        small_body=LARGEST_UPLOAD + 65_536,
        refuse=partial(error_page, desk),
    )


def _unsigned(engine: sa.Engine, origin: str, tree: str) -> Checkpoints:
    """Where nothing signs checkpoints, there are none: what remains is the running hash."""
    return Checkpoints(engine, TREES[tree], origin=origin)
