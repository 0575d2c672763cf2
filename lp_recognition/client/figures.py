"""How sending gets on: frames a second, what became of them, and how long answers take."""

from __future__ import annotations

import statistics
import time
from collections import Counter, deque
from collections.abc import Callable

from lp_recognition.client.results import Result

#: Rates are those of the last so many seconds, times those of the last so many answers.
_WINDOW_S, _ANSWERS = 10.0, 200


class SendingFigures:
    """The figures of one source.

    Args:
        min_confidence: What is read less surely is no read.
        clock: Seconds, of any beginning.

    Attributes:
        outcomes: Frames by what became of them, as of `results.Outcome`.
        reads: Plates that were read surely enough.
        unplaced: Frames without a position.
        why: Why the last frame without an answer has none.
    """

    def __init__(self, min_confidence: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.outcomes: Counter[str] = Counter()
        self.reads = 0
        self.unplaced = 0
        self.why = ""
        self._min_confidence = min_confidence
        self._clock = clock
        self._began = clock()
        self._times: deque[float] = deque()
        self._ms: deque[float] = deque(maxlen=_ANSWERS)

    def add(self, result: Result) -> None:
        """Counts a frame."""
        self.outcomes[result.outcome] += 1
        self.reads += len(result.plates(self._min_confidence))
        self.unplaced += result.shot.position is None
        self._times.append(self._clock())
        self._forget()
        if result.outcome == "answered":
            self._ms.append(result.ms)
        self.why = result.why or self.why

    @property
    def frames(self) -> int:
        """Frames that something became of."""
        return sum(self.outcomes.values())

    @property
    def frames_per_second(self) -> float:
        """Frames a second, of late."""
        self._forget()
        span = min(_WINDOW_S, self._clock() - self._began)
        return len(self._times) / span if span > 0 else 0.0

    @property
    def median_ms(self) -> float | None:
        """Milliseconds that half of the answers take at most, of late; None before the first."""
        return statistics.median(self._ms) if self._ms else None

    def _forget(self) -> None:
        while self._times and self._times[0] < self._clock() - _WINDOW_S:
            self._times.popleft()
