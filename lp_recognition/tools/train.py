"""What the scripts that train do behind their command lines, of whatever task."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lp_recognition.system.native_log import import_quietly

if TYPE_CHECKING:
    from lp_recognition.settings.detection import DetectionConfig
    from lp_recognition.settings.recognition import RecognitionConfig


def train(config: RecognitionConfig | DetectionConfig, init_checkpoint: str = "") -> int:
    """Trains what a config asks for and prints how it ended.

    Args:
        config: The settings.
        init_checkpoint: A checkpoint whose weights it starts from; empty for random ones.

    Returns:
        The exit status: 130 where Ctrl-C ended it before its last step.

    Raises:
        UserError: as of the task's training.
    """
    from lp_recognition.system.keras_environment import backend_name

    if sys.stderr.isatty():  # it takes some seconds, and whoever watches shall know
        print(f"model_dir: {config.model_dir}; starting {backend_name()} ...", file=sys.stderr)
    result = import_quietly(f"lp_recognition.training.{config.task}").train(config, init_checkpoint)
    print(result.describe(config))
    return 0 if result.finished else 130
