"""What a deployed file says of itself: its task, its input, what its output means, and how well it does.

The description is YAML. A `.tflite` carries it as a file in the ZIP archive at its end, which is where TFLite metadata
keeps the files that belong to a model: `unzip -p graph.tflite lp_recognition.yaml` prints it, and the light install
reads it. A frozen graph carries it as a constant, and beside either file lies a twin, `graph.yaml`.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import yaml

from lp_recognition.images.image import Preprocessing
from lp_recognition.model_files.meaning import Meaning, Record
from lp_recognition.settings.loading import Schema, Settings, dump_settings, parse_settings, settle_by_record
from lp_recognition.system.errors import ConfigError, ModelError

#: The description among the files at the end of a `.tflite`.
DESCRIPTION_FILE = "lp_recognition.yaml"

_FORMAT = 1
#: The task of the files that were made when there was no other.
_FIRST_TASK = "recognition"
_LARGEST = 1_000_000


@dataclass(frozen=True)
class ModelDescription(Generic[Schema]):
    """What a deployed file says of itself.

    Attributes:
        meaning: What files of its task mean.
        config: The settings that using it needs; the sections for training and measuring are the defaults.
        kind: `uint8`, `int8`, `float` or `float16` of a `.tflite`, `graph` of a frozen graph.
        made_by: `quantization-aware training`, `quantization after training` or `float`.
        step: Training steps of the checkpoint.
        config_sha256: Hash of the whole recorded config, as hexadecimal digits.
        measurement: How well it does, where that is known.
        calibration: That of its confidences; None where they are plain probabilities.
    """

    meaning: Meaning[Schema]
    config: Schema
    kind: str
    made_by: str
    step: int
    config_sha256: str
    measurement: Record | None = None
    calibration: Record | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes the input."""
        return self.meaning.preprocessing(self.config)

    @property
    def summary(self) -> str:
        """The description in a line for a person."""
        text = f"{self.kind}, {self.made_by}, {self.step} steps"
        return text if self.measurement is None else f"{text}; {self.measurement.summary}"

    def to_yaml(self) -> str:
        """The description as text, which `parse_description` reads back."""
        # Left out where there is none. A reader that knows no calibration passes over it, so the format stays 1.
        calibration = {} if self.calibration is None else {"calibration": self.calibration.to_values()}
        values = {
            "lp_recognition": _FORMAT,
            "task": self.meaning.name,
            "kind": self.kind,
            "made_by": self.made_by,
            "input": _input(self.preprocessing),
            **self.meaning.facts(self.config),
            "measured": None if self.measurement is None else self.measurement.to_values(),
            **calibration,
            "training_steps": self.step,
            "config_sha256": self.config_sha256,
            "settings": _chosen(self.config.model_dump(mode="json"), self.meaning.settings),
        }
        return yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=120, default_flow_style=None)


def _chosen(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Some of the settings; `section.name` is one of a section."""
    chosen: dict[str, Any] = {}
    for name in names:
        section, _, key = name.rpartition(".")
        if section:
            chosen.setdefault(section, {})[key] = settings[section][key]
        else:
            chosen[key] = settings[key]
    return chosen


def color_order(preprocessing: Preprocessing) -> str:
    """The order of an input's channels: `gray` or `BGR`."""
    return "gray" if preprocessing.input_shape[2] == 1 else "BGR"


def _input(preprocessing: Preprocessing) -> dict[str, Any]:
    height, width, channels = preprocessing.input_shape
    return {
        "size": {"height": height, "width": width, "channels": channels},
        "color_order": color_order(preprocessing),
        "gray": channels == 1 or preprocessing.convert_to_gray,
        "value_range": [round(value, 6) for value in preprocessing.value_range],
        "mean_value": preprocessing.zero_point,
        "std_dev_value": round(1 / preprocessing.scale),
    }


def config_sha256(config: Settings) -> str:
    """The hash of a whole config as it is recorded in `config.yaml`."""
    return hashlib.sha256(dump_settings(config).encode("utf-8")).hexdigest()


def parse_description(text: str, source: str, meanings: Sequence[Meaning[Schema]]) -> ModelDescription[Schema]:
    """Reads a description.

    Args:
        text: Its YAML.
        source: For messages.
        meanings: Those of the tasks that the caller can use.

    Raises:
        ModelError: it is of another format, of another task, or broken.
    """
    try:
        values = yaml.safe_load(text)
        if values["lp_recognition"] != _FORMAT:
            raise ModelError(
                f"{source}: expected a description of format {_FORMAT}, received {values['lp_recognition']}"
            )
        known, task = {meaning.name: meaning for meaning in meanings}, str(values.get("task", _FIRST_TASK))
        if task not in known:
            raise ModelError(f"{source}: expected a model for {' or '.join(known)}, received one for {task}")
        meaning = known[task]
        settings = yaml.safe_dump(values["settings"], allow_unicode=True)
        config = parse_settings(meaning.schema, settings, f"{source}: description")
        meaning.output(config)
        measured, calibration = values["measured"], values.get("calibration")
        return ModelDescription(
            meaning, config, str(values["kind"]), str(values["made_by"]), int(values["training_steps"]),
            str(values["config_sha256"]), None if measured is None else meaning.parse_measurement(measured),
            None if calibration is None else meaning.parse_calibration(calibration),
        )  # fmt: skip
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{source}: expected a description of the model, received a broken one ({reason})") from None


def read_description(path: str | Path, meanings: Sequence[Meaning[Schema]]) -> ModelDescription[Schema] | None:
    """Reads what a `.tflite` says of itself; None where it says nothing.

    Raises:
        ModelError: the file is missing, or its description is broken or of none of the tasks.
    """
    text = _read_text(path)
    return None if text is None else parse_description(text, str(path), meanings)


def task_of(path: str | Path) -> str | None:
    """The task that a `.tflite` is for, such as `detection`; None where it does not say.

    Raises:
        ModelError: the file is missing.
    """
    try:
        values = yaml.safe_load(_read_text(path) or "")
    except yaml.YAMLError:
        return None
    return str(values.get("task", _FIRST_TASK)) if isinstance(values, dict) else None


def _read_text(path: str | Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            if DESCRIPTION_FILE not in archive.namelist():
                return None
            if archive.getinfo(DESCRIPTION_FILE).file_size > _LARGEST:
                raise ModelError(f"{path}: expected a description of at most {_LARGEST} bytes, received a larger one")
            return archive.read(DESCRIPTION_FILE).decode("utf-8")
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, RuntimeError):  # no archive, or a broken one
        return None
    except OSError as error:
        raise ModelError(f"{path}: expected a .tflite file, received an error: {error.strerror}") from None


def settle_config(path: str | Path, description: ModelDescription[Schema] | None, config: Schema | None) -> Schema:
    """The settings to use a model by: the file's own, the given ones, or both where they agree.

    Raises:
        ConfigError: neither is there, or they disagree: by name, each setting of the model that differs.
    """
    if description is None:
        if config is None:
            raise ConfigError(
                f"{path}: carries no description of its input and output, and no config was given; add --config with "
                "the config.yaml recorded beside the model, or export the file with export_frozen_graph.py --tflite"
            )
        return config
    return settle_by_record(config, description.config, str(path))
