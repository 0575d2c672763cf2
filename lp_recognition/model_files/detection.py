"""What files that find plates say of themselves: cells, what stands in each, and how well they find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lp_recognition.boxes.cells import CHANNELS
from lp_recognition.images.image import Preprocessing
from lp_recognition.model_files import description
from lp_recognition.model_files.description import ModelDescription
from lp_recognition.model_files.meaning import Advice, OutputMeaning, Record
from lp_recognition.settings.detection import DetectionConfig


@dataclass(frozen=True)
class DetectionMeasurement:
    """How well a model finds plates.

    Attributes:
        ap_50: Average precision at an intersection over union of 0.5, in [0, 1].
        recall_50: Plates found at the threshold, in [0, 1]; None where only the average precision was recorded.
        precision: Of what was found, the share that is right; None where it was not recorded.
        score_threshold: The threshold of these figures.
        plates: Number of annotated plates; None where it was not recorded.
        of: What was measured: `this file`, or `the checkpoint, in training`.
        lists: The lists, by name.
    """

    ap_50: float
    recall_50: float | None
    precision: float | None
    score_threshold: float
    plates: int | None
    of: str
    lists: str

    @property
    def summary(self) -> str:
        """Average precision, and of what on what."""
        recall = "" if self.recall_50 is None else f", recall {100 * self.recall_50:.1f}%"
        return f"AP {self.ap_50:.3f} at IoU 0.5{recall} ({self.of}, on {self.lists})"

    def to_values(self) -> dict[str, Any]:
        """The figures as YAML knows them."""
        return dict(vars(self))


class DetectionMeaning:
    """What the files of a plate detector mean: scores and corners of cells."""

    name = "detection"
    network = "LPDNet"
    purpose = "License plate detector"
    subject = "A photograph in its own proportions, gray at the right or below where it does not fill the input"
    schema = DetectionConfig
    settings = (*DetectionConfig.MODEL_SETTINGS, "quantization_aware", "infer.score_threshold", "infer.iou_threshold")
    advice = Advice(
        ram="fewer stem_filters, a smaller input_shape",
        flash="a smaller width_multiplier, fewer filters in the last stages",
    )

    def preprocessing(self, config: DetectionConfig) -> Preprocessing:
        """How a picture becomes the network's input."""
        return config.preprocessing

    def output(self, config: DetectionConfig) -> OutputMeaning:
        """A score and eight offsets for each cell."""
        return OutputMeaning(
            "cells",
            "For each cell the score's logit, then x and y of left-up, right-up, right-bottom, left-bottom less the "
            "cell's middle, in strides.",
            ("batch", "cells", "values"),
        )

    def facts(self, config: DetectionConfig) -> Mapping[str, Any]:
        """Where the cells are."""
        grids = config.grids
        return {
            "decoder": "sigmoid of the score; corner = middle of the cell + offset * stride; overlapping ones are one",
            "values": CHANNELS,
            "grids": [
                {"stride": stride, "rows": rows, "columns": columns}
                for stride, (rows, columns) in zip(grids.strides, grids.shapes, strict=True)
            ],
        }

    def parse_measurement(self, values: Any) -> DetectionMeasurement:
        """Reads average precision."""
        return DetectionMeasurement(**values)

    def parse_calibration(self, values: Any) -> Record:
        """There is none: scores are trained to say how right a box is."""
        raise ValueError("calibration: expected none of a detector")


DETECTION = DetectionMeaning()


def read_description(path: str | Path) -> ModelDescription[DetectionConfig] | None:
    """Reads what a plate detector's `.tflite` says of itself; see `description.read_description`."""
    return description.read_description(path, [DETECTION])


def measurement_of(described: ModelDescription[DetectionConfig] | None) -> DetectionMeasurement | None:
    """How well a file finds plates, where it says so."""
    record = None if described is None else described.measurement
    return record if isinstance(record, DetectionMeasurement) else None
