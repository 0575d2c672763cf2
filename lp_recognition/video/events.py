"""What is told of a plate that passes a camera: looks, and the events that sum them up.

A *look* is one reading of a plate in one frame. A *passage* is the way of one plate past one camera, many looks long;
it is told by events of one `id`: `start` at once, `update` where the answer changes or becomes sure, `here` while a
parked car stays, `end` with the final answer. Each has one `start` and one `end`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.intersection import box_around
from lp_recognition.images.image import Image
from lp_recognition.reading.recognizer import SymbolShares

EventType = Literal["start", "update", "here", "end"]


@dataclass(frozen=True)
class Look:
    """One reading of a plate in one frame.

    Attributes:
        time: When the frame was captured, with a time zone.
        frame: The number of the frame in its source, from 0.
        position_s: Seconds from the start of a video file; None of a live source.
        corners: x, y of left-up, right-up, right-bottom, left-bottom in the frame's pixels, float32 `(4, 2)`.
        detection_confidence: How sure the detector is, in [0, 1].
        text: What was read.
        confidence: Probability of the whole text, in [0, 1].
        confidences: Probability of each symbol, in [0, 1].
        reader: Name or file of the reader that is believed.
        alternatives: What may stand in the place of each symbol, as of a `Reading`; the vote goes by it.
    """

    time: datetime
    frame: int
    position_s: float | None
    corners: NDArray[np.float32]
    detection_confidence: float
    text: str
    confidence: float
    confidences: tuple[float, ...]
    reader: str
    alternatives: tuple[SymbolShares, ...] = field(default=(), compare=False, repr=False)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, width and height of the upright box around the corners, in pixels."""
        return box_around(self.corners)

    def to_json(self) -> dict[str, Any]:
        """The look as JSON has it: times in UTC by ISO 8601, pixels to a tenth, probabilities to four digits."""
        return {
            "time": utc_text(self.time),
            "frame": self.frame,
            "position_s": self.position_s,
            "box": [round(value, 1) for value in self.box],
            "corners": [[round(float(x), 1), round(float(y), 1)] for x, y in self.corners],
            "score": round(self.detection_confidence, 4),
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "confidences": [round(value, 4) for value in self.confidences],
            "reader": self.reader,
        }


@dataclass(frozen=True)
class Candidate:
    """A text that a plate may have, with its probability in [0, 1]."""

    text: str
    confidence: float


@dataclass(frozen=True)
class KnownMatch:
    """A known plate that a reading is taken for.

    Attributes:
        plate: The plate as the list of known plates has it: a text, or a pattern with `?` and `*`.
        kind: How it matches: letter by letter, by its wild cards, or with edits.
        cost: What the edits cost; 0 where there are none. Those between look-alikes cost less than 1.
        note: The note beside it.
        record: The columns of its row in the list, by their names.
    """

    plate: str
    kind: Literal["exact", "pattern", "edits"]
    cost: float = 0.0
    note: str = ""
    record: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The match as JSON has it."""
        return {
            "plate": self.plate,
            "kind": self.kind,
            "cost": self.cost,
            "note": self.note,
            "record": dict(self.record),
        }


@dataclass(frozen=True)
class Event:
    """What is known of a passage, at one moment of it.

    Attributes:
        id: Of the passage, the same in all its events. A video file that is read again gives the same ids.
        type: `start`: seen; `update`: the answer has changed or become sure; `here`: still there; `end`: gone,
            and the answer final.
        source: The name of the stream. Never with a password.
        text: The answer: what the looks say together.
        confidence: Probability of the answer, in [0, 1].
        confidences: Probability of each of its symbols, in [0, 1].
        candidates: The answer and the next best ones, the best first.
        first_time: When the plate was seen first, by the capture of the frame.
        last_time: When it was seen last.
        look_count: Looks that took part in the vote.
        agreeing_count: Those of them that say what the answer says.
        best: The look that the picture is of: the surest of those that agree.
        direction_deg: Where the plate moves in the picture, in [0, 360): 0 is up, 90 to the right; None where it
            stands.
        looks: The looks of the passage; empty but in `end`.
        known: The known plate that the answer is taken for, if any.
        crop: The plate of `best`, laid flat, uint8 BGR; None where an event is read back without its pictures.
        picture: The frame of `best`, uint8 BGR; None likewise.
    """

    id: str
    type: EventType
    source: str
    text: str
    confidence: float
    confidences: tuple[float, ...]
    candidates: tuple[Candidate, ...]
    first_time: datetime
    last_time: datetime
    look_count: int
    agreeing_count: int
    best: Look
    direction_deg: float | None = None
    looks: tuple[Look, ...] = ()
    known: KnownMatch | None = None
    crop: Image | None = field(default=None, compare=False, repr=False)
    picture: Image | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The event as a line of JSON has it, without its looks and pictures."""
        return {
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "confidences": [round(value, 4) for value in self.confidences],
            "candidates": [{"text": one.text, "confidence": round(one.confidence, 4)} for one in self.candidates],
            "first_time": utc_text(self.first_time),
            "last_time": utc_text(self.last_time),
            "look_count": self.look_count,
            "agreeing_count": self.agreeing_count,
            "direction_deg": None if self.direction_deg is None else round(self.direction_deg, 1),
            "known": None if self.known is None else self.known.to_json(),
            "best": self.best.to_json(),
        }


def utc_text(time: datetime) -> str:
    """A moment by ISO 8601 in UTC, to a millisecond: `2026-11-26T10:00:00.000Z`.

    Raises:
        ValueError: the moment has no time zone.
    """
    if time.tzinfo is None:
        raise ValueError(f"expected a moment with a time zone, received {time!r}")
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
