"""A video with what was read drawn into it: H.264 in MP4, which browsers play, with the frames' own times.

The text over a plate is the one that its passage ends with, also in frames before: a recording is decoded a second
time, so many frames behind the reading that most passages are over by then. That takes no memory for frames, and after
Ctrl-C little is left to write. Of a camera there is no second time: each frame shows the answer so far.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.evaluation.drawing import Mark, draw_marks
from lp_recognition.images.image import Image
from lp_recognition.system.errors import UserError
from lp_recognition.system.files import replacing
from lp_recognition.video.events import Event
from lp_recognition.video.frames import Frame
from lp_recognition.video.marks import mark_of
from lp_recognition.video.passages import Visible
from lp_recognition.video.sources import Source

#: Frames that the writing of a recording is behind its reading: ten seconds of most cameras.
BEHIND = 300
#: A plate that is missed in fewer frames than this is drawn where it must be.
_GAP = 15
#: Ticks a second: the clock of most videos.
_TICKS = 90_000
#: Fast; no frame before one that it needs, so that each has the very time that it is given; and short pieces.
_X264 = {"preset": "veryfast", "crf": "23", "bf": "0", "g": "60"}
#: Pictures of a folder that a second shows.
_PICTURES_PER_SECOND = 2


class VideoFile:
    """An MP4 that is written frame by frame; up to its end it lies under a temporary name, and plays there, too.

    Args:
        path: Where it shall be.

    Raises:
        UserError: it cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._files = contextlib.ExitStack()
        temporary = self._files.enter_context(replacing(path))
        # Pieces that stand for themselves, of which FFmpeg makes a plain file at the end.
        self._container = av.open(str(temporary), "w", format="mp4", options={"movflags": "hybrid_fragmented"})
        self._stream: Any = None
        self._is_closed = False
        self._last = -1

    def write(self, image: Image, time_s: float) -> None:
        """Adds a frame.

        Args:
            image: uint8 BGR of any size; all are brought to the even size that the first one has.
            time_s: When it is shown, from 0; later than the one before.
        """
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=30, options=_X264)
            self._stream.height, self._stream.width = (max(2, side // 2 * 2) for side in image.shape[:2])
            self._stream.pix_fmt = "yuv420p"
            self._stream.codec_context.time_base = Fraction(1, _TICKS)
        height, width = self._stream.height, self._stream.width
        if image.shape[0] // 2 * 2 != height or image.shape[1] // 2 * 2 != width:
            image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="bgr24")
        self._last = max(self._last + 1, round(time_s * _TICKS))
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        self._mux(frame)

    def close(self) -> None:
        """Finishes the file and gives it its name; one without any frame is none. A second time does nothing.

        Raises:
            UserError: it cannot be written.
        """
        if self._is_closed:
            return
        self._is_closed = True
        if self._stream is None:
            self.discard()
            return
        with self._files:
            self._mux(None)
            self._container.close()

    def _mux(self, frame: Any) -> None:
        """Encodes a frame, or what is left where it is None."""
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise UserError(f"{self._path}: cannot be written: {error.strerror}; make room, or name another") from None

    def discard(self) -> None:
        """Leaves nothing behind."""
        with contextlib.suppress(_DiscardedError), self._files:
            self._container.close()
            raise _DiscardedError


class _DiscardedError(Exception):
    """Nothing is kept."""


class Annotated:
    """Draws what is read of a stream into a video.

    Args:
        path: The video to write.
        open_again: Opens the recording for the second time; None of a live source.

    Raises:
        UserError: it cannot be written.
    """

    def __init__(self, path: str | Path, open_again: Callable[[], Source] | None) -> None:
        self._video = VideoFile(path)
        self._source = None if open_again is None else open_again()
        self._frames: Iterator[Frame] = iter(()) if self._source is None else self._source.frames()
        self._answers: dict[str, Event] = {}
        self._places: dict[str, list[tuple[int, NDArray[np.float32]]]] = {}
        self._began: Frame | None = None
        self._seen = self._written = -1

    def see(self, frame: Frame, visible: Sequence[Visible], events: Sequence[Event]) -> None:
        """Takes in what is seen in a frame, and the events that it brought about."""
        self._note(events)
        self._seen = frame.number
        if self._source is None:
            self._write(frame, [mark_of(one.corners, self._answers.get(one.id or "")) for one in visible])
            return
        for one in visible:
            if one.id is not None:
                self._places.setdefault(one.id, []).append((frame.number, one.corners))
        self._go_on(self._seen - BEHIND)

    def finish(self, events: Sequence[Event] = ()) -> None:
        """Writes what is left, with the last events, and closes the video.

        Raises:
            UserError: it cannot be written.
        """
        self._note(events)
        self._go_on(self._seen)
        self.abandon()

    def abandon(self) -> None:
        """Closes the video as it is.

        Raises:
            UserError: it cannot be written.
        """
        if self._source is not None:
            self._source.close()
        self._video.close()

    def _note(self, events: Sequence[Event]) -> None:
        # Not their pictures: of a camera they would fill the memory.
        self._answers.update({one.id: replace(one, looks=(), crop=None, picture=None) for one in events})

    def _go_on(self, number: int) -> None:
        """Writes a recording up to a frame."""
        while self._written < number:
            try:
                frame = next(self._frames, None)
            except UserError:  # it is truncated, which was told when it was read
                frame = None
            if frame is None:
                return
            self._write(frame, [mark_of(corners, self._answers.get(id_)) for id_, corners in self._at(frame.number)])

    def _write(self, frame: Frame, marks: Sequence[Mark]) -> None:
        self._began = self._began or frame
        if frame.position_s is not None:
            time_s = frame.position_s - (self._began.position_s or 0)
        elif self._source is None:
            time_s = (frame.time - self._began.time).total_seconds()
        else:
            time_s = frame.number / _PICTURES_PER_SECOND
        self._video.write(draw_marks(frame.image, marks), time_s)
        self._written = frame.number
        self._places = {id_: places for id_, places in self._places.items() if places[-1][0] > frame.number}
        self._answers = {
            id_: answer for id_, answer in self._answers.items() if id_ in self._places or answer.type != "end"
        }

    def _at(self, number: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Where plates are in a frame: as they were seen, or between the frames before and after."""
        for id_, places in self._places.items():
            after = bisect_left(places, number, key=lambda place: place[0])
            if after < len(places) and places[after][0] == number:
                yield id_, places[after][1]
            elif 0 < after < len(places) and places[after][0] - places[after - 1][0] <= _GAP:
                (first, begin), (last, end) = places[after - 1 : after + 1]
                share = np.float32((number - first) / (last - first))
                yield id_, begin + share * (end - begin)
