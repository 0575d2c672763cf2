"""The tasks that configs may be of, and which one a config is of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.settings.loading import load_settings, raw_settings
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError, did_you_mean

_SCHEMAS: dict[str, type[RecognitionConfig] | type[DetectionConfig]] = {
    "recognition": RecognitionConfig, "detection": DetectionConfig,
}  # fmt: skip


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> RecognitionConfig | DetectionConfig:
    """Loads a config of the task that its `task` names: reading plates, where it names none.

    Raises:
        ConfigError: as `loading.load_settings`, or a task that there is not.
    """
    task = raw_settings(path).get("task", "recognition")
    if task not in _SCHEMAS:
        hint = did_you_mean(str(task), _SCHEMAS)
        raise ConfigError(f"{path}: task: expected one of {', '.join(_SCHEMAS)}, received {task!r}.{hint}")
    return load_settings(_SCHEMAS[task], path, overrides)
