"""How many pictures were read: this month, and ever."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lp_recognition.video.database.store import Store


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Usage:
    """Counts calls by calendar month, in UTC; in memory alone where there is no database.

    Calls are counted in memory, and added to the database now and then (`save`): a call waits for no disk.

    Args:
        store: Where counts are kept over a restart.
        now: The time it is.
    """

    def __init__(self, store: Store | None, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self._store = store
        self._lock = threading.Lock()
        self._saved: Counter[str] = Counter()
        self._unsaved: Counter[str] = Counter()

    def load(self) -> None:
        """Reads what was counted before, by this program and by others.

        Raises:
            DatabaseError: it cannot be read.
        """
        if self._store is not None:
            from lp_recognition.video.database.call_counts import calls_by_month

            found = Counter(calls_by_month(self._store))
            with self._lock:
                self._saved = found

    def save(self) -> None:
        """Adds what was counted to the database; what cannot be added is tried again the next time.

        Raises:
            DatabaseError: it cannot be written.
        """
        if self._store is None:
            return
        from lp_recognition.video.database.call_counts import add_calls

        with self._lock:
            counts, self._unsaved = self._unsaved, Counter()
            self._saved += counts
        if not counts:
            return
        try:
            add_calls(self._store, counts)
        except BaseException:
            with self._lock:
                self._saved -= counts
                self._unsaved += counts
            raise

    def count(self, calls: int = 1) -> None:
        """Counts calls of this moment."""
        with self._lock:
            self._unsaved[f"{self._now():%Y-%m}"] += calls

    @property
    def this_month(self) -> int:
        """Calls of this calendar month."""
        month = f"{self._now():%Y-%m}"
        with self._lock:
            return self._saved[month] + self._unsaved[month]

    @property
    def total(self) -> int:
        """Calls ever."""
        with self._lock:
            return sum(self._saved.values()) + sum(self._unsaved.values())

    def statistics(self) -> dict[str, Any]:
        """The counts as Plate Recognizer tells them: of this month, which ends with the next one's first day."""
        now = self._now()
        following = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=timezone.utc)
        month = {"month": now.month, "calls": self.this_month, "year": now.year}
        return {"usage": month | {"resets_on": f"{following:%Y-%m-%dT%H:%M:%SZ}"}, "total_calls": self.total}
