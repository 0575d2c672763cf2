"""What a service says of a picture: as much of it as is drawn and listed, checked; the rest is kept as it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_Share = Annotated[float, Field(ge=0, le=1)]
_Point = tuple[float, float]


class RemotePlate(BaseModel):
    """A plate that a service found and read.

    Attributes:
        text: What was read.
        confidence: Probability of the whole text, in [0, 1].
        score: How sure the detector is, in [0, 1].
        corners: x, y of left-up, right-up, right-bottom, left-bottom, in pixels of the picture as it was sent.
        reader: What read it.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    text: str
    confidence: _Share
    score: _Share
    corners: tuple[_Point, _Point, _Point, _Point]
    reader: str = ""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, width and height of the upright box around the corners."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)

    def scaled(self, across: float, down: float) -> RemotePlate:
        """The same plate in a picture that is so many times as wide and as high."""
        return self.model_copy(update={"corners": tuple((x * across, y * down) for x, y in self.corners)})


@dataclass(frozen=True)
class Answer:
    """What a service says of a picture.

    Attributes:
        plates: What it found, from left to right.
        told: The whole of it, as it came.
    """

    plates: tuple[RemotePlate, ...]
    told: dict[str, Any]


class _Told(BaseModel):
    plates: tuple[RemotePlate, ...]


def parse_answer(told: Any) -> Answer:
    """Reads an answer of `/v1/alpr`.

    Raises:
        ValueError: it is none.
    """
    try:
        return Answer(_Told.model_validate(told).plates, told)
    except ValidationError as error:
        raise ValueError(str(error)) from None
