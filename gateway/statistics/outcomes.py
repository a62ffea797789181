"""What became of a journey, from its entries in the log: one outcome each, under up to four headings.

A journey counts once, in the hour of the entry that ended it, under its client, and as far as it got under
the connector, the country and the level. Headings are counted separately, never combined: few logins of a
small country at one service would be a person.

========= =======================================================================================
done      ``DataReleased``
cancelled ``JourneyEnded`` where the citizen went back, here or at the peer
refused   ``JourneyEnded`` where the citizen saw the data and did not release them
failed    ``JourneyEnded`` for any other reason; the last exchange gave no identity, for instance
expired   nothing more came for two hours, or the service learnt late that the time was over
========= =======================================================================================

Of several exchanges the last one counts: a citizen who fails with one means and succeeds with another
is *done* with the other. An answer from a session (``SessionUsed``) counts for client and level only: no
country was asked. Probe logins are nobody's, and count nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.audit import (
    DataReleased,
    ExchangeStarted,
    IdentityAccepted,
    JourneyEnded,
    JourneyOpened,
    SessionUsed,
)
from gateway.client_settings import PROBE_CLIENT


class Outcome(StrEnum):
    """See the module docstring."""

    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"


class Dimension(StrEnum):
    """Under what a journey is counted; never two of them together."""

    COUNTRY = "country"
    CONNECTOR = "connector"
    LEVEL = "level"
    CLIENT = "client"


LONGEST = timedelta(hours=2)
"""No journey gives a sign later than this after the one before: half an hour at most, and an hour in which
the service may still be told."""

_CODES = {
    "journey.cancelled": Outcome.CANCELLED,
    "eidas.cancelled": Outcome.CANCELLED,
    "account.cancelled": Outcome.CANCELLED,
    "eid.cancelled": Outcome.CANCELLED,
    "journey.refused": Outcome.REFUSED,
    "journey.timed_out": Outcome.EXPIRED,
    "journey.expired": Outcome.EXPIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A cell of ``login_counts``."""

    hour: datetime
    dimension: Dimension
    value: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJourney:
    """How far a journey has come that has not ended yet."""

    seen: datetime
    """Time of its last entry."""
    client: str
    connector: str | None = None
    country: str | None = None
    level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is known of one entry: its event, when it was written, and its body."""

    event: str
    at: datetime
    body: Mapping[str, object]


def tally(steps: Iterable[Step], journeys: MutableMapping[str, OpenJourney]) -> Counter[Counted]:
    """What ``steps`` add to the counts; ``journeys`` is brought up to date.

    An end of a journey that is not in ``journeys`` counts nothing: it was counted before.
    """
    counts: Counter[Counted] = Counter()
    for step in steps:
        number = step.body.get("journey")
        if isinstance(number, str):
            _take(step, number, journeys, counts)
    return counts


def expire(journeys: MutableMapping[str, OpenJourney], *, now: datetime) -> Counter[Counted]:
    """Take out the journeys that gave no sign for ``LONGEST``, and count them."""
    counts: Counter[Counted] = Counter()
    for number in [name for name, found in journeys.items() if now - found.seen > LONGEST]:
        gone = journeys.pop(number)
        _count(gone, gone.seen, Outcome.EXPIRED, counts)
    return counts


def outcome_of(code: str) -> Outcome:
    """The outcome of a journey that ended with ``code`` of the error catalogue."""
    return _CODES.get(code, Outcome.FAILED)


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _take(
    step: Step, number: str, journeys: MutableMapping[str, OpenJourney], counts: Counter[Counted]
) -> None:
    if step.event in {JourneyOpened.__name__, SessionUsed.__name__}:
        client = _text(step, "client") or ""
        if client != PROBE_CLIENT:  # nobody logged in
            journeys[number] = OpenJourney(seen=step.at, client=client)
        return
    known = journeys.get(number)
    if known is None:
        return
    if step.event == DataReleased.__name__:
        reached = replace(known, level=_text(step, "level") or known.level)
        _count(reached, step.at, Outcome.DONE, counts)
        del journeys[number]
    elif step.event == JourneyEnded.__name__:
        _count(known, step.at, outcome_of(_text(step, "code") or ""), counts)
        del journeys[number]
    else:
        journeys[number] = _further(replace(known, seen=step.at), step)


def _further(journey: OpenJourney, step: Step) -> OpenJourney:
    if step.event not in {ExchangeStarted.__name__, IdentityAccepted.__name__}:
        return journey
    return replace(
        journey,
        connector=_text(step, "connector"),
        country=_text(step, "country"),
        level=_text(step, "level"),  # none before there is an identity
    )


def _count(journey: OpenJourney, at: datetime, outcome: Outcome, counts: Counter[Counted]) -> None:
    values = {
        Dimension.CLIENT: journey.client,
        Dimension.CONNECTOR: journey.connector,
        Dimension.COUNTRY: journey.country,
        Dimension.LEVEL: journey.level,
    }
    for dimension, value in values.items():
        if value:
            counts[Counted(hour=hour_of(at), dimension=dimension, value=value, outcome=outcome)] += 1


def _text(step: Step, name: str) -> str | None:
    value = step.body.get(name)
    return value if isinstance(value, str) else None
