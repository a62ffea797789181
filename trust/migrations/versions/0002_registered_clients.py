"""Clients that registered themselves (RFC 7591); used in development mode only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "registered_clients",
        sa.Column("client_id", sa.Text, primary_key=True),
        sa.Column("issued_at", sa.BigInteger, nullable=False),
        sa.Column("access_token_sha256", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
