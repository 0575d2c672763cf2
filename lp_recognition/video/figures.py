"""How a stream gets on: frames a second, what was dropped, how late its events are, and its state."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timezone

from lp_recognition.video.events import Event
from lp_recognition.video.frames import Frame
from lp_recognition.video.sources import Source

#: Rates are those of the last so many seconds.
_WINDOW_S = 10.0
#: The latency is that of the last so many events.
_EVENTS = 200


class Figures:
    """The figures of one stream.

    Args:
        source: Where its frames come from.
        clock: Seconds, of any beginning.

    Attributes:
        name: Of the stream.
        looked: Frames that were looked at.
        events: Events told, by their type.
    """

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = source.name
        self.looked = 0
        self.events: Counter[str] = Counter()
        self._source = source
        self._clock = clock
        self._began = clock()
        self._looks: deque[float] = deque()
        self._latencies: deque[float] = deque(maxlen=_EVENTS)

    def look(self) -> None:
        """A frame was looked at."""
        self.looked += 1
        self._looks.append(self._clock())
        self._forget()

    def tell(self, event: Event, frame: Frame | None) -> None:
        """An event was told, because of a frame: None where no frame brought it about."""
        self.events[event.type] += 1
        if frame is not None and self._source.is_live:
            self._latencies.append((datetime.now(timezone.utc) - frame.time).total_seconds())

    @property
    def frames_per_second(self) -> float:
        """Frames looked at in a second, of late."""
        self._forget()
        span = min(_WINDOW_S, self._clock() - self._began)
        return len(self._looks) / span if span > 0 else 0.0

    @property
    def latency_ms(self) -> float | None:
        """Of 100 events 95 are told at most so long after their frame was captured; None of files."""
        if not self._latencies:
            return None
        ordered = sorted(self._latencies)
        return 1000 * ordered[math.ceil(0.95 * len(ordered)) - 1]

    @property
    def dropped(self) -> dict[str, int]:
        """Frames that were lost, by the reason."""
        return {reason: count for reason, count in self._source.dropped.items() if count}

    @property
    def captured(self) -> int:
        """Frames that came."""
        return self._source.captured

    @property
    def state(self) -> str:
        """What the source is doing."""
        return self._source.state

    @property
    def failures(self) -> int:
        """How often the source was gone."""
        return self._source.failures

    @property
    def is_live(self) -> bool:
        """Whether it is a camera's, and no recording."""
        return self._source.is_live

    def _forget(self) -> None:
        while self._looks and self._looks[0] < self._clock() - _WINDOW_S:
            self._looks.popleft()
