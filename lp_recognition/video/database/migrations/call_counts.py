"""The calls of clients, by calendar month."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "call_counts"
down_revision = "changes"


def upgrade() -> None:
    """Makes their table."""
    op.create_table(
        "call_counts",
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("month", name="pk_call_counts"),
    )
