"""Where frames come from: video files, addresses, cameras and folders of pictures, all with one face.

A file loses no frame: who reads slowly makes its decoding wait. Of a camera the newest frame alone is kept, and what
was dropped is counted.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from lp_recognition.images.image import Image
from lp_recognition.video.frames import Frame

#: Frames of a file that are decoded ahead.
_AHEAD = 3
#: Why a camera's frame was dropped: another one came before it was taken.
TOO_SLOW = "reader slower"


@dataclass(frozen=True)
class Captured:
    """A frame whose pixels are not asked for yet: most frames of a camera never are.

    Attributes:
        time: As of `Frame`.
        number: As of `Frame`.
        position_s: As of `Frame`.
        source: As of `Frame`.
        picture: Gives uint8 BGR, as it is to be shown.
    """

    time: datetime
    number: int
    position_s: float | None
    source: str
    picture: Callable[[], Image]

    def frame(self) -> Frame:
        """The frame with its pixels."""
        return Frame(self.picture(), self.time, self.number, self.position_s, self.source)


class Source:
    """Frames of a file, a camera or a folder, captured in a thread of its own.

    Args:
        name: The name of the stream; never with a password.
        capture: Gives the frames; it is told what the source is closed by, and keeps `state` and `dropped`.
        is_live: Whether frames come by themselves, so that the newest one counts. Else none is lost.
        total: How many frames there are, where that is known.
        every: Of the frames, each n-th is given: those whose number divides by it.

    Attributes:
        state: What it is doing, for people: `connecting`, `live`, `waiting 8 s: why`, `reading`, `ended`.
        dropped: Frames that were lost, by the reason. Those that `every` leaves out are none of them.
        failures: How often a live source could not be opened, or was gone.
        captured: Frames that came, those among them that were dropped or left out.
    """

    def __init__(
        self,
        name: str,
        capture: Callable[[Source], Generator[Captured, None, None]],
        *,
        is_live: bool,
        total: int | None = None,
        every: int = 1,
    ) -> None:
        self.name = name
        self.is_live = is_live
        self.total = total
        self.every = every
        self.state = "connecting" if is_live else "reading"
        self.dropped: Counter[str] = Counter()
        self.captured = 0
        self.failures = 0
        self._capture = capture
        self._waiting: deque[Captured] = deque()
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._error: BaseException | None = None
        self._is_over = False
        self._thread: threading.Thread | None = None
        self._notify: Callable[[], None] = lambda: None

    def start(self, notify: Callable[[], None] = lambda: None) -> None:
        """Begins to capture, where it has not begun.

        Args:
            notify: Called from the source's thread whenever a frame has come, or the last one has.
        """
        if self._thread is None:
            self._notify = notify
            self._thread = threading.Thread(target=self._run, name=f"source {self.name}", daemon=True)
            self._thread.start()

    def take(self) -> Captured | None:
        """The next frame, if it has come.

        Raises:
            UserError: of a file, what ended it too early; once all frames before were taken.
        """
        with self._changed:
            if self._waiting:
                self._changed.notify_all()
                return self._waiting.popleft()
            if self._is_over and self._error is not None:
                error, self._error = self._error, None
                raise error
            return None

    @property
    def has_frame(self) -> bool:
        """Whether `take` gives a frame now."""
        return bool(self._waiting)

    @property
    def is_over(self) -> bool:
        """Whether all frames were taken, and no more will come."""
        return self._is_over and not self._waiting

    def frames(self) -> Iterator[Frame]:
        """All frames, as they come; ends when the file does, or the source is closed.

        Raises:
            UserError: a file is truncated, after the frames before; or it is none.
        """
        self.start()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_over)
            captured = self.take()
            if captured is None:
                return
            yield captured.frame()

    def close(self) -> None:
        """Ends it: no more frames are captured. Those that wait can still be taken."""
        self._closed.set()
        with self._changed:  # its thread may still wait for a server that is silent
            self._is_over, self.state = True, "ended"
            self._changed.notify_all()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._closed.is_set()

    def tell(self, state: str) -> None:
        """Sets the state, unless the source has ended: for its thread."""
        with self._changed:
            if not self._is_over:
                self.state = state

    def wait(self, seconds: float) -> None:
        """Waits for so long, or until it is closed."""
        self._closed.wait(seconds)

    def _run(self) -> None:
        try:
            with closing(self._capture(self)) as captures:
                for captured in captures:
                    if self.is_closed:
                        break
                    self.captured += 1
                    if captured.number % self.every == 0:
                        self._offer(captured)
        except BaseException as error:  # it belongs to who takes the frames
            self._error = None if self.is_closed else error
        with self._changed:
            self._is_over = True
            self.state = "ended"
            self._changed.notify_all()
        self._notify()

    def _offer(self, captured: Captured) -> None:
        with self._changed:
            if self.is_closed:
                return
            if self.is_live:
                self.dropped[TOO_SLOW] += len(self._waiting)
                self._waiting.clear()
            else:
                self._changed.wait_for(lambda: len(self._waiting) < _AHEAD or self.is_closed)
                if self.is_closed:
                    return
            self._waiting.append(captured)
            self._changed.notify_all()
        self._notify()
