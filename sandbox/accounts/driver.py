"""Chooses a login on an account system's page, for a login without a screen."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import html

STORK_LEVELS = {"basic": 1, "low": 2, "substantial": 3, "high": 4}


@dataclass(frozen=True, slots=True)
class Offer:
    """One login that the page shows."""

    id: str
    method: str
    level: int


def offers(text: str) -> list[Offer]:
    """The logins on a page, in its order."""
    return [
        Offer(e.get("value") or "", e.get("data-method") or "", int(e.get("data-level") or 0))
        for e in html.document_fromstring(text).iter("input")
        if e.get("name") == "citizen"
    ]


def pick(text: str, *, method: str = "", level: str = "") -> str | None:
    """The first login with this method, preferably at exactly this level; None when there is none."""
    fitting = [o for o in offers(text) if method.lower() in ("", o.method.lower())]
    exact = [o for o in fitting if o.level == STORK_LEVELS.get(level)]
    return next((o.id for o in (*exact, *fitting)), None)
