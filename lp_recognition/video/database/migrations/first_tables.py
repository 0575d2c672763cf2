"""The first tables: sources, events, looks, known plates, deliveries."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "first_tables"
down_revision = None


def upgrade() -> None:
    """Makes them."""
    _make_sources_and_events()
    _make_looks()
    _make_known_plates()
    _make_deliveries()


def _make_sources_and_events() -> None:
    op.create_table(
        "sources",
        sa.Column("key", sa.Integer, nullable=False),
        _text("name"),
        sa.PrimaryKeyConstraint("key", name="pk_sources"),
        sa.UniqueConstraint("name", name="uq_sources_name"),
    )
    op.create_table(
        "events",
        sa.Column("key", sa.Integer, nullable=False),
        _text("id"),
        sa.Column("source_key", sa.Integer, nullable=False),
        _text("type"),
        sa.Column("sequence", sa.Integer, nullable=False),
        _text("text"),
        _text("plate_key"),
        _number("confidence"),
        _json("confidences"),
        _json("candidates"),
        _time("first_time"),
        _time("last_time"),
        sa.Column("look_count", sa.Integer, nullable=False),
        sa.Column("agreeing_count", sa.Integer, nullable=False),
        _number("direction_deg", nullable=True),
        _json("best"),
        _text("known_plate", nullable=True),
        _json("known", nullable=True),
        _text("picture", nullable=True),
        _text("crop", nullable=True),
        sa.ForeignKeyConstraint(["source_key"], ["sources.key"], name="fk_events_source_key"),
        sa.PrimaryKeyConstraint("key", name="pk_events"),
        sa.UniqueConstraint("id", name="uq_events_id"),
    )
    for columns in (["source_key", "first_time"], ["first_time"], ["type"], ["plate_key"], ["known_plate"]):
        op.create_index(f"ix_events_{'_'.join(columns)}", "events", columns)


def _make_looks() -> None:
    op.create_table(
        "looks",
        sa.Column("key", sa.Integer, nullable=False),
        sa.Column("event_key", sa.Integer, nullable=False),
        _time("time"),
        sa.Column("frame", sa.Integer, nullable=False),
        _number("position_s", nullable=True),
        _json("corners"),
        _number("detection_confidence"),
        _text("text"),
        _number("confidence"),
        _json("confidences"),
        _text("reader"),
        sa.ForeignKeyConstraint(["event_key"], ["events.key"], name="fk_looks_event_key", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name="pk_looks"),
    )
    op.create_index("ix_looks_event_key", "looks", ["event_key"])


def _make_known_plates() -> None:
    op.create_table(
        "known_plates",
        sa.Column("key", sa.Integer, nullable=False),
        _text("plate"),
        _text("plate_key"),
        _text("note"),
        _json("record"),
        _time("changed"),
        sa.PrimaryKeyConstraint("key", name="pk_known_plates"),
        sa.UniqueConstraint("plate_key", name="uq_known_plates_plate_key"),
    )


def _make_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("key", sa.Integer, nullable=False),
        _text("target"),
        _text("event_id"),
        sa.Column("sequence", sa.Integer, nullable=False),
        _text("source"),
        _json("message"),
        _time("created"),
        _text("refused", nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_deliveries"),
        sa.UniqueConstraint("target", "event_id", "sequence", name="uq_deliveries_target_event_id_sequence"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_target_key", "deliveries", ["target", "key"])


def _text(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _json(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(none_as_null=True), nullable=nullable)
