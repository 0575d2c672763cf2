"""Whether the service keeps up with what it is asked."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

#: Of the requests of so many seconds more than this share were refused: it cannot keep up.
_SECONDS, _SHARE = 30.0, 0.05


class Health:
    """Looks at the requests of late.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: deque[tuple[float, bool]] = deque()
        self._refused = 0

    def note(self, *, refused: bool) -> None:
        """Takes in a request that was answered, or refused as too many waited."""
        self._times.append((self._clock(), refused))
        self._refused += refused
        self._forget()

    @property
    def refused_share(self) -> float:
        """The share of requests that were refused of late, in [0, 1]."""
        self._forget()
        return self._refused / len(self._times) if self._times else 0.0

    @property
    def keeps_up(self) -> bool:
        """Whether hardly any was refused."""
        return self.refused_share <= _SHARE

    def _forget(self) -> None:
        oldest = self._clock() - _SECONDS
        while self._times and self._times[0][0] < oldest:
            self._refused -= self._times.popleft()[1]
