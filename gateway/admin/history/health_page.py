"""``/health``: alerts, store, database, keys, registry, counting, checkpoints, peers and background tasks."""

from __future__ import annotations

import asyncio
from datetime import datetime

from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.history import health as parts_of
from gateway.admin.history.health import Part
from gateway.admin.pages import AdminRoute, admin_page
from gateway.admin.render import moment_text
from gateway.bundle.keys import probed_keys
from gateway.settings.watch import Severity
from gateway.statistics import RollUp, log_reader
from gateway.store import StoreUnavailable
from gateway.watch.database_book import DatabaseBook
from gateway.watch.words import Words

_STATES = {Severity.INFORMATION: "info", Severity.WARNING: "warning", Severity.CRITICAL: "danger"}


async def health(desk: AdminDesk, visit: Visit, _request: Request) -> Response:
    """GET ``/health``."""
    parts = [await _store(desk), *await asyncio.to_thread(_blocking, desk, visit)]
    return admin_page(
        desk, visit, "health.html",
        parts=[
            {"name": part.name, "state": part.state, "text": _text(visit, part)} for part in parts
        ],
        peers=parts_of.peers(visit.generation.connectors, now=visit.now),
        tasks=parts_of.tasks(desk.background),
        alerts=await asyncio.to_thread(_alerts, desk, visit),
    )  # fmt: skip


async def _store(desk: AdminDesk) -> Part:
    try:
        await desk.store.ping()
    except StoreUnavailable as error:
        return Part(name="store", state="danger", detail="silent", values={"reason": error.entry.code})
    return Part(name="store", state="ok", detail="answers")


def _blocking(desk: AdminDesk, visit: Visit) -> list[Part]:
    loaded = visit.generation.configuration.keys
    return [
        parts_of.database(desk.engine),
        parts_of.keys(probed_keys(loaded), sum(map(len, loaded.values()))),
        *parts_of.registry(desk.registry, desk.live),
        *parts_of.checkpoints(desk.engine, desk.checkpoints),
        parts_of.statistics(desk.engine, RollUp(desk.engine, log_reader(desk.engine))),
    ]


def _alerts(desk: AdminDesk, visit: Visit) -> list[dict[str, object]] | None:
    """What the watch finds now, in all processes; None: the database is away."""
    words = Words(visit.language)
    try:
        records = DatabaseBook(desk.engine).records()
    except SQLAlchemyError:
        return None
    return [
        {
            "state": _STATES[record.alert.severity],
            "severity": words.text(f"severity.{record.alert.severity.value}"),
            "title": words.title(record),
            "text": words.explanation(record),
            "since": record.since,
            "link": record.alert.link,
        }
        for record in records
        if record.resolved is None
    ]


def _text(visit: Visit, part: Part) -> Markup:
    values = {
        name: moment_text(value, visit.language) if isinstance(value, datetime) else value
        for name, value in part.values.items()
    }
    text = visit.words.text(f"history.detail_{part.detail}", **values)
    return Markup("{}: {}").format(part.more, text) if part.more else text


ROUTES = (AdminRoute("/health", health, navigation="history.navigation_health"),)
