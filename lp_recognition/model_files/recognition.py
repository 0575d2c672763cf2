"""What files that read plates say of themselves: alphabet, blank, patterns, decoder, LP-RR, calibrated confidences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lp_recognition.images.image import Preprocessing
from lp_recognition.model_files import description
from lp_recognition.model_files.description import ModelDescription
from lp_recognition.model_files.meaning import Advice, OutputMeaning
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.texts.calibration import Calibration

#: How the blank is written among the classes.
BLANK = "<blank>"


@dataclass(frozen=True)
class Measurement:
    """How well a model reads.

    Attributes:
        lp_rr: Share of plates read right, in [0, 1].
        lp_rr_interval: Its 95% confidence interval; None where only the share was recorded.
        plates: Number of plates; None where it was not recorded.
        of: What was measured: `this file`, or `the checkpoint, in training`.
        lists: The lists, by name.
    """

    lp_rr: float
    lp_rr_interval: tuple[float, float] | None
    plates: int | None
    of: str
    lists: str

    @property
    def summary(self) -> str:
        """LP-RR, and of what on what."""
        return f"LP-RR {100 * self.lp_rr:.1f}% ({self.of}, on {self.lists})"

    def to_values(self) -> dict[str, Any]:
        """The figures as YAML knows them."""
        interval = None if self.lp_rr_interval is None else list(self.lp_rr_interval)
        return {**vars(self), "lp_rr_interval": interval}


@dataclass(frozen=True)
class CalibrationRecord:
    """The calibration of a file's confidences, and what it is worth.

    Attributes:
        scaling: What makes a confidence of the probability of a text.
        ece_before: Expected calibration error of the plain probabilities, in [0, 1].
        ece_after: The same of the calibrated ones, each plate calibrated by others (cross-fitted).
        plates: Number of plates.
        lists: The lists, by name.

    Raises:
        ValueError: an error outside [0, 1], or no plate.
    """

    scaling: Calibration
    ece_before: float
    ece_after: float
    plates: int
    lists: str

    def __post_init__(self) -> None:
        for name in ("ece_before", "ece_after"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected 0 to 1, received {getattr(self, name)}")
        if self.plates < 1:
            raise ValueError(f"plates: expected at least 1, received {self.plates}")

    @property
    def summary(self) -> str:
        """The errors, and on what."""
        return (
            f"expected calibration error {100 * self.ece_before:.2f}%, calibrated {100 * self.ece_after:.2f}% "
            f"(cross-fitted, on {self.plates} plates of {self.lists})"
        )

    def to_values(self) -> dict[str, Any]:
        """The two numbers of the scaling, and the figures, as YAML knows them."""
        record = dict(vars(self))
        return {**vars(record.pop("scaling")), **record}


class RecognitionMeaning:
    """What the files of a plate reader mean: logits for CTC."""

    name = "recognition"
    network = "LPRNet"
    purpose = "License plate reader"
    subject = "A plate crop"
    schema = RecognitionConfig
    settings = (*RecognitionConfig.MODEL_SETTINGS, "max_lp_length", "lpr_patterns", "quantization_aware")
    advice = Advice(
        ram="stem_pool_strides=(2, 2), fewer stem_filters, a smaller input_shape",
        flash='a smaller width_multiplier, global_context="convolutional"',
    )

    def preprocessing(self, config: RecognitionConfig) -> Preprocessing:
        """How a crop becomes the network's input."""
        return config.preprocessing

    def output(self, config: RecognitionConfig) -> OutputMeaning:
        """Logits, a class for each symbol and the blank."""
        vocabulary = config.vocabulary()
        return OutputMeaning(
            "logits",
            f"Scores of the classes at each time step, not softmaxed, for CTC; the blank is class "
            f"{vocabulary.blank_index}.",
            ("batch", "time", "classes"),
            (*vocabulary.classes, BLANK),
        )

    def facts(self, config: RecognitionConfig) -> Mapping[str, Any]:
        """The decoder, the classes and what texts are legal."""
        vocabulary = config.vocabulary()
        return {
            "decoder": "CTC best path: drop repeats, then blanks; logits (batch, time, classes), not softmaxed",
            "blank_index": vocabulary.blank_index,
            "classes": [*vocabulary.classes, BLANK],
            "patterns": list(config.lpr_patterns),
        }

    def parse_measurement(self, values: Any) -> Measurement:
        """Reads LP-RR."""
        interval = values["lp_rr_interval"]
        return Measurement(**values | {"lp_rr_interval": None if interval is None else tuple(interval)})

    def parse_calibration(self, values: Any) -> CalibrationRecord:
        """Reads the calibration of the confidences."""
        numbers = ("slope", "offset", "ece_before", "ece_after")
        if not isinstance(values, dict) or set(values) != {*numbers, "plates", "lists"}:
            raise ValueError(f"calibration: expected {', '.join(numbers)}, plates and lists, received {values}")
        for name in numbers:
            if not isinstance(values[name], (int, float)) or isinstance(values[name], bool):
                raise ValueError(f"calibration: {name}: expected a number, received {values[name]!r}")
        slope, offset, before, after = (float(values[name]) for name in numbers)
        return CalibrationRecord(Calibration(slope, offset), before, after, int(values["plates"]), str(values["lists"]))


RECOGNITION = RecognitionMeaning()


def read_description(path: str | Path) -> ModelDescription[RecognitionConfig] | None:
    """Reads what a plate reader's `.tflite` says of itself; see `description.read_description`."""
    return description.read_description(path, [RECOGNITION])


def scaling_of(described: ModelDescription[RecognitionConfig] | None) -> Calibration | None:
    """What the confidences of a file are calibrated with; None where they are the plain probabilities."""
    record = None if described is None else described.calibration
    return record.scaling if isinstance(record, CalibrationRecord) else None


def measurement_of(described: ModelDescription[RecognitionConfig] | None) -> Measurement | None:
    """How well a file reads, where it says so."""
    record = None if described is None else described.measurement
    return record if isinstance(record, Measurement) else None
