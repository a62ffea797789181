"""Results of probe logins (gateway.probes.history)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "probe_results",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("step", sa.Text),
        sa.Column("code", sa.Text),
        sa.Column("steps", sa.Text, nullable=False),
    )
    op.create_index("probe_results_by_target", "probe_results", ["target", "id"])
