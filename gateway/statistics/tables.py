"""The tables of the statistics (migration ``statistics``)."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

METADATA = sa.MetaData()

COUNTS = sa.Table(
    "login_counts",
    METADATA,
    sa.Column("hour", sa.Text, primary_key=True),
    sa.Column("dimension", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Index("login_counts_value", "dimension", "value", "hour"),
)

JOURNEYS = sa.Table(
    "login_journeys",
    METADATA,
    sa.Column("journey", sa.Text, primary_key=True),
    sa.Column("seen", sa.Text, nullable=False, index=True),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("connector", sa.Text),
    sa.Column("country", sa.Text),
    sa.Column("level", sa.Text),
)

POSITION = sa.Table(
    "login_counts_position",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
)

_HOUR = "%Y-%m-%dT%H:00Z"


def hour_text(moment: datetime) -> str:
    """How an hour is kept: UTC, so that text sorts as time."""
    return moment.astimezone(UTC).strftime(_HOUR)


def hour_read(text: str) -> datetime:
    """Inverse of ``hour_text``."""
    return datetime.strptime(text, _HOUR).replace(tzinfo=UTC)
