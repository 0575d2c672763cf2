"""What Plate Recognizer's clients are answered, for the OpenAPI page."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Box(BaseModel):
    """An upright box in whole pixels."""

    xmin: int
    ymin: int
    xmax: int
    ymax: int


class RegionAnswer(BaseModel):
    """A country or a part of it, such as `cz` or `cn-ah`; `unknown` with score 0 where the text tells none."""

    code: str
    score: float


class ScoredPlate(BaseModel):
    """A text that a plate may have."""

    score: float
    plate: str


class VehicleAnswer(BaseModel):
    """The vehicle: its score is 0, and its box the plate's, for vehicles are not told apart here."""

    score: float
    type: str
    box: Box


class ModelMake(BaseModel):
    """Make and model of a vehicle; score 0, as nobody looked."""

    make: str
    model: str
    score: float


class Color(BaseModel):
    """The colour of a vehicle; score 0, as nobody looked."""

    color: str
    score: float


class Orientation(BaseModel):
    """Which side of a vehicle is seen; score 0, as nobody looked."""

    orientation: str
    score: float


class ResultAnswer(BaseModel):
    """A plate; the last three are there with `mmc`."""

    box: Box
    plate: str
    region: RegionAnswer
    score: float
    candidates: list[ScoredPlate]
    dscore: float
    vehicle: VehicleAnswer
    model_make: list[ModelMake] | None = None
    color: list[Color] | None = None
    orientation: list[Orientation] | None = None


class ScoredValue(BaseModel):
    """Something that a plate, its region or a vehicle may be."""

    value: str
    score: float


class PlateProperties(BaseModel):
    """What a plate says, the surest first, and where it is from."""

    plate: list[ScoredValue]
    region: list[ScoredValue]


class VehiclePlateAnswer(BaseModel):
    """The plate of a vehicle; its score is the detector's."""

    type: str
    score: float
    box: Box
    props: PlateProperties


class VehicleProperties(BaseModel):
    """What a vehicle is; empty without `mmc`."""

    make_model: list[ModelMake]
    color: list[ScoredValue]
    orientation: list[ScoredValue]


class WholeVehicleAnswer(VehicleAnswer):
    """A vehicle with what it is."""

    props: VehicleProperties


class VehicleResultAnswer(BaseModel):
    """A vehicle with its plate: a result with `"detection_mode": "vehicle"`."""

    plate: VehiclePlateAnswer
    vehicle: WholeVehicleAnswer


class UsageAnswer(BaseModel):
    """Calls of this calendar month, in UTC, and how many there may be."""

    calls: int
    max_calls: int


class PlateReaderAnswer(BaseModel):
    """The plates of a photograph; `processing_time` is in milliseconds."""

    processing_time: float
    results: list[ResultAnswer] | list[VehicleResultAnswer]
    filename: str
    version: int
    camera_id: str | None
    timestamp: str
    usage: UsageAnswer


class MonthAnswer(BaseModel):
    """Calls of a calendar month, in UTC."""

    month: int
    calls: int
    year: int
    resets_on: str


class StatisticsAnswer(BaseModel):
    """Calls of this month, and ever."""

    usage: MonthAnswer
    total_calls: int


class InfoAnswer(BaseModel):
    """What is running."""

    version: str
    name: str
    total_calls: int
    usage: UsageAnswer


def reader_fields() -> dict[str, Any]:
    """The fields of a request beside `upload`."""
    about = {
        "camera_id": "Given back as it is.",
        "timestamp": "When the picture was taken, by ISO 8601; given back as it is.",
        "mmc": "`true` fills `model_make`, `color` and `orientation`, too.",
        "config": "JSON: `threshold_d` and `threshold_o` (0 to 1), `mode` (`fast`, `redaction`), `region` (`strict`), "
        "`detection_mode` (`vehicle`).",
    }
    fields: dict[str, Any] = {name: {"type": "string", "description": text} for name, text in about.items()}
    regions = "Where plates may be from, as `us-ca` or `cz`; may be given several times."
    fields["regions"] = {"type": "array", "items": {"type": "string"}, "description": regions}
    fields["upload_url"] = {"type": "string", "description": "In the place of `upload`, where hosts are allowed."}
    return fields
