"""A frame on its way to a service and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lp_recognition.client.answers import Answer, RemotePlate
from lp_recognition.client.positions import Position
from lp_recognition.video.frames import Frame

#: What comes of a frame. All but the first one have no answer: it took too long, the service was away or had too much
#: to do, it takes no such picture; or it comes after the frame had to be shown.
Outcome = Literal["answered", "timed out", "unavailable", "refused", "late"]


@dataclass(frozen=True)
class Shot:
    """A frame that is sent.

    Attributes:
        number: From 0, of the frames that are sent.
        frame: The frame.
        position: Where it was captured, if that is known.
    """

    number: int
    frame: Frame
    position: Position | None = None


@dataclass(frozen=True)
class Result:
    """What came of a frame.

    Attributes:
        shot: The frame.
        outcome: Whether it has an answer, or why not.
        answer: The answer.
        scale: Pixels of the frame for one of the picture that was sent: across, and down.
        ms: Milliseconds from sending it to the answer, or to giving it up.
        why: For people, why there is no answer.
    """

    shot: Shot
    outcome: Outcome
    answer: Answer | None = None
    scale: tuple[float, float] = (1.0, 1.0)
    ms: float = 0.0
    why: str = ""

    def plates(self, min_confidence: float = 0.0) -> list[RemotePlate]:
        """The plates that were read at least so surely, in pixels of the frame."""
        found: Sequence[RemotePlate] = self.answer.plates if self.answer is not None else ()
        return [one.scaled(*self.scale) for one in found if one.confidence >= min_confidence]

    def to_json(self) -> dict[str, Any]:
        """All that is known of it, the answer as the service gave it."""
        frame, position = self.shot.frame, self.shot.position
        height, width = frame.image.shape[:2]
        return {
            "time": frame.time.isoformat(),
            "source": frame.source,
            "frame": frame.number,
            "position_s": frame.position_s,
            "size": [width, height],
            "sent_size": [round(width / self.scale[0]), round(height / self.scale[1])],
            "position": position.to_json() if position is not None else None,
            "outcome": self.outcome,
            "why": self.why,
            "ms": round(self.ms, 2),
            "answer": self.answer.told if self.answer is not None else None,
        }
