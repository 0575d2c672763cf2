"""The settings of passages: which looks count, which of them are one passage, and what is told when; `docs/alpr.md`
gives the reason of each.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from lp_recognition.settings.loading import Section
from lp_recognition.settings.patterns import legal_patterns
from lp_recognition.settings.training import Fraction, PositiveInt, listed

#: Seconds; a day at most, so that no slip of the keyboard keeps a passage open for ever.
Seconds = Annotated[float, Field(ge=0, le=86400)]
#: Corners of an area in a picture, x and y: shares of its width and height where all are at most 1, else pixels.
Polygon = Annotated[
    tuple[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]], ...], Field(min_length=3)
]


class TrackSettings(Section):
    """How plates of one frame are told to be those of the frame before.

    The thresholds are ByteTrack's, fitted to a detector that tells nothing below 0.5 of its own accord; distances are
    in plate widths.
    """

    high_score: Fraction = 0.6
    low_score: Fraction = 0.1
    new_score: Fraction = 0.6
    least_overlap: Fraction = 0.2
    least_overlap_of_low: Fraction = 0.4
    text_weight: Fraction = 0.5
    reach: Annotated[float, Field(ge=0, le=20)] = 6.0
    lost_seconds: Seconds = 1.0


class PassageSettings(TrackSettings):
    """Which looks count, which are one passage, and what is told when."""

    # Where plates are looked for
    regions: tuple[Polygon, ...] = ()
    ignore: tuple[Polygon, ...] = ()
    # Which looks take part in the vote
    min_height: Annotated[float, Field(ge=0, le=4096)] = 8.0
    min_confidence: Fraction = 0.2
    min_symbols: PositiveInt = 3
    formats: tuple[str, ...] = ()
    # What is one passage
    repeat_seconds: Seconds = 60.0
    absent_seconds: Seconds = 3.0
    # What is told when
    preview_looks: Literal[1, 2] = 2
    min_looks: PositiveInt = 2
    sure_confidence: Fraction = 0.9
    here_seconds: Seconds = 60.0

    @field_validator("formats", mode="before")
    @classmethod
    def _one_format(cls, value: Any) -> Any:
        return listed(value)

    @field_validator("formats")
    @classmethod
    def _legal_formats(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        return legal_patterns(formats)

    @model_validator(mode="after")
    def _check_together(self) -> PassageSettings:
        if self.absent_seconds < self.lost_seconds:
            raise ValueError(
                f"absent_seconds: expected at least lost_seconds, {self.lost_seconds:g}, received "
                f"{self.absent_seconds:g}"
            )
        return self
