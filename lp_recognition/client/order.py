"""Frames in their order again, whose answers come in any."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from lp_recognition.client.results import Result, Shot


class Order:
    """A bounded buffer: a frame is given when its answer is there and all before it were given.

    No frame is lost, and none is held up for long: where more than so many answered ones wait behind it, it is given
    without its answer.

    Args:
        buffer: Answered frames that may wait.
    """

    def __init__(self, buffer: int) -> None:
        self._buffer = buffer
        self._waiting: deque[Shot] = deque()
        self._done: dict[int, Result] = {}

    def began(self, shot: Shot) -> None:
        """A frame is under way; in the order in which they are to be given."""
        self._waiting.append(shot)

    def done(self, result: Result) -> None:
        """What came of a frame; one that was given already stays as it was."""
        if self._waiting and result.shot.number >= self._waiting[0].number:
            self._done[result.shot.number] = result

    def ready(self) -> Iterator[Result]:
        """The frames that are to be given now."""
        while self._waiting and (self._waiting[0].number in self._done or len(self._done) > self._buffer):
            shot = self._waiting.popleft()
            yield self._done.pop(shot.number, Result(shot, "late"))

    def rest(self) -> Iterator[Result]:
        """All that are left, whatever came of them."""
        while self._waiting:
            shot = self._waiting.popleft()
            yield self._done.pop(shot.number, Result(shot, "late"))
