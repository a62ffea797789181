"""An address of a calendar feed belongs to one enrolment of its person (gateway.admin.feeds)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # of the addresses that are there, nobody knows which enrolment they were made in: they end
    op.execute("DELETE FROM console_feeds")
    op.add_column("console_feeds", sa.Column("enrolment", sa.Text, nullable=False, server_default=""))
