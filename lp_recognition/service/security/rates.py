"""How many requests one client may send: a bucket of tokens that fills steadily, for each."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

#: Clients that are remembered, those that asked last: any more would be a way to fill the memory.
_CLIENTS = 10_000


class Rates:
    """Counts the requests of clients.

    Args:
        per_second: So many a client may send.
        burst: So many may come at once before that holds.
        clock: Seconds that only grow.
    """

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> int:
        """Counts a request; returns 0 where it may go on, else the whole seconds until one may."""
        now = self._clock()
        left, since = self._left.pop(client, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._per_second)
        wait = 0 if left >= 1 else max(1, math.ceil((1 - left) / self._per_second))
        self._left[client] = (left if wait else left - 1, now)
        if len(self._left) > _CLIENTS:
            self._left.popitem(last=False)
        return wait
