"""Sends frames of a source to a service by many threads at once.

Of a recording every frame gets its answer, however often the service has to be asked: only a time-out or a refusal
loses one. A camera goes on meanwhile: while the service is away its frames get none.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone

import cv2

from lp_recognition.client.answers import Answer
from lp_recognition.client.pauses import Pauses
from lp_recognition.client.positions import Position, Positions
from lp_recognition.client.remote import RefusedError, RemoteAlpr, TimedOutError, UnavailableError
from lp_recognition.client.results import Outcome, Result, Shot
from lp_recognition.images.image import Image
from lp_recognition.video.frames import Frame
from lp_recognition.video.sources import Source


@dataclass(frozen=True)
class Encoding:
    """How frames are sent.

    Attributes:
        quality: Of the JPEG, from 1 to 100.
        width: Pixels that frames are brought to, smaller or larger; None leaves them as they are.
    """

    quality: int = 95
    width: int | None = None

    def encode(self, image: Image) -> tuple[bytes, tuple[float, float]]:
        """The JPEG of a frame, and pixels of the frame for one of it: across, and down."""
        height, width = image.shape[:2]
        if self.width is not None and self.width != width:
            size = (self.width, max(1, round(height * self.width / width)))
            method = cv2.INTER_AREA if self.width < width else cv2.INTER_CUBIC
            image = cv2.resize(image, size, interpolation=method)  # type: ignore[assignment]
        scale = (width / image.shape[1], height / image.shape[0])
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1].tobytes(), scale


class Sending:
    """Frames on their way.

    Args:
        source: Where they come from; it is started here.
        remote: The service.
        workers: Frames that are sent at once.
        encoding: How.
        positions: Where the car is, if anything tells it.

    Attributes:
        pauses: Whether the service is there.
        error: What ended it too early: of the source, or of a service that no waiting mends.
    """

    def __init__(
        self,
        source: Source,
        remote: RemoteAlpr,
        workers: int,
        encoding: Encoding | None = None,
        positions: Positions | None = None,
    ) -> None:
        self.pauses = Pauses()
        self.error: BaseException | None = None
        self._source = source
        self._remote = remote
        self._encoding = encoding or Encoding()
        self._positions = positions
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._taken = self._given = 0
        #: So many frames may be under way: who shows them holds up who sends them.
        self._most = 2 * workers
        self._told: queue.SimpleQueue[Shot | Result | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"sender {number}", daemon=True) for number in range(workers)
        ]

    def results(self, tick_s: float = 0.5) -> Iterator[Shot | Result | None]:
        """Each frame when it is sent, in order; what came of it as soon as that is known; None where for so long
        nothing comes.
        """
        self._source.start(self._wake)
        for thread in self._threads:
            thread.start()
        running = len(self._threads)
        try:
            while running:
                try:
                    told = self._told.get(timeout=tick_s)
                except queue.Empty:
                    yield None
                    continue
                if told is None:
                    running -= 1
                else:
                    yield told
                if isinstance(told, Result):
                    with self._changed:  # only now is there room for another
                        self._given += 1
                        self._changed.notify_all()
        finally:
            self.stop()

    def stop(self) -> bool:
        """Takes no more frames; those under way are waited for. Returns whether it had been asked before."""
        before = self._stopped.is_set()
        self._stopped.set()
        self._source.close()
        self._wake()
        return before

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _work(self) -> None:
        try:
            while (shot := self._next()) is not None:
                self._told.put(self._sent(shot))
        except BaseException as error:  # it belongs to who takes the results
            self.error = self.error or error
            self.stop()
        self._told.put(None)

    def _next(self) -> Shot | None:
        """The next frame of the source, with its place; None at the end."""
        while True:
            with self._changed:
                self._changed.wait_for(self._may_go_on)
                if self._stopped.is_set():
                    return None
                captured = self._source.take()
                if captured is None:
                    if self._source.is_over:
                        return None
                    continue
                frame = captured.frame()
                shot = Shot(self._taken, frame, self._position(frame))
                self._taken += 1
                self._told.put(shot)  # within the lock: in order
                return shot

    def _may_go_on(self) -> bool:
        has_room = self._taken - self._given < self._most
        return self._stopped.is_set() or self._source.is_over or (self._source.has_frame and has_room)

    def _position(self, frame: Frame) -> Position | None:
        if self._positions is None:
            return None
        # A receiver knows where the car is now, and a recording is of another day; a track is of the same.
        by_frame = self._source.is_live or self._positions.is_recorded
        return self._positions.at(frame.time if by_frame else datetime.now(timezone.utc))

    def _sent(self, shot: Shot) -> Result:
        """What comes of a frame, of a recording after as many attempts as it takes."""
        data, scale = self._encoding.encode(shot.frame.image)
        while True:
            if not self._may_ask():
                return Result(shot, "unavailable", scale=scale, why=self.pauses.why or "stopped")
            result = replace(self._asked(shot, data), scale=scale)
            if result.outcome != "unavailable" or self._source.is_live:
                return result

    def _may_ask(self) -> bool:
        """Whether the service may be asked now; of a recording, it is waited for."""
        while (seconds := self.pauses.remaining_s) and not self._source.is_live and not self._stopped.is_set():
            self._stopped.wait(seconds)
        return not seconds

    def _asked(self, shot: Shot, data: bytes) -> Result:
        began = time.monotonic()
        answer: Answer | None = None
        outcome: Outcome = "answered"
        why = ""
        try:
            answer = self._remote.read(data)
            self.pauses.succeeded()
        except TimedOutError:
            outcome = "timed out"
        except UnavailableError as error:
            outcome, why = "unavailable", str(error)
            self.pauses.failed(began, why, error.retry_after_s)
        except RefusedError as error:
            outcome, why = "refused", str(error)
        return Result(shot, outcome, answer, ms=1000 * (time.monotonic() - began), why=why)
