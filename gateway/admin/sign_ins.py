"""Who came in last, from the log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from gateway.audit.operations import ConsoleSignedIn, ConsoleSignInRefused
from trust.log import LOG

_SCAN = 100_000
"""Newest entries that are looked at: the first page must not read years of logins."""
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """``person`` None: a passkey was refused."""

    at: datetime
    person: str | None


def last_sign_ins(engine: sa.Engine, count: int) -> tuple[SignIn, ...] | None:
    """Newest first; None if the log cannot be read. Blocking."""
    events = (ConsoleSignedIn.__name__, ConsoleSignInRefused.__name__)
    newest = sa.select(sa.func.coalesce(sa.func.max(LOG.c.seq), 0)).scalar_subquery()
    wanted = (
        sa.select(LOG.c.time, LOG.c.body)
        .where(LOG.c.seq > newest - _SCAN, LOG.c.event.in_(events))
        .order_by(LOG.c.seq.desc())
        .limit(count)
    )
    try:
        with engine.connect() as connection:
            rows = connection.execute(wanted).all()
    except SQLAlchemyError:
        return None
    return tuple(found for row in rows if (found := _sign_in(row.time, row.body)) is not None)


def _sign_in(time: str, body: str) -> SignIn | None:
    """None: an entry that nobody of ours wrote; finding those is the verification's business."""
    try:
        at = datetime.strptime(time, _TIME).replace(tzinfo=UTC)
        person = json.loads(body).get("person")
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return SignIn(at=at, person=person if isinstance(person, str) else None)
