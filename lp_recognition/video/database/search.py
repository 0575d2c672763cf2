"""Finding events: by plate, with wild cards, by time, source, and whether the plate is known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

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
        sequence: How often the passage was told.
        change: The number of its last change among those of all passages.
    """

    event: Event
    picture: Path | None
    crop: Path | None
    sequence: int
    change: int


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
            yield _found(store, row)


def find_page(store: Store, query: Query, limit: int, before: str = "") -> list[FoundEvent]:
    """The events that are meant, the latest first, a page at a time.

    Args:
        store: The database.
        query: Which ones; its `newest` does not matter.
        limit: At most so many.
        before: The id of the last one of the page before; nothing is found where it is none.
    """
    selected = _selected(query)
    with store.reading() as session:
        if before:
            last = session.scalar(select(EventRow).where(EventRow.id == before))
            if last is None:
                return []
            same = and_(EventRow.first_time == last.first_time, EventRow.key < last.key)
            selected = selected.where(or_(EventRow.first_time < last.first_time, same))
        ordered = selected.order_by(EventRow.first_time.desc(), EventRow.key.desc()).limit(limit)
        return [_found(store, row) for row in session.scalars(ordered)]


def count_events(store: Store, query: Query) -> int:
    """How many events are meant."""
    with store.reading() as session:
        return session.scalar(_selected(query).with_only_columns(func.count(EventRow.key))) or 0


def find_event(store: Store, event_id: str) -> FoundEvent | None:
    """An event by its id; None where there is none."""
    with store.reading() as session:
        row = session.scalar(select(EventRow).where(EventRow.id == event_id))
        return None if row is None else _found(store, row)


def find_changes(store: Store, after: int, limit: int) -> list[FoundEvent]:
    """The passages that have changed after a change, as they are now, in the order of their changes."""
    query = select(EventRow).where(EventRow.change > after).order_by(EventRow.change).limit(limit)
    with store.reading() as session:
        return [_found(store, row) for row in session.scalars(query)]


def last_change(store: Store) -> int:
    """The number of the newest change; 0 where there is none."""
    with store.reading() as session:
        return session.scalar(select(func.max(EventRow.change))) or 0


def find_looks(store: Store, event_id: str) -> list[Look]:
    """The looks of a passage, in their order; none where they were deleted."""
    query = select(LookRow).join(EventRow).where(EventRow.id == event_id).order_by(LookRow.key)
    with store.reading() as session:
        return [read_look(row) for row in session.scalars(query)]


def find_sources(store: Store) -> list[str]:
    """The names of all streams, by the alphabet."""
    with store.reading() as session:
        return list(session.scalars(select(SourceRow.name).order_by(SourceRow.name)))


def _found(store: Store, row: EventRow) -> FoundEvent:
    picture, crop = store.pictures.find(row.picture), store.pictures.find(row.crop)
    return FoundEvent(read_event(row), picture, crop, row.sequence, row.change)


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
