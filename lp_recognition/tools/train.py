"""What the scripts that train do behind their command lines, of whatever task."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from lp_recognition.system.native_log import import_quietly
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.settings.detection import DetectionConfig
    from lp_recognition.settings.recognition import RecognitionConfig

# Worker processes import the script, and so this module, first: in each Grain complains of a profiler that need not be.
logging.getLogger("absl").setLevel(logging.ERROR)


def training_parser(doc: str | None) -> ScriptParser:
    """The parser of a script that trains: `config [key=value ...] [--init_checkpoint FILE]`."""
    parser = ScriptParser(doc)
    parser.add_config("train.batch_size=64")
    parser.add_argument("--init_checkpoint", default="", help="start from its weights instead of at random")
    return parser


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
