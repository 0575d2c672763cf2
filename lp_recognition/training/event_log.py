"""The log that TensorBoard shows, written at once and in the thread of the training.

tensorboardX's own writer hands events to a thread through a queue. Where the disk is full the thread dies, the queue
fills up and the training waits on it for ever; here the write fails, and the training ends with it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from lp_recognition.images.image import Image
from lp_recognition.system.errors import UserError

#: Points wait for so long before they are flushed to disk.
_FLUSH_SECONDS = 30.0


class EventLog:
    """Writes scalars and pictures of one run into an event file of its own.

    Args:
        folder: Where TensorBoard finds it; made where it is missing.
        step: Points of later steps, which an earlier run left, are to be hidden.

    Raises:
        UserError: here and in every method: the log cannot be written.
    """

    def __init__(self, folder: str | Path, step: int) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        self._folder = folder
        self._flushed = time.monotonic()
        with self._writing():
            Path(folder).mkdir(parents=True, exist_ok=True)
            # The writer's own names differ by the second alone, and a second run would empty the file of the first.
            self._writer = EventsWriter(str(Path(folder) / "events"), f".{os.getpid()}.{time.monotonic_ns()}")
            start = SessionLog(status=SessionLog.START)
            self._writer.write_event(Event(wall_time=time.time(), step=step + 1, session_log=start))
            self._writer.flush()

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """Writes a point of a curve."""
        from tensorboardX.proto.summary_pb2 import Summary

        self._add(Summary.Value(tag=name, simple_value=float(value)), step)

    def add_picture(self, name: str, picture: Image, step: int) -> None:
        """Writes a picture, uint8 BGR."""
        from tensorboardX.proto.summary_pb2 import Summary

        height, width, channels = picture.shape
        data = cv2.imencode(".png", picture)[1].tobytes()
        image = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=data)
        self._add(Summary.Value(tag=name, image=image), step)

    def flush(self) -> None:
        """Sees to it that all points are on the disk."""
        with self._writing():
            self._writer.flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flushes and closes the file."""
        with self._writing():
            try:
                self._writer.flush()
            finally:
                with contextlib.suppress(OSError):  # the flush has said it
                    self._writer.close()

    def _add(self, value: Any, step: int) -> None:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        with self._writing():
            self._writer.write_event(Event(wall_time=time.time(), step=step, summary=Summary(value=[value])))
        if time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self.flush()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"{self._folder}: the log cannot be written: {error.strerror or error}; make room and give the same "
                "command, which goes on from the last checkpoint, or train without a log: train.need_to_save_log=False"
            ) from None
