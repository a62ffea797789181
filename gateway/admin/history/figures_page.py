"""``/figures``: how many logins, by time, outcome, country, level, connector and service."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.history.charts import HEADINGS, Bar, Span, TimeChart, bars, time_chart
from gateway.admin.pages import AdminRoute, admin_page
from gateway.statistics import Dimension, Outcome, Statistics, StatisticsUnavailable

_LEVELS = ("high", "substantial", "low", "basic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A table with bars."""

    dimension: Dimension
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeLine:
    """How many ended in one way; ``width`` in hundredths of the most frequent."""

    value: Outcome
    total: int
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresView:
    """Everything on the page."""

    span: Span
    chart: TimeChart
    outcomes: tuple[OutcomeLine, ...]
    headings: tuple[Heading, ...]
    compared: tuple[tuple[Outcome, int, int], ...]


def figures_view(statistics: Statistics, span: Span, *, now: datetime) -> FiguresView:
    """The page's content; blocking, raises StatisticsUnavailable."""
    histories = {
        dimension: statistics.history(dimension, since=now - span.length, until=now, bucket=span.bucket)
        for dimension in HEADINGS
    }
    everything = histories[Dimension.CLIENT]
    totals = {outcome: sum(columns) for outcome, columns in everything.by_outcome().items()}
    most = max(totals.values(), default=0)
    compared = statistics.day_against_week(now=now)
    return FiguresView(
        span=span,
        chart=time_chart(everything),
        outcomes=tuple(
            OutcomeLine(value=outcome, total=total, width=round(100 * total / most, 2) if most else 0.0)
            for outcome in Outcome
            for total in (totals.get(outcome, 0),)
        ),
        headings=tuple(
            Heading(dimension=dimension, bars=bars(history, order=_LEVELS if dimension == "level" else ()))
            for dimension, history in histories.items()
        ),
        compared=tuple((outcome, compared.now[outcome], compared.before[outcome]) for outcome in Outcome),
    )


async def figures(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/figures?span=``."""
    span = Span.parse(request.query_params.get("span"))
    try:
        view = await asyncio.to_thread(figures_view, Statistics(desk.engine), span, now=visit.now)
    except StatisticsUnavailable:
        view = None
    return admin_page(
        desk, visit, "figures.html", status_code=200 if view else 503, view=view, spans=tuple(Span)
    )


ROUTES = (AdminRoute("/figures", figures, navigation="history.navigation_figures"),)
