"""What our own endpoints answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from lp_recognition.service.engine.jobs import Answer, EncodedPicture, Kind, Plate
from lp_recognition.video.events import Candidate


class CandidateAnswer(BaseModel):
    """A text that a plate may have, with its probability in [0, 1]."""

    text: str
    confidence: float


class ReadingAnswer(BaseModel):
    """What was read: the text in its written form, how sure it is as a whole and by symbol, and what else it may be."""

    text: str
    confidence: float
    confidences: list[float]
    candidates: list[CandidateAnswer]
    reader: str


class FoundAnswer(BaseModel):
    """A plate that was found: `box` is x, y, width and height; corners go from left-up to the right, in pixels."""

    box: list[float]
    corners: list[list[float]]
    score: float


class PlateAnswer(FoundAnswer, ReadingAnswer):
    """A plate that was found and read; `crop` says that the whole picture was taken for one."""

    crop: bool


class CropAnswer(ReadingAnswer):
    """A crop that was read."""

    image: str


class TimedAnswer(BaseModel):
    """How long it took, in milliseconds: the whole request, and the stages of reading."""

    ms: float
    stages_ms: dict[str, float]


class DetectAnswer(TimedAnswer):
    """The plates of a photograph, from left to right."""

    image: str
    width: int
    height: int
    plates: list[FoundAnswer]


class AlprAnswer(TimedAnswer):
    """The plates of a photograph, found and read, from left to right."""

    image: str
    width: int
    height: int
    plates: list[PlateAnswer]


class ReadAnswer(TimedAnswer):
    """What stands on the crops, in their order."""

    readings: list[CropAnswer]


def of_kind(kind: Kind, pictures: Sequence[EncodedPicture], answer: Answer, ms: float) -> Response:
    """The answer of an endpoint as JSON."""
    timed = {"ms": round(ms, 2), "stages_ms": {name: round(value, 2) for name, value in answer.stages_ms.items()}}
    if kind == "read":
        readings = [
            {"image": picture.name, **_reading(plate)}
            for picture, found in zip(pictures, answer.pictures, strict=True)
            for plate in found.plates
        ]
        return JSONResponse({"readings": readings, **timed})
    found = answer.pictures[0]
    plates = [plate_record(plate, is_read=kind == "alpr") for plate in found.plates]
    size = {"width": found.width, "height": found.height}
    return JSONResponse({"image": pictures[0].name, **size, "plates": plates, **timed})


def plate_record(plate: Plate, *, is_read: bool = True) -> dict[str, object]:
    """A plate as JSON has it."""
    left, top, right, bottom = plate.box
    found: dict[str, object] = {
        "box": [round(value, 2) for value in (left, top, right - left, bottom - top)],
        "corners": [[round(x, 2), round(y, 2)] for x, y in plate.corners],
        "score": round(plate.score, 6),
    }
    return {**found, **_reading(plate), "crop": plate.is_crop} if is_read else found


def _reading(plate: Plate) -> Mapping[str, object]:
    return {
        "text": plate.text,
        "confidence": round(plate.confidence, 4),
        "confidences": [round(value, 4) for value in plate.confidences],
        "candidates": [_candidate(one) for one in plate.candidates],
        "reader": plate.reader,
    }


def _candidate(candidate: Candidate) -> dict[str, object]:
    return {"text": candidate.text, "confidence": round(candidate.confidence, 4)}
