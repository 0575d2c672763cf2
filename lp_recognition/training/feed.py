"""What feeds `fit` with batches: it remembers what went wrong, which Keras would wrap in pages of its own."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable, Iterator
from typing import Any


class Feed:
    """Batches of a phase, a chunk at a time.

    Args:
        batches: All of them.

    Attributes:
        error: What making them raised, if anything.
    """

    def __init__(self, batches: Iterable[Any]) -> None:
        self.error: Exception | None = None
        with _deaf():
            self._batches = iter(batches)

    def take(self, count: int) -> Iterator[Any]:
        """The next `count` batches. Keras reads ahead, and must not read into the next chunk."""
        for _ in range(count):
            try:
                with _deaf():
                    batch = next(self._batches)
            except StopIteration:
                return
            except Exception as error:
                self.error = error
                raise
            yield batch

    def close(self) -> None:
        """Ends the processes that prepare batches, if any."""
        if hasattr(self._batches, "close"):
            self._batches.close()


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Lets processes that are started in this thread be born deaf to what stops the training: it will end them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
