"""Alerts and what was told of them (gateway.watch.database_book)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("alert", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("resolved", sa.Text),
    )
    op.create_table(
        "alert_deliveries",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("told", sa.Text),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("sent", sa.Text),
        sa.Column("not_before", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
    )
