"""What a target is to the worker that delivers to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from lp_recognition.video.database.outbox import Message


class DeliveryError(Exception):
    """A target that does not take messages now: it will be tried again. Says why, without credentials."""


class RefusedError(Exception):
    """A message that a target will never take: the others shall not wait behind it.

    Attributes:
        message: Which one.
    """

    def __init__(self, message: Message, reason: str) -> None:
        super().__init__(reason)
        self.message = message


class StoppedError(Exception):
    """The worker was asked to stop before a delivery was done."""


class Target(Protocol):
    """Something that messages are delivered to.

    Attributes:
        batch: How many messages it takes at a time.
    """

    batch: int

    def send(self, messages: Sequence[Message], stopped: Callable[[], bool]) -> None:
        """Delivers messages in order; returns when all have arrived.

        Args:
            messages: At most `batch`; after an error they come again.
            stopped: Whether to give up waiting.

        Raises:
            DeliveryError: they have not, or it is not known of all.
            RefusedError: one of them never will; those before it have.
            StoppedError: `stopped` became true first.
        """

    def close(self) -> None:
        """Ends connections and closes files. Called also after errors."""
