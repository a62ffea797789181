"""One journey as support sees it: its number, what happened when, and why it went wrong. No person in it.

>>> read_number(" 7k2qx-9mfbt ")
'7K2QX9MFBT'
>>> read_number("oilO1-00000")  # what is easily mistaken is read as what it must be (Crockford's base 32)
'0110100000'
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.audit import DataReleased, JourneyEnded, JourneyOpened, TokenIssued
from gateway.errors import CATALOGUE, CatalogueEntry
from gateway.statistics import Outcome
from gateway.statistics.outcomes import LONGEST, outcome_of
from gateway.store.sealing import CROCKFORD
from trust.log import Entry

LENGTH = 10
_MISTAKEN = str.maketrans(
    {"O": "0", "I": "1", "L": "1", "U": "V", "-": "", "–": "", "—": "", ".": "", " ": ""}
)
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_SHOWN_ELSEWHERE = frozenset({"journey", "client", "code"})


class NoJourneyNumber(ValueError):
    """The text cannot be one, whatever was misheard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyStep:
    """One entry of the log about the journey."""

    seq: int
    at: datetime
    event: str
    facts: tuple[tuple[str, str], ...]
    """Field and value, as the log has them; empty fields are left out."""
    error: CatalogueEntry | None
    after: timedelta
    """Since the first step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyView:
    """See the module docstring."""

    number: str
    client: str | None
    steps: tuple[JourneyStep, ...]
    outcome: Outcome | None
    """None: it has not ended."""
    redeemed: bool
    """The service has fetched the data."""

    @property
    def shown(self) -> str:
        return shown(self.number)

    @property
    def errors(self) -> tuple[CatalogueEntry, ...]:
        """Everything that went wrong, each once, the last first."""
        found = [step.error for step in reversed(self.steps) if step.error is not None]
        return tuple(dict.fromkeys(found))


def shown(number: str) -> str:
    """A journey number as citizens see it."""
    return f"{number[:5]}-{number[5:]}"


def read_number(text: str) -> str:
    """The journey number that somebody read out or typed; raises NoJourneyNumber."""
    number = "".join(text.split()).upper().translate(_MISTAKEN)
    if len(number) != LENGTH or not set(number) <= set(CROCKFORD):
        raise NoJourneyNumber(text[:40])
    return number


def journey_view(number: str, entries: Iterable[Entry], *, now: datetime) -> JourneyView | None:
    """What ``entries`` tell of the journey ``number``, oldest first; None if nothing does."""
    steps: list[JourneyStep] = []
    client: str | None = None
    outcome: Outcome | None = None
    redeemed = False
    for entry in entries:
        body = _body(entry)
        if body.get("journey") != number:
            continue
        at = datetime.strptime(entry.time, _TIME).replace(tzinfo=UTC)
        steps.append(_step(entry, at, body, steps[0].at if steps else at))
        named = body.get("client")
        client = client or (named if isinstance(named, str) else None)
        if entry.event == DataReleased.__name__:
            outcome = Outcome.DONE
        elif entry.event == JourneyEnded.__name__:
            outcome = outcome_of(str(body.get("code")))
        redeemed = redeemed or entry.event == TokenIssued.__name__
    if not steps:
        return None
    if outcome is None and now - steps[-1].at > LONGEST and _opened(steps):
        outcome = Outcome.EXPIRED
    return JourneyView(number=number, client=client, steps=tuple(steps), outcome=outcome, redeemed=redeemed)


def _opened(steps: Iterable[JourneyStep]) -> bool:
    return any(step.event == JourneyOpened.__name__ for step in steps)


def _step(entry: Entry, at: datetime, body: Mapping[str, object], first: datetime) -> JourneyStep:
    return JourneyStep(
        seq=entry.seq,
        at=at,
        event=entry.event,
        facts=tuple(
            (name, _text(value))
            for name, value in body.items()
            if name not in _SHOWN_ELSEWHERE and value not in (None, "", [])
        ),
        error=_error(body.get("code")),
        after=at - first,
    )


def _error(code: object) -> CatalogueEntry | None:
    try:
        return CATALOGUE[str(code)] if code else None
    except KeyError:
        return None


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _body(entry: Entry) -> Mapping[str, object]:
    try:
        body = json.loads(entry.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
