"""Watches streams: frames in, events out, and whatever is to happen with both on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from lp_recognition.system.errors import UserError
from lp_recognition.video.annotated import Annotated
from lp_recognition.video.events import Event, KnownMatch
from lp_recognition.video.figures import Figures
from lp_recognition.video.frames import Frame
from lp_recognition.video.passages import Passages, Visible
from lp_recognition.video.sources import Source
from lp_recognition.video.turns import Ended, Looked, Reads, Turns
from lp_recognition.video.workers import Models


@dataclass
class Stream:
    """A stream that is watched.

    Attributes:
        source: Where its frames come from.
        models: What finds and reads.
        passages: What makes events of its frames.
        annotated: The video that is drawn of it, if any.
        patience_s: A live source that gives no frame for so long is taken for gone, and what was open of it ends.
        figures: How it gets on.
        error: What ended it too early.
        last_look: When a frame of it was looked at, by the monotonic clock.
    """

    source: Source
    models: Models
    passages: Passages
    annotated: Annotated | None = None
    patience_s: float = 60.0
    figures: Figures = field(init=False)
    error: UserError | None = None
    last_look: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.figures = Figures(self.source)

    @property
    def name(self) -> str:
        """What it is called in events."""
        return self.source.name


class Watch:
    """Watches streams until all have ended, or it is stopped.

    Args:
        streams: The streams.
        workers: What finds and reads plates; each works in a thread.
        match: Which known plate a text is taken for.
        keep: Keeps an event; called with each, before it is given.
        show: Called with each frame, what is visible in it, and the events that it brought about.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        workers: Sequence[Reads],
        *,
        match: Callable[[str], KnownMatch | None] = lambda text: None,
        keep: Callable[[Event], object] = lambda event: None,
        show: Callable[[Stream, Frame, Sequence[Visible], Sequence[Event]], object] = lambda *seen: None,
    ) -> None:
        self.streams = streams
        self._turns = Turns([stream.source for stream in streams], [stream.models for stream in streams], workers)
        self._match = match
        self._keep = keep
        self._show = show
        self._was_stopped = False

    def events(self) -> Iterator[tuple[Stream, Event] | None]:
        """Every event as it comes, with its stream; None now and then where nothing comes, and with each frame.

        A stream that ends too early keeps why as its `error`; the others go on.

        Raises:
            UserError: a model cannot be opened, a worker was killed, something cannot be written.
        """
        try:
            for result in self._turns.results():
                if isinstance(result, Looked):
                    for event in self._look(self.streams[result.stream], result):
                        yield self.streams[result.stream], event
                elif isinstance(result, Ended):
                    stream = self.streams[result.stream]
                    stream.error = result.error
                    for event in self._end(stream):
                        yield stream, event
                for stream in self.streams:
                    for event in self._end_if_gone(stream):
                        yield stream, event
                yield None
        finally:
            for stream in self.streams:
                if stream.annotated is not None:
                    stream.annotated.abandon()

    def stop(self) -> bool:
        """Asks it to end: passages end, and what is written is finished. Returns whether it had been asked before."""
        before, self._was_stopped = self._was_stopped, True
        self._turns.stop()
        return before

    def _look(self, stream: Stream, looked: Looked) -> list[Event]:
        events = self._known(stream.passages.see(looked.frame, looked.plates))
        stream.figures.look()
        stream.last_look = time.monotonic()
        for event in events:
            self._keep(event)
            stream.figures.tell(event, looked.frame)
        visible = stream.passages.visible
        if stream.annotated is not None:
            stream.annotated.see(looked.frame, visible, events)
        self._show(stream, looked.frame, visible, events)
        return events

    def _end_if_gone(self, stream: Stream) -> list[Event]:
        """Ends what is open of a camera that died: without frames no time passes for its passages."""
        is_gone = stream.last_look is not None and time.monotonic() - stream.last_look > stream.patience_s
        if not (is_gone and stream.source.is_live):
            return []
        stream.last_look = None
        return self._finish(stream)

    def _finish(self, stream: Stream) -> list[Event]:
        events = self._known(stream.passages.finish())
        for event in events:
            self._keep(event)
            stream.figures.tell(event, None)
        return events

    def _end(self, stream: Stream) -> list[Event]:
        events = self._finish(stream)
        if stream.annotated is not None:
            stream.annotated.finish(events)
            stream.annotated = None
        return events

    def _known(self, events: Sequence[Event]) -> list[Event]:
        return [replace(event, known=self._match(event.text)) for event in events]
