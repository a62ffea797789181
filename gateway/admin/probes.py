"""Pages on probe logins: how it stands everywhere, the history of one, and "probe now"."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.errors import CONSOLE_NOT_FOUND
from gateway.admin.forms import form
from gateway.admin.pages import AdminRoute, admin_page, redirect
from gateway.admin.probe_views import listed, probe_view, since
from gateway.probes.history import ProbeHistory
from gateway.probes.result import ProbeResult
from gateway.probes.schedule import ProbeDesk
from gateway.probes.targets import Target
from trust.log import LogUnavailable
from trust.registry import Role

_WAIT_SECONDS = 8.0
"""Most probes are over by then, and the page that follows shows the result."""


async def probes(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """GET ``/probes``."""
    ours = _desk(desk)
    targets = ours.targets
    try:
        histories = await asyncio.to_thread(
            _histories, ours.history, targets.values(), now=visit.now, short=True
        )
    except LogUnavailable:
        histories = None
    views = listed(
        visit.generation.configuration,
        targets,
        histories or {},
        language=visit.language,
        running=frozenset(ours.running),
    )
    return admin_page(
        desk,
        visit,
        "probes.html",
        views=views,
        away=histories is None,
        scheduled=desk.settings.probes.enabled,
        failing=sum(1 for view in views if view.latest is not None and not view.latest.ok),
    )


async def one(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/probes/{target}``."""
    ours = _desk(desk)
    target = _target(ours, request)
    try:
        histories = await asyncio.to_thread(_histories, ours.history, [target], now=visit.now, short=False)
    except LogUnavailable:
        histories = None
    view = probe_view(
        visit.generation.configuration,
        target,
        (histories or {}).get(target.name, ()),
        language=visit.language,
        running=target.name in ours.running,
    )
    return admin_page(
        desk,
        visit,
        "probe.html",
        view=view,
        away=histories is None,
        scheduled=desk.settings.probes.enabled,
    )


async def now(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/probes/{target}/now``: the result is on the page that follows, or it says that the probe runs."""
    await form(request)
    ours = _desk(desk)
    target = _target(ours, request)
    await ours.ask(target.name, by=visit.person)
    await ours.settled(target.name, _WAIT_SECONDS)
    return redirect(f"/probes/{target.name}")


def _desk(desk: AdminDesk) -> ProbeDesk:
    if desk.probes is None:
        raise CONSOLE_NOT_FOUND()
    return desk.probes


def _target(ours: ProbeDesk, request: Request) -> Target:
    target = ours.targets.get(request.path_params["target"])
    if target is None:
        raise CONSOLE_NOT_FOUND()
    return target


def _histories(
    history: ProbeHistory, targets: Iterable[Target], *, now: datetime, short: bool
) -> dict[str, list[ProbeResult]]:
    return {target.name: history.history(target.name, since(now, target, short=short)) for target in targets}


ROUTES = (
    AdminRoute("/probes", probes, navigation="probes.navigation"),
    AdminRoute("/probes/{target}", one),
    AdminRoute("/probes/{target}/now", now, method="POST", role=Role.OPERATOR),
)
