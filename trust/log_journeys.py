"""What the log tells of one journey, found by its number without reading the log.

The table is filled together with each checkpoint (``trust.checkpoints``), so it costs a login nothing; what is
newer is read. It only leads to entries: nothing is believed that the entry itself does not say.
"""

from __future__ import annotations

import re

import sqlalchemy as sa

from trust.checkpoints import CHECKPOINTS, JOURNEYS
from trust.log import LOG, Entry
from trust.trees import LOGIN

_NUMBER = re.compile(r"[A-Za-z0-9]{1,64}")


def of_journey(engine: sa.Engine, number: str) -> tuple[Entry, ...]:
    """All entries that name this journey, in order; none if it is no such number."""
    if _NUMBER.fullmatch(number) is None:
        return ()
    name = f'"journey":"{number}"'
    noted = sa.select(JOURNEYS.c.seq).where(JOURNEYS.c.journey == number)
    checkpoint = (
        sa.select(CHECKPOINTS.c.size)
        .where(CHECKPOINTS.c.tree == LOGIN.name)
        .order_by(CHECKPOINTS.c.size.desc())
        .limit(1)
    )
    with engine.connect() as connection:
        since = int(connection.execute(checkpoint).scalar() or 0)
        newer = sa.and_(LOG.c.seq > since, LOG.c.body.contains(name))
        found = [
            *connection.execute(sa.select(LOG).where(LOG.c.seq.in_(noted)).order_by(LOG.c.seq)),
            *connection.execute(sa.select(LOG).where(newer).order_by(LOG.c.seq)),
        ]
    return tuple(
        Entry(seq=row.seq, time=row.time, event=row.event, body=row.body, hash=bytes(row.hash))
        for row in found
        if name in row.body
    )
