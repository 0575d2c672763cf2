"""The newest frame of each stream with what is read in it, for who looks on. Nobody looks: nothing is drawn."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from lp_recognition.evaluation.drawing import draw_marks, plate_caption
from lp_recognition.video.events import Event
from lp_recognition.video.frames import Frame
from lp_recognition.video.marks import mark_of
from lp_recognition.video.passages import Visible
from lp_recognition.video.watching import Stream

#: A stream is drawn so often at most, and at most so wide.
PAUSE_S, WIDTH = 0.1, 960
_QUALITY = 80


@dataclass(frozen=True)
class LivePicture:
    """A frame that was drawn.

    Attributes:
        number: How many frames of the stream were seen before it, in this run.
        data: The JPEG.
    """

    number: int
    data: bytes


@dataclass
class _Lane:
    """What is there of a stream: what was seen last, and what was drawn last."""

    seen: int = 0
    frame: Frame | None = None
    visible: Sequence[Visible] = ()
    drawn: LivePicture | None = None
    drawn_at: float = 0.0
    drawing: threading.Lock = field(default_factory=threading.Lock)


class LivePictures:
    """Keeps the newest frame of each stream, and draws it when it is asked for.

    Whoever asks draws: watching waits for nobody. All who look at a stream share its pictures.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._answers: dict[str, Event] = {}
        self._lock = threading.Lock()

    def see(self, stream: Stream, frame: Frame, visible: Sequence[Visible], events: Sequence[Event]) -> None:
        """Takes in a frame; see `Watch`."""
        with self._lock:
            for event in events:  # not their pictures: they would fill the memory
                self._answers[event.id] = replace(event, looks=(), crop=None, picture=None)
            lane = self._lanes.setdefault(stream.name, _Lane())
            lane.seen += 1
            lane.frame, lane.visible = frame, visible

    def tell(self, event: Event) -> None:
        """Takes in an event, after its frame."""
        if event.type == "end":
            with self._lock:
                self._answers.pop(event.id, None)

    def newest(self, name: str) -> LivePicture | None:
        """The newest picture of a stream, from any thread; None where there was no frame yet."""
        with self._lock:
            lane = self._lanes.get(name)
        if lane is None:
            return None
        with lane.drawing:
            with self._lock:
                frame, number, visible = lane.frame, lane.seen, lane.visible
                answers = [self._answers.get(one.id or "") for one in visible]
            is_news = lane.drawn is None or number > lane.drawn.number
            if frame is not None and is_news and time.monotonic() - lane.drawn_at >= PAUSE_S:
                lane.drawn_at = time.monotonic()
                lane.drawn = LivePicture(number, _drawn(frame, visible, answers))
            return lane.drawn


def _drawn(frame: Frame, visible: Sequence[Visible], answers: Sequence[Event | None]) -> bytes:
    """A frame with its plates, made as narrow as it is shown, as a JPEG."""
    image, scale = frame.image, min(1.0, WIDTH / frame.image.shape[1])
    if scale < 1:
        height = max(1, round(image.shape[0] * scale))
        image = np.asarray(cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)
    marks = [
        mark_of(one.corners * np.float32(scale), answer, plate_caption(one.text, one.confidence) if one.text else "")
        for one, answer in zip(visible, answers, strict=True)
    ]
    return cv2.imencode(".jpg", draw_marks(image, marks), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
