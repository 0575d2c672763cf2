"""The tables: sources, events and their looks, known plates, the deliveries that wait, and the calls of clients.

Their history is in `migrations/`, which makes and changes them; a test holds both to each other.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, DateTime, Double, ForeignKey, Index, MetaData, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A moment with a time zone, kept in UTC: SQLite itself forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        return None if value is None else value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


class Base(DeclarativeBase):
    """What all tables have in common: names for constraints, so that a migration can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        datetime: UtcTime(),
        str: Text(),
        float: Double(),
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
    }


class SourceRow(Base):
    """A stream, by its name."""

    __tablename__ = "sources"

    key: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class EventRow(Base):
    """A passage as it is known by now; the fields are those of `Event`.

    Attributes:
        plate_key: What all ways to write the text have in common; searches go by it.
        sequence: How many messages the passage has had, the latest included.
        change: The number of its last change among those of all passages: the newest one's is the largest.
        known_plate: The key of the known plate that it is taken for, if any; `known` has the match.
        picture: The frame of the best look, a file in the folder of pictures; None where there is none, or no longer.
        crop: The plate in it, likewise.
    """

    __tablename__ = "events"
    __table_args__ = (Index(None, "source_key", "first_time"),)

    key: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    source_key: Mapped[int] = mapped_column(ForeignKey("sources.key"))
    type: Mapped[str] = mapped_column(index=True)
    sequence: Mapped[int]
    change: Mapped[int] = mapped_column(index=True, server_default="0")
    text: Mapped[str]
    plate_key: Mapped[str] = mapped_column(index=True)
    confidence: Mapped[float]
    confidences: Mapped[list[Any]]
    candidates: Mapped[list[Any]]
    first_time: Mapped[datetime] = mapped_column(index=True)
    last_time: Mapped[datetime]
    look_count: Mapped[int]
    agreeing_count: Mapped[int]
    direction_deg: Mapped[float | None]
    best: Mapped[dict[str, Any]]
    known_plate: Mapped[str | None] = mapped_column(index=True)
    known: Mapped[dict[str, Any] | None]
    picture: Mapped[str | None]
    crop: Mapped[str | None]

    source: Mapped[SourceRow] = relationship(lazy="joined", innerjoin=True)


class LookRow(Base):
    """A look of a passage; the fields are those of `Look`."""

    __tablename__ = "looks"

    key: Mapped[int] = mapped_column(primary_key=True)
    event_key: Mapped[int] = mapped_column(ForeignKey("events.key", ondelete="CASCADE"), index=True)
    time: Mapped[datetime]
    frame: Mapped[int]
    position_s: Mapped[float | None]
    corners: Mapped[list[Any]]
    detection_confidence: Mapped[float]
    text: Mapped[str]
    confidence: Mapped[float]
    confidences: Mapped[list[Any]]
    reader: Mapped[str]


class KnownPlateRow(Base):
    """A known plate.

    Attributes:
        plate: As it was written.
        plate_key: What all ways to write it have in common, wild cards kept.
        record: The columns of its row in the list, by their names.
        changed: When it was added or replaced.
    """

    __tablename__ = "known_plates"

    key: Mapped[int] = mapped_column(primary_key=True)
    plate: Mapped[str]
    plate_key: Mapped[str] = mapped_column(unique=True)
    note: Mapped[str]
    record: Mapped[dict[str, Any]]
    changed: Mapped[datetime]


class DeliveryRow(Base):
    """A message that a target has yet to get: the outbox. What has arrived is deleted.

    Attributes:
        key: Messages of a target are delivered in this order.
        target: The target's name.
        message: The event as JSON, with its `sequence`.
        refused: Why the target will never take it, where it said so: it is no longer tried.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("target", "event_id", "sequence"),
        Index(None, "target", "key"),
        {"sqlite_autoincrement": True},  # no key twice, also where the latest row is gone
    )

    key: Mapped[int] = mapped_column(primary_key=True)
    target: Mapped[str]
    event_id: Mapped[str]
    sequence: Mapped[int]
    source: Mapped[str]
    message: Mapped[dict[str, Any]]
    created: Mapped[datetime]
    refused: Mapped[str | None]


class CallCountRow(Base):
    """How many pictures clients had read in a calendar month.

    Attributes:
        month: In UTC, as `2026-11`.
    """

    __tablename__ = "call_counts"

    month: Mapped[str] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger)
