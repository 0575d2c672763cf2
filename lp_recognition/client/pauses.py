"""When a service that could not answer is asked again: after pauses that grow, or when it says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: Pauses: each twice as long as the one before, in seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
#: Of a service that asks for a longer pause no more is believed.
MOST_BELIEVED_S = 300.0


class Pauses:
    """What all that ask one service know of it.

    Args:
        clock: Seconds, of any beginning.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._next_s = FIRST_PAUSE_S
        self._since = self._until = -1.0
        self._why = ""

    @property
    def remaining_s(self) -> float:
        """Seconds until the service may be asked; 0 where it may be now."""
        with self._lock:
            return max(0.0, self._until - self._clock())

    @property
    def why(self) -> str:
        """Why there is a pause; empty where there is none."""
        return self._why if self.remaining_s else ""

    def failed(self, asked: float, why: str, retry_after_s: float | None = None) -> None:
        """Begins a pause, unless it is of a request from before the last pause began: many fail at once.

        Args:
            asked: When the request was sent, by the clock.
            why: For people.
            retry_after_s: What the service asked for.
        """
        with self._lock:
            if asked < self._since:
                return
            self._since = self._clock()
            pause_s = self._next_s if retry_after_s is None else min(retry_after_s, MOST_BELIEVED_S)
            self._until = self._since + pause_s
            self._next_s = min(2 * self._next_s, LONGEST_PAUSE_S)
            self._why = why

    def succeeded(self) -> None:
        """The service answers: the next pause is a short one again."""
        with self._lock:
            self._next_s = FIRST_PAUSE_S
