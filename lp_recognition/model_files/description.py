"""What a deployed file says of itself: alphabet, blank, input, value range, patterns, decoder, how well it reads, and
the calibration of its confidences.

The description is YAML. A `.tflite` carries it as a file in the ZIP archive at its end, which is where TFLite metadata
keeps the files that belong to a model: `unzip -p graph.tflite lp_recognition.yaml` prints it, and the light install
reads it. A frozen graph carries it as a constant, and beside either file lies a twin, `graph.yaml`.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lp_recognition.settings.loading import dump_settings, refuse_other_model
from lp_recognition.settings.recognition import RecognitionConfig, parse_config
from lp_recognition.system.errors import ConfigError, ModelError
from lp_recognition.texts.calibration import Calibration

#: The description among the files at the end of a `.tflite`.
DESCRIPTION_FILE = "lp_recognition.yaml"
#: How the blank is written among the classes.
BLANK = "<blank>"

_FORMAT = 1
_SETTINGS = (*RecognitionConfig.MODEL_SETTINGS, "max_lp_length", "lpr_patterns", "quantization_aware")
_LARGEST = 1_000_000


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


@dataclass(frozen=True)
class ModelDescription:
    """What a deployed file says of itself.

    Attributes:
        config: The settings of the model and its patterns; the sections for training and measuring are the defaults.
        kind: `uint8`, `int8` or `float` of a `.tflite`, `graph` of a frozen graph.
        made_by: `quantization-aware training`, `quantization after training` or `float`.
        step: Training steps of the checkpoint.
        config_sha256: Hash of the whole recorded config, as hexadecimal digits.
        measurement: How well it reads, where that is known.
        calibration: That of its confidences; None where they are plain probabilities.
    """

    config: RecognitionConfig
    kind: str
    made_by: str
    step: int
    config_sha256: str
    measurement: Measurement | None = None
    calibration: CalibrationRecord | None = None

    @property
    def scaling(self) -> Calibration | None:
        """What its confidences are calibrated with, where they are."""
        return None if self.calibration is None else self.calibration.scaling

    def to_yaml(self) -> str:
        """The description as text, which `parse_description` reads back."""
        config, preprocessing, vocabulary = self.config, self.config.preprocessing, self.config.vocabulary()
        height, width, channels = config.input_shape
        gray = channels == 1 or config.convert_to_gray
        measured: dict[str, Any] | None = None
        if self.measurement is not None:
            measured = dict(vars(self.measurement))
            if self.measurement.lp_rr_interval is not None:
                measured["lp_rr_interval"] = list(self.measurement.lp_rr_interval)
        # Left out where there is none. A reader that knows no calibration passes over it, so the format stays 1.
        calibration: dict[str, Any] = {}
        if self.calibration is not None:
            record = dict(vars(self.calibration))
            calibration["calibration"] = {**vars(record.pop("scaling")), **record}
        settings = config.model_dump(mode="json", include=set(_SETTINGS))
        values = {
            "lp_recognition": _FORMAT,
            "kind": self.kind,
            "made_by": self.made_by,
            "input": {
                "size": {"height": height, "width": width, "channels": channels},
                "color_order": "gray" if channels == 1 else "BGR",
                "gray": gray,
                "value_range": [round(value, 6) for value in preprocessing.value_range],
                "mean_value": preprocessing.zero_point,
                "std_dev_value": round(1 / preprocessing.scale),
            },
            "decoder": "CTC best path: drop repeats, then blanks; logits (batch, time, classes), not softmaxed",
            "blank_index": vocabulary.blank_index,
            "classes": [*vocabulary.classes, BLANK],
            "patterns": list(config.lpr_patterns),
            "measured": measured,
            **calibration,
            "training_steps": self.step,
            "config_sha256": self.config_sha256,
            "settings": {key: settings[key] for key in _SETTINGS},
        }
        return yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=120, default_flow_style=None)


def config_sha256(config: RecognitionConfig) -> str:
    """The hash of a whole config as it is recorded in `config.yaml`."""
    return hashlib.sha256(dump_settings(config).encode("utf-8")).hexdigest()


def parse_description(text: str, source: str) -> ModelDescription:
    """Reads a description; `source` is for messages.

    Raises:
        ModelError: it is of another format or broken.
    """
    try:
        values = yaml.safe_load(text)
        if values["lp_recognition"] != _FORMAT:
            raise ModelError(
                f"{source}: expected a description of format {_FORMAT}, received {values['lp_recognition']}"
            )
        config = parse_config(yaml.safe_dump(values["settings"], allow_unicode=True), f"{source}: description")
        config.vocabulary()
        measured = values["measured"]
        if measured is not None:
            interval = measured["lp_rr_interval"]
            measured = Measurement(**measured | {"lp_rr_interval": None if interval is None else tuple(interval)})
        return ModelDescription(
            config, str(values["kind"]), str(values["made_by"]), int(values["training_steps"]),
            str(values["config_sha256"]), measured, _parse_calibration(values.get("calibration")),
        )  # fmt: skip
    except (yaml.YAMLError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{source}: expected a description of the model, received a broken one ({reason})") from None


def _parse_calibration(values: Any) -> CalibrationRecord | None:
    if values is None:
        return None
    numbers = ("slope", "offset", "ece_before", "ece_after")
    if not isinstance(values, dict) or set(values) != {*numbers, "plates", "lists"}:
        raise ValueError(f"calibration: expected {', '.join(numbers)}, plates and lists, received {values}")
    for name in numbers:
        if not isinstance(values[name], (int, float)) or isinstance(values[name], bool):
            raise ValueError(f"calibration: {name}: expected a number, received {values[name]!r}")
    slope, offset, before, after = (float(values[name]) for name in numbers)
    return CalibrationRecord(Calibration(slope, offset), before, after, int(values["plates"]), str(values["lists"]))


def read_description(path: str | Path) -> ModelDescription | None:
    """Reads what a `.tflite` says of itself; None where it says nothing.

    Raises:
        ModelError: the file is missing, or its description is broken.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if DESCRIPTION_FILE not in archive.namelist():
                return None
            if archive.getinfo(DESCRIPTION_FILE).file_size > _LARGEST:
                raise ModelError(f"{path}: expected a description of at most {_LARGEST} bytes, received a larger one")
            text = archive.read(DESCRIPTION_FILE).decode("utf-8")
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, RuntimeError):  # no archive, or a broken one
        return None
    except OSError as error:
        raise ModelError(f"{path}: expected a .tflite file, received an error: {error.strerror}") from None
    return parse_description(text, str(path))


def settle_config(
    path: str | Path, description: ModelDescription | None, config: RecognitionConfig | None
) -> RecognitionConfig:
    """The settings to read a model by: the file's own, the given ones, or both where they agree.

    Raises:
        ConfigError: neither is there, or they disagree: by name, each setting of the model that differs.
    """
    if description is None:
        if config is None:
            raise ConfigError(
                f"{path}: carries no description of its alphabet and input, and no config was given; add --config with "
                "the config.yaml recorded beside the model, or export the file with export_frozen_graph.py --tflite"
            )
        return config
    if config is None:
        return description.config
    refuse_other_model(config, description.config, str(path))
    return config.with_values(alphabet=description.config.alphabet)
