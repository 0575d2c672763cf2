"""A number for every change of an event: who asks for what is new names the last one that it has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "changes"
down_revision = "first_tables"


def upgrade() -> None:
    """Adds it; what is there has changed in the order in which it began."""
    op.add_column("events", sa.Column("change", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE events SET change = key")
    op.create_index("ix_events_change", "events", ["change"])
