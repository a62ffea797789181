"""``/journeys``: what became of a journey whose number somebody reads out."""

from __future__ import annotations

import asyncio

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.history.journeys import (
    JourneyStep,
    JourneyView,
    NoJourneyNumber,
    journey_view,
    read_number,
    shown,
)
from gateway.admin.history.log_source import entries_of
from gateway.admin.pages import AdminRoute, admin_page
from gateway.errors import CatalogueEntry
from gateway.web.render import ERROR_PARAMETERS
from gateway.web.translations import Translations
from trust.errors import LogUnavailable

_LONGEST = 40


async def journeys(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/journeys?number=``."""
    typed = request.query_params.get("number", "")[:_LONGEST].strip()
    view, trouble, number = None, None, ""
    if typed:
        try:
            number = read_number(typed)
            entries = await asyncio.to_thread(entries_of, desk.engine, number)
            view = journey_view(number, entries, now=visit.now)
            trouble = None if view else "unknown"
        except NoJourneyNumber:
            trouble = "invalid"
        except LogUnavailable:
            trouble = "unavailable"
    return admin_page(
        desk, visit, "journeys.html",
        status_code=503 if trouble == "unavailable" else 200,
        typed=typed,
        trouble=trouble,
        shown=shown(number),
        view=view,
        **_words(view, visit.words),
    )  # fmt: skip


def event_text(words: Translations, event: str) -> str:
    """What an event is called; its own name where it has none."""
    identifier = f"history.event_{event}"
    return words.text(identifier) if identifier in words else Markup("{}").format(event)


def field_text(words: Translations, name: str) -> str:
    """What a field of an entry is called."""
    identifier = f"history.field_{name}"
    return words.text(identifier) if identifier in words else Markup("{}").format(name)


def _words(view: JourneyView | None, words: Translations) -> dict[str, object]:
    if view is None:
        return {"summary": (), "errors": (), "steps": ()}
    outcome = words.text(f"history.outcome_{view.outcome.value if view.outcome else 'running'}")
    took = view.steps[-1].after.total_seconds()
    summary = [
        (words.text("history.journey_outcome"), outcome),
        (words.text("history.journey_client"), view.client or "–"),
        (words.text("history.journey_took"), words.text("history.journey_seconds", seconds=round(took))),
        (
            words.text("history.journey_redeemed"),
            words.text("history.yes" if view.redeemed else "history.no"),
        ),
    ]
    return {
        "summary": summary,
        "errors": [_error(error, words) for error in view.errors],
        "steps": [_step(step, words) for step in view.steps],
    }


def _error(error: CatalogueEntry, words: Translations) -> dict[str, object]:
    """The catalogue's entry with the citizen's texts; what the moment filled in is not in the log."""
    fill = dict.fromkeys(("service", *ERROR_PARAMETERS), "…")
    stem = f"error.{error.code}"
    if f"{stem}.what" not in words:  # nothing to say to a citizen beyond what its whole family says
        stem = f"error.family_{error.number[:2]}"
    return {
        "number": error.number,
        "code": error.code,
        "documentation": error.documentation,
        "what": words.text(f"{stem}.what", **fill),
        "todo": words.text(f"{stem}.todo", **fill),
    }


def _step(step: JourneyStep, words: Translations) -> dict[str, object]:
    yes_no = {"yes": words.text("history.yes"), "no": words.text("history.no")}
    return {
        "at": step.at,
        "after": round(step.after.total_seconds()),
        "seq": step.seq,
        "event": event_text(words, step.event),
        "facts": [(field_text(words, name), yes_no.get(value, value)) for name, value in step.facts],
        "error": step.error.number if step.error else None,
    }


ROUTES = (AdminRoute("/journeys", journeys, navigation="history.navigation_journeys"),)
