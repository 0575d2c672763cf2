"""The known plates of a database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from lp_recognition.settings.known import KnownConfig
from lp_recognition.system.errors import UserError
from lp_recognition.video.database.connection import DatabaseError
from lp_recognition.video.database.store import Store
from lp_recognition.video.database.tables import KnownPlateRow
from lp_recognition.video.events import KnownMatch
from lp_recognition.video.known import KnownPlate, KnownPlates, known_key

#: A list that was changed holds for the cars that come so much later.
_FRESH_SECONDS = 2.0
#: Rows that a statement names at a time: databases bound how many values it may hold.
_CHUNK = 500


class KnownMissingError(UserError):
    """A plate that is not known."""


class KnownConflictError(UserError):
    """A change that would lose what somebody else has written."""


def list_known(store: Store) -> list[KnownPlate]:
    """The known plates, by the alphabet."""
    with store.reading() as session:
        rows = session.scalars(select(KnownPlateRow).order_by(KnownPlateRow.plate_key))
        return [_known(row) for row in rows]


def find_known(store: Store, plate: str) -> KnownPlate | None:
    """A known plate, however it is written; None where it is not known."""
    with store.reading() as session:
        row = _row(session, plate)
        return None if row is None else _known(row)


def add_known(store: Store, plate: KnownPlate) -> KnownPlate:
    """Adds a plate that is not known yet; returns it as it is now.

    Raises:
        KnownConflictError: it is there already, perhaps written in another way.
    """
    with store.writing() as session:
        _wait_for_others(session)
        row = _row(session, plate.plate)
        if row is not None:
            raise KnownConflictError(f"{row.plate} is known already; change that one")
        row = KnownPlateRow(plate_key=plate.key)
        session.add(row)
        _write(row, plate)
        return _known(row)


def edit_known(
    store: Store,
    name: str,
    *,
    plate: str | None = None,
    note: str | None = None,
    record: Mapping[str, str] | None = None,
    seen: datetime | None = None,
) -> KnownPlate:
    """Changes what is said of a known plate; what is None stays as it is.

    Args:
        store: The database.
        name: The known plate, however written.
        plate: How it shall be written from now on.
        note: Its note.
        record: Its record, all of it.
        seen: The `changed` that the one had who edits it: what somebody else has written meanwhile is not lost.

    Returns:
        The plate as it is now.

    Raises:
        KnownMissingError: it is not known.
        KnownConflictError: it was changed meanwhile, or the new way to write it is that of another known plate.
    """
    with store.writing() as session:
        _wait_for_others(session)
        row = _row(session, name)
        if row is None:
            raise KnownMissingError(f"{name} is not known; perhaps it was removed meanwhile")
        if seen is not None and row.changed != seen:
            raise KnownConflictError(f"{row.plate} was changed meanwhile; look at it again")
        before = _known(row)
        after = replace(
            before,
            plate=before.plate if plate is None else plate,
            note=before.note if note is None else note,
            record=before.record if record is None else record,
        )
        other = _row(session, after.plate)
        if other is not None and other is not row:
            raise KnownConflictError(f"{other.plate} is known already; change or remove that one first")
        row.plate_key = after.key
        _write(row, after)
        return _known(row)


def put_known(
    store: Store, plates: Sequence[KnownPlate], *, others: bool = True, keep: bool = False
) -> tuple[int, int]:
    """Adds plates, all or none; those that are there already, however written, are replaced.

    Args:
        store: The database.
        plates: What to add.
        others: Keep the known plates that are not among these.
        keep: Keep what is said of plates that are there already, note and record, where these say nothing.

    Returns:
        How many were added, and how many replaced.
    """
    keys = {plate.key: plate for plate in plates}
    with store.writing() as session:
        _wait_for_others(session)
        known = {row.plate_key: row for row in session.scalars(select(KnownPlateRow))}
        for key, plate in keys.items():
            row = known.get(key)
            if row is None:
                row = KnownPlateRow(plate_key=key)
                session.add(row)
            elif keep:
                said = {name: value for name, value in plate.record.items() if value}
                plate = replace(plate, note=plate.note or row.note, record={**plate.record, **row.record, **said})
            _write(row, plate)
        if not others:
            _delete(session, known.keys() - keys.keys())
    return len(keys.keys() - known.keys()), len(keys.keys() & known.keys())


def remove_known(store: Store, plates: Iterable[str]) -> list[str]:
    """Removes plates, however they are written; returns those that were not there."""
    keys = {known_key(plate): plate for plate in plates}
    with store.writing() as session:
        known = set(session.scalars(select(KnownPlateRow.plate_key)))
        _delete(session, known & keys.keys())
    return [plate for key, plate in keys.items() if key not in known]


def _row(session: Session, plate: str) -> KnownPlateRow | None:
    return session.scalar(select(KnownPlateRow).where(KnownPlateRow.plate_key == known_key(plate)))


def _known(row: KnownPlateRow) -> KnownPlate:
    return KnownPlate(row.plate, row.note, row.record, row.changed)


def _write(row: KnownPlateRow, plate: KnownPlate) -> None:
    row.plate, row.note, row.record = plate.plate, plate.note, dict(plate.record)
    row.changed = datetime.now(timezone.utc)


def _wait_for_others(session: Session) -> None:
    """Two programs that add the same plate would run into each other; on SQLite one writes at a time anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"LOCK TABLE {KnownPlateRow.__tablename__} IN SHARE ROW EXCLUSIVE MODE"))


def _delete(session: Session, keys: Iterable[str]) -> None:
    keys = sorted(keys)
    for start in range(0, len(keys), _CHUNK):
        session.execute(delete(KnownPlateRow).where(KnownPlateRow.plate_key.in_(keys[start : start + _CHUNK])))


class StoredKnownPlates:
    """The known plates of a database to look readings up in; what is changed there meanwhile holds soon.

    Args:
        store: The database.
        config: How far a reading may be from a plate.
        fresh_seconds: So long is the list taken for unchanged.
    """

    def __init__(self, store: Store, config: KnownConfig | None = None, fresh_seconds: float = _FRESH_SECONDS) -> None:
        self._store = store
        self._config = config
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._version: object = None
        self._looked = -fresh_seconds
        self._plates = KnownPlates([], config)
        self._refresh()

    def __len__(self) -> int:
        return len(self._plates)

    def match(self, text: str) -> KnownMatch | None:
        """As of `KnownPlates`. Where the database cannot be read, the list that was read last holds."""
        with self._lock:
            if time.monotonic() - self._looked >= self._fresh_seconds:
                try:
                    self._refresh()
                except DatabaseError:  # whoever writes the event tells of it
                    self._looked = time.monotonic()
            return self._plates.match(text)

    def _refresh(self) -> None:
        with self._store.reading() as session:
            count, changed = session.execute(select(func.count(), func.max(KnownPlateRow.changed))).one()
        if (count, changed) != self._version:
            self._plates = KnownPlates(list_known(self._store), self._config)
            self._version = (count, changed)
        self._looked = time.monotonic()
