"""How a stream gets on: frames a second, what was dropped, how late its events are, and its state."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from lp_recognition.video.events import Event
from lp_recognition.video.frames import Frame
from lp_recognition.video.sources import Source

#: Rates are those of the last so many seconds.
_WINDOW_S = 10.0
#: The latency is that of the last so many events.
_EVENTS = 200


class Figures:
    """The figures of one stream.

    They may be asked for by other threads than the one that watches.

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
        now = self._clock()
        self._looks.append(now)
        while self._looks[0] < now - _WINDOW_S:
            self._looks.popleft()

    def tell(self, event: Event, frame: Frame | None) -> None:
        """An event was told, because of a frame: None where no frame brought it about."""
        self.events[event.type] += 1
        if frame is not None and self._source.is_live:
            self._latencies.append((datetime.now(timezone.utc) - frame.time).total_seconds())

    @property
    def frames_per_second(self) -> float:
        """Frames looked at in a second, of late."""
        now = self._clock()
        span = min(_WINDOW_S, now - self._began)
        # Of a copy, as below: others ask while the stream is watched.
        return sum(look >= now - _WINDOW_S for look in tuple(self._looks)) / span if span > 0 else 0.0

    @property
    def latency_ms(self) -> float | None:
        """Of 100 events 95 are told at most so long after their frame was captured; None of files."""
        ordered = sorted(tuple(self._latencies))
        if not ordered:
            return None
        return 1000 * ordered[math.ceil(0.95 * len(ordered)) - 1]

    @property
    def dropped(self) -> dict[str, int]:
        """Frames that were lost, by the reason."""
        return {reason: count for reason, count in dict(self._source.dropped).items() if count}

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

    def to_json(self) -> dict[str, Any]:
        """All of it, for a page or a program that asks how the stream gets on."""
        return {
            "name": self.name,
            "state": self.state,
            "is_live": self.is_live,
            "frames_per_second": round(self.frames_per_second, 1),
            "captured": self.captured,
            "looked": self.looked,
            "dropped": self.dropped,
            "failures": self.failures,
            "latency_ms": None if self.latency_ms is None else round(self.latency_ms),
            "passages": self.events["end"],
        }
