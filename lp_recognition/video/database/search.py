"""Finding events: by plate, with wild cards, by time, source, and whether the plate is known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, or_, select

from lp_recognition.video.database.rows import read_event, read_look
from lp_recognition.video.database.store import Store
from lp_recognition.video.database.tables import EventRow, LookRow, SourceRow
from lp_recognition.video.events import Event, Look
from lp_recognition.video.known import known_key

#: Rows that are read at a time.
_CHUNK = 500


@dataclass(frozen=True)
class Query:
    """Which events are meant; what is None or empty does not matter.

    Attributes:
        plate: The text, or the known plate that it is taken for, however written; `?` stands for one character, `*`
            for any number.
        since: The passage ended then or later.
        until: It began before then.
        source: The name of the stream.
        known: Whether the plate is known.
        newest: At most so many, the latest ones.
    """

    plate: str = ""
    since: datetime | None = None
    until: datetime | None = None
    source: str = ""
    known: bool | None = None
    newest: int | None = None


@dataclass(frozen=True)
class FoundEvent:
    """An event of the database.

    Attributes:
        event: Without its looks and pictures.
        picture: The file of the frame; None where there is none, or no longer.
        crop: The file of the plate, likewise.
    """

    event: Event
    picture: Path | None
    crop: Path | None


def find_events(store: Store, query: Query) -> Iterator[FoundEvent]:
    """The events that are meant, in the order in which their passages began."""
    selected = _selected(query)
    ordered = selected.order_by(EventRow.first_time, EventRow.key)
    if query.newest is not None:
        newest = selected.order_by(EventRow.first_time.desc(), EventRow.key.desc()).limit(query.newest)
        keys = newest.with_only_columns(EventRow.key).subquery()
        ordered = select(EventRow).where(EventRow.key.in_(select(keys))).order_by(EventRow.first_time, EventRow.key)
    with store.reading() as session:
        for row in session.scalars(ordered.execution_options(yield_per=_CHUNK)):
            picture, crop = store.pictures.find(row.picture), store.pictures.find(row.crop)
            yield FoundEvent(read_event(row), picture, crop)


def find_looks(store: Store, event_id: str) -> list[Look]:
    """The looks of a passage, in their order; none where they were deleted."""
    query = select(LookRow).join(EventRow).where(EventRow.id == event_id).order_by(LookRow.key)
    with store.reading() as session:
        return [read_look(row) for row in session.scalars(query)]


def find_sources(store: Store) -> list[str]:
    """The names of all streams, by the alphabet."""
    with store.reading() as session:
        return list(session.scalars(select(SourceRow.name).order_by(SourceRow.name)))


def _selected(query: Query) -> Select[Any]:
    selected = select(EventRow)
    if query.plate:
        pattern = _like(known_key(query.plate))
        columns = (EventRow.plate_key, EventRow.known_plate)
        selected = selected.where(or_(*(column.like(pattern, escape="\\") for column in columns)))
    if query.since is not None:
        selected = selected.where(EventRow.last_time >= query.since)
    if query.until is not None:
        selected = selected.where(EventRow.first_time < query.until)
    if query.source:
        selected = selected.join(SourceRow).where(SourceRow.name == query.source)
    if query.known is not None:
        selected = selected.where(EventRow.known_plate.is_not(None) if query.known else EventRow.known_plate.is_(None))
    return selected


def _like(key: str) -> str:
    """A pattern of SQL for one with `?` and `*`."""
    return re.sub(r"[?*]", lambda wild: "_" if wild[0] == "?" else "%", re.sub(r"([\\%_])", r"\\\1", key))
