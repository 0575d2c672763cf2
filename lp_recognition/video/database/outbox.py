"""The outbox: messages that were recorded together with their events, and wait until their target has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update

from lp_recognition.video.database.store import Store
from lp_recognition.video.database.tables import DeliveryRow


@dataclass(frozen=True)
class Message:
    """A message that waits.

    Attributes:
        key: Messages of a target are delivered in the order of their keys.
        source: The stream that it is of.
        event: The event as JSON has it, and beside it `sequence`, its number among those of the passage from 1, and the
            paths of its `picture` and `crop` in the folder of pictures, or None.
    """

    key: int
    source: str
    event: dict[str, Any]

    @property
    def mark(self) -> tuple[str, int] | None:
        """What a receiver tells repeats by: the passage's `id` and the message's `sequence`; None without one."""
        return (self.event["id"], self.event["sequence"]) if "sequence" in self.event else None


@dataclass(frozen=True)
class Waiting:
    """How many messages of a target wait, and how many it has refused for good."""

    pending: int
    refused: int


class Outbox:
    """The messages of a database that are yet to be delivered."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pending(self, target: str, limit: int) -> list[Message]:
        """The next messages of a target, in order."""
        query = select(DeliveryRow).where(DeliveryRow.target == target, DeliveryRow.refused.is_(None))
        with self._store.reading() as session:
            rows = session.scalars(query.order_by(DeliveryRow.key).limit(limit))
            return [Message(row.key, row.source, row.message) for row in rows]

    def remove(self, messages: Sequence[Message]) -> None:
        """Takes out what has arrived."""
        with self._store.writing() as session:
            session.execute(delete(DeliveryRow).where(DeliveryRow.key.in_([message.key for message in messages])))

    def set_aside(self, message: Message, reason: str) -> None:
        """Keeps a message that its target will never take, and tries it no longer."""
        with self._store.writing() as session:
            session.execute(update(DeliveryRow).where(DeliveryRow.key == message.key).values(refused=reason))

    def count(self) -> dict[str, Waiting]:
        """How many messages wait, by target."""
        query = select(DeliveryRow.target, func.count(), func.count(DeliveryRow.refused)).group_by(DeliveryRow.target)
        with self._store.reading() as session:
            return {target: Waiting(total - refused, refused) for target, total, refused in session.execute(query)}
