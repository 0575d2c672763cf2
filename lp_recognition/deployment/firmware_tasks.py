"""The tasks whose files become C for firmware, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lp_recognition.deployment import detection_c, recognition_c
from lp_recognition.deployment.task import FirmwareTask

FIRMWARE_TASKS: Mapping[str, FirmwareTask[Any]] = {
    task.meaning.name: task for task in (recognition_c.FIRMWARE, detection_c.FIRMWARE)
}
