"""How many pictures were read: this month, and ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lp_recognition.video.database.store import Store


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Usage:
    """Counts calls by calendar month, in UTC; in memory alone where there is no database.

    Args:
        store: Where counts are kept over a restart.
        now: The time it is.
    """

    def __init__(self, store: Store | None, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self._store = store
        self._calls: dict[str, int] = {}

    def count(self, calls: int = 1) -> None:
        """Counts calls of this moment."""
        month = f"{self._now():%Y-%m}"
        self._calls[month] = self._calls.get(month, 0) + calls

    @property
    def this_month(self) -> int:
        """Calls of this calendar month."""
        return self._calls.get(f"{self._now():%Y-%m}", 0)

    @property
    def total(self) -> int:
        """Calls ever."""
        return sum(self._calls.values())
