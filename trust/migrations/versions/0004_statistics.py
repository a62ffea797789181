"""Counts of logins, rolled up from the log (gateway.statistics)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "login_counts",
        sa.Column("hour", sa.Text, primary_key=True),
        sa.Column("dimension", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Text, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_index("login_counts_value", "login_counts", ["dimension", "value", "hour"])
    op.create_table(
        "login_journeys",
        sa.Column("journey", sa.Text, primary_key=True),
        sa.Column("seen", sa.Text, nullable=False, index=True),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("connector", sa.Text),
        sa.Column("country", sa.Text),
        sa.Column("level", sa.Text),
    )
    position = op.create_table(
        "login_counts_position",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(position, [{"id": 1, "seq": 0}])
