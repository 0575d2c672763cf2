"""Frames of many sources, read in turn: each source gets its turn when it has a frame, however fast the others are.

Of one source several frames may be read at once, by several workers; what comes of them is given in their order.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lp_recognition.images.image import Image
from lp_recognition.reading.alpr import AlprPlate
from lp_recognition.system.errors import UserError
from lp_recognition.video.frames import Frame
from lp_recognition.video.sources import Source
from lp_recognition.video.workers import Models


class Reads(Protocol):
    """What finds and reads the plates of a frame: a `Worker`."""

    def read(self, image: Image, models: Models) -> list[AlprPlate]:
        """The plates of a frame."""


@dataclass(frozen=True)
class Looked:
    """A frame that was looked at.

    Attributes:
        stream: Of which source, by its place.
        frame: The frame.
        plates: What was found and read.
    """

    stream: int
    frame: Frame
    plates: Sequence[AlprPlate]


@dataclass(frozen=True)
class Ended:
    """A source has no more frames.

    Attributes:
        stream: Which one, by its place.
        error: What ended it too early, if anything did.
    """

    stream: int
    error: UserError | None


@dataclass
class _Lane:
    """A source, and what is under way of it.

    Attributes:
        last_turn: When it had its last turn, counted in turns.
        taken: Frames that workers have taken.
        given: Frames whose results were given; those between are under way.
        done: Results that wait for those before them, by the number of the frame taken.
    """

    source: Source
    models: Models
    last_turn: int = -1
    taken: int = 0
    given: int = 0
    done: dict[int, Looked] = field(default_factory=dict)
    error: UserError | None = None
    has_ended: bool = False


class Turns:
    """Has the frames of sources read by workers, in fair turns.

    Args:
        sources: The sources; they are started here.
        models: What reads each.
        workers: What finds and reads; each works in a thread.
    """

    def __init__(self, sources: Sequence[Source], models: Sequence[Models], workers: Sequence[Reads]) -> None:
        self._lanes = [_Lane(source, one) for source, one in zip(sources, models, strict=True)]
        self._workers = workers
        self._changed = threading.Condition()
        self._failure: BaseException | None = None
        self._turn = 0
        #: So many frames of a source may be under way: one more than workers, so that none waits for who takes results.
        self._most = len(workers) + 1
        self._is_stopped = False

    def results(self, tick_s: float = 0.5) -> Iterator[Looked | Ended | None]:
        """What comes of each frame, in the order of its source's frames; None where for so long nothing comes.

        Raises:
            UserError: of a worker: a model that cannot be opened, a process that was killed.
        """
        for lane in self._lanes:
            lane.source.start(self._wake)
        threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in self._workers]
        for thread in threads:
            thread.start()
        try:
            while not all(lane.has_ended for lane in self._lanes):
                with self._changed:
                    self._changed.wait_for(lambda: self._failure is not None or self._next_result() is not None, tick_s)
                    if self._failure is not None:
                        raise self._failure
                    found = self._next_result()
                    if found is not None and isinstance(found[1], Ended):
                        found[0].has_ended = True
                if found is None:
                    yield None
                    continue
                lane, result = found
                yield result
                if isinstance(result, Looked):
                    with self._changed:  # only now is there room for another
                        del lane.done[lane.given]
                        lane.given += 1
                        self._changed.notify_all()
        finally:
            self.stop()
            with self._changed:
                self._is_stopped = True
                self._changed.notify_all()
            for thread in threads:
                thread.join(5)

    def stop(self) -> None:
        """Closes the sources; what was captured is still read, and then the results end."""
        for lane in self._lanes:
            lane.source.close()
        self._wake()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _next_result(self) -> tuple[_Lane, Looked | Ended] | None:
        for number, lane in enumerate(self._lanes):
            if lane.given in lane.done:
                return lane, lane.done[lane.given]
            if not lane.has_ended and lane.source.is_over and lane.taken == lane.given:
                self._ask_for_error(lane)
                return lane, Ended(number, lane.error)
        return None

    def _ask_for_error(self, lane: _Lane) -> None:
        try:
            lane.source.take()
        except UserError as error:
            lane.error = error

    def _next_lane(self) -> _Lane | None:
        """Of the sources that have a frame and room for it, the one whose last turn is the longest ago."""
        ready = [lane for lane in self._lanes if lane.source.has_frame and lane.taken - lane.given < self._most]
        return min(ready, key=lambda lane: lane.last_turn, default=None)

    def _work(self, worker: Reads) -> None:
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._is_stopped or self._next_lane() is not None)
                    lane = self._next_lane()
                    if lane is None or self._is_stopped:
                        return
                    captured = lane.source.take()
                    if captured is None:
                        continue
                    number, lane.last_turn = lane.taken, self._turn
                    lane.taken += 1
                    self._turn += 1
                frame = captured.frame()
                plates = worker.read(frame.image, lane.models)
                with self._changed:
                    lane.done[number] = Looked(self._lanes.index(lane), frame, plates)
                    self._changed.notify_all()
        except BaseException as error:  # it belongs to who takes the results
            with self._changed:
                self._failure = error
                self._changed.notify_all()
