"""The known plates of a database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from lp_recognition.settings.known import KnownConfig
from lp_recognition.video.database.connection import DatabaseError
from lp_recognition.video.database.store import Store
from lp_recognition.video.database.tables import KnownPlateRow
from lp_recognition.video.events import KnownMatch
from lp_recognition.video.known import KnownPlate, KnownPlates, known_key

#: A list that was changed holds for the cars that come so much later.
_FRESH_SECONDS = 2.0
#: Rows that a statement names at a time: databases bound how many values it may hold.
_CHUNK = 500


def list_known(store: Store) -> list[KnownPlate]:
    """The known plates, by the alphabet."""
    with store.reading() as session:
        rows = session.scalars(select(KnownPlateRow).order_by(KnownPlateRow.plate_key))
        return [KnownPlate(row.plate, row.note, row.record) for row in rows]


def put_known(store: Store, plates: Sequence[KnownPlate], *, others: bool = True) -> tuple[int, int]:
    """Adds plates, all or none; those that are there already, however written, are replaced.

    Args:
        store: The database.
        plates: What to add.
        others: Keep the known plates that are not among these.

    Returns:
        How many were added, and how many replaced.
    """
    keys = {plate.key: plate for plate in plates}
    now = datetime.now(timezone.utc)
    with store.writing() as session:
        _wait_for_others(session)
        known = {row.plate_key: row for row in session.scalars(select(KnownPlateRow))}
        for key, plate in keys.items():
            row = known.get(key)
            if row is None:
                row = KnownPlateRow(plate_key=key)
                session.add(row)
            row.plate, row.note, row.record, row.changed = plate.plate, plate.note, dict(plate.record), now
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
