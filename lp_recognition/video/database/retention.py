"""Forgetting: pictures and looks of events that are older than asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select, update

from lp_recognition.video.database.store import Store
from lp_recognition.video.database.tables import EventRow, LookRow


@dataclass(frozen=True)
class Forgotten:
    """How much was deleted."""

    pictures: int
    looks: int


def forget(store: Store, keep_days: int, now: datetime | None = None) -> Forgotten:
    """Deletes the pictures and looks of events that ended more than `keep_days` days ago.

    What was read when and where stays, and so do known plates. Pictures go by whole days in UTC.

    Args:
        store: The database.
        keep_days: From 1.
        now: The time it is; unless told, that of the clock.

    Returns:
        How much went.
    """
    now = now or datetime.now(timezone.utc)
    oldest = (now.astimezone(timezone.utc) - timedelta(days=keep_days)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    with store.writing() as session:
        old = select(EventRow.key).where(EventRow.last_time < oldest, EventRow.type == "end")
        deleted = session.execute(delete(LookRow).where(LookRow.event_key.in_(old)))
        looks = cast(CursorResult[Any], deleted).rowcount
        session.execute(
            update(EventRow).where(EventRow.first_time < oldest).values(picture=None, crop=None),
            execution_options={"synchronize_session": False},
        )
    pictures = store.pictures.remove_days_before(oldest.date())
    return Forgotten(pictures, looks)
