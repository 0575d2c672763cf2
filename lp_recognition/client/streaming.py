"""A drive from beginning to end: frames are sent, and what comes of them is written, listed and shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lp_recognition.client.broadcast import Broadcast
from lp_recognition.client.figures import SendingFigures
from lp_recognition.client.order import Order
from lp_recognition.client.positions import Positions
from lp_recognition.client.records import CsvFile, JsonLinesFile
from lp_recognition.client.results import Result, Shot
from lp_recognition.client.sending import Sending
from lp_recognition.video.sources import Source


class Drive:
    """A source whose frames are sent to a service.

    Args:
        source: Where frames come from.
        sending: What sends them.
        buffer: Answered frames that wait at most for one before them.
        min_confidence: What is read less surely is left out of the table and of the pictures.
        files: Where results are written.
        positions: What tells where the car is, for the state.

    Attributes:
        figures: How it gets on.
    """

    def __init__(
        self,
        source: Source,
        sending: Sending,
        *,
        buffer: int,
        min_confidence: float,
        files: Sequence[CsvFile | JsonLinesFile] = (),
        positions: Positions | None = None,
    ) -> None:
        self.figures = SendingFigures(min_confidence)
        self.broadcast = Broadcast(source.name, self.state, min_confidence, buffer + 2)
        self._source = source
        self._sending = sending
        self._order = Order(buffer)
        self._files = files
        self._positions = positions

    def results(self) -> Iterator[Result | None]:
        """What comes of each frame, as soon as it is known, after it was written; None every now and then.

        Raises:
            UserError: the source ended too early, the service lets nobody in, a file cannot be written.
        """
        try:
            for told in self._sending.results():
                if isinstance(told, Shot):
                    self._order.began(told)
                elif told is not None:
                    self._take(told)
                for result in self._order.ready():
                    self.broadcast.show(result)
                if not isinstance(told, Shot):
                    yield told
            for result in self._order.rest():
                self.broadcast.show(result)
        finally:
            self.broadcast.close()
        if self._sending.error is not None:
            raise self._sending.error

    def stop(self) -> bool:
        """Takes no more frames; those under way are waited for. Returns whether it had been asked before."""
        return self._sending.stop()

    def _take(self, result: Result) -> None:
        for file in self._files:
            file.add(result)
        self.figures.add(result)
        self.broadcast.tell(result)
        self._order.done(result)

    def state(self) -> str:
        """How it gets on, in a line."""
        figures, pauses = self.figures, self._sending.pauses
        parts = [self._source.state, f"{figures.frames_per_second:.1f} frames/s"]
        if figures.median_ms is not None:
            parts.append(f"{figures.median_ms:.0f} ms")
        parts += _counts(figures, self._source)
        parts.append(f"{figures.reads} reads")
        if pauses.why:
            parts.append(f"service: {pauses.why}")
        if self._positions is not None:
            parts.append(f"position: {self._positions.state}")
        return ", ".join(parts)

    def summary(self) -> str:
        """What came of it, in a line."""
        figures = self.figures
        told = f"{figures.reads:,} read{'' if figures.reads == 1 else 's'} in {figures.frames:,} frames"
        parts = [f"{self._source.name}: {told}", *_counts(figures, self._source)]
        if self._positions is not None and figures.unplaced:
            parts.append(f"{figures.unplaced:,} without a position ({self._positions.state})")
        return "; ".join(parts)


def _counts(figures: SendingFigures, source: Source) -> list[str]:
    """What was lost, and why."""
    lost = [f"{count:,} {outcome}" for outcome, count in figures.outcomes.items() if outcome != "answered"]
    return lost + [f"{count:,} dropped: {reason}" for reason, count in source.dropped.items() if count]
