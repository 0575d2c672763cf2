"""The tasks that configs may be of, and which one a config is of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.settings.loading import merge_layers
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.settings.sources import read_layers
from lp_recognition.system.errors import ConfigError, did_you_mean

_SCHEMAS: dict[str, type[RecognitionConfig] | type[DetectionConfig]] = {
    "recognition": RecognitionConfig, "detection": DetectionConfig,
}  # fmt: skip


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> RecognitionConfig | DetectionConfig:
    """Loads a config of the task that its `task` names: reading plates, where it names none.

    Raises:
        ConfigError: as `loading.load_settings`, or a task that there is not.
    """
    layers = read_layers(path)
    task = next((layer.values["task"] for layer in reversed(layers) if "task" in layer.values), "recognition")
    if not isinstance(task, str) or task not in _SCHEMAS:
        hint = did_you_mean(str(task), _SCHEMAS)
        raise ConfigError(f"{path}: task: expected one of {', '.join(_SCHEMAS)}, received {task!r}.{hint}")
    return merge_layers(_SCHEMAS[task], layers, overrides)
