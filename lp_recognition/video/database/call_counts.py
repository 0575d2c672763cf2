"""How many pictures clients had read, by calendar month."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from lp_recognition.video.database.store import Store
from lp_recognition.video.database.tables import CallCountRow


def add_calls(store: Store, counts: Mapping[str, int]) -> None:
    """Adds calls to those of their months, written as `2026-11`.

    Raises:
        DatabaseError: they cannot be written; nothing was.
    """
    try:
        _add(store, counts)
    except IntegrityError:  # another program has just begun the same month
        _add(store, counts)


def _add(store: Store, counts: Mapping[str, int]) -> None:
    with store.writing() as session:
        for month, calls in counts.items():
            changed = session.execute(
                update(CallCountRow).where(CallCountRow.month == month).values(calls=CallCountRow.calls + calls),
                execution_options={"synchronize_session": False},
            )
            if not changed.rowcount:  # type: ignore[attr-defined]
                session.add(CallCountRow(month=month, calls=calls))


def calls_by_month(store: Store) -> dict[str, int]:
    """The calls of every month that had any."""
    with store.reading() as session:
        return {row.month: row.calls for row in session.scalars(select(CallCountRow))}
