"""What several command lines are told alike: which model by which settings, and how to crop."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lp_recognition.system.errors import ConfigError
from lp_recognition.system.options import ScriptParser, default_workers, parse_share, parse_size


@dataclass(frozen=True)
class ModelArguments:
    """What a command line says of a model and what to do with it.

    Attributes:
        config: The settings, with those that the command line changes.
        source: How the config was named, for messages.
        checkpoint: What `--checkpoint` names; empty where it is not given.
        model: What `--model` names; empty where it is not given.
        more: What other options received.
    """

    config: Any
    source: str
    checkpoint: str
    model: str
    more: argparse.Namespace

    def find_model(self, checkpoint: str) -> str | Path:
        """The model to open: the one named here, else the checkpoint that the settings name, else that of `model_dir`.

        Args:
            checkpoint: `eval.checkpoint` or `infer.checkpoint`; may be empty.

        Raises:
            ModelError: there is none.
        """
        from lp_recognition.model_files.checkpoints import find_checkpoint

        return self.model or find_checkpoint(self.config, self.checkpoint or checkpoint)

    def lacks(self, setting: str, expected: str, example: str) -> ConfigError:
        """The error of a setting that nothing can be done without."""
        return ConfigError(f"{self.source}: {setting}: expected {expected}, received none; add {setting}={example}")


def parse_model_arguments(
    argv: Sequence[str] | None,
    description: str | None,
    example: str,
    task: str = "recognition",
    add_more: Callable[[ScriptParser], object] = lambda parser: None,
) -> ModelArguments:
    """Reads a command line `config [key=value ...] [--checkpoint FILE | --model FILE]`.

    The name of a shipped model stands for the settings that it carries, and for the model where no other is named.

    Args:
        argv: The words; None takes those of the process.
        description: The script's docstring, which is its `--help`.
        example: A setting to change, for `--help`.
        task: What the config is of: `recognition` or `detection`.
        add_more: Adds other options.

    Raises:
        ConfigError: the config, or a setting that is changed, is wrong.
        ModelError: as of `shipped_config`.
    """
    parser = ScriptParser(description)
    parser.add_config(example, also=", or a shipped model's name, which is then the model")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--checkpoint", default="", help="a checkpoint, .ckpt")
    which.add_argument(
        "--model", default="", help="a checkpoint, a frozen graph (.pb, .frozen), a .tflite or a shipped one's name"
    )
    add_more(parser)
    arguments = parser.parse_intermixed_args(argv)

    from lp_recognition.settings.loading import override

    shipped = shipped_config(arguments.config, task)
    if shipped is None:
        load_config = importlib.import_module(f"lp_recognition.settings.{task}").load_config
        config, model = load_config(arguments.config, arguments.overrides), arguments.model
    else:
        config = override(shipped, arguments.overrides)
        model = "" if arguments.checkpoint else arguments.model or arguments.config
    return ModelArguments(config, arguments.config, arguments.checkpoint, model, arguments)


def shipped_config(name: str, task: str | None = None) -> Any:
    """The settings of a shipped model of that name; None where a file or a folder is named.

    Args:
        name: What stands in a config's place.
        task: What the model has to be for: `recognition` or `detection`; None for either.

    Raises:
        ModelError: there is neither a config nor a shipped model of that name; or it is for another task.
    """
    from lp_recognition.model_files.description import task_of
    from lp_recognition.model_files.pretrained import find_model, is_name

    if Path(name).exists() or not is_name(name):
        return None
    path = find_model(name, task, other="a config")
    task = task or task_of(path)
    description = importlib.import_module(f"lp_recognition.model_files.{task}").read_description(path)
    return None if description is None else description.config


def add_crops(parser: ScriptParser, margin: str) -> None:
    """Adds what the converters that cut plates out of photographs are told alike; `margin` is of what, for the help."""
    parser.add_argument("--size", type=parse_size, metavar="HxW", help="height and width of crops (as in the image)")
    parser.add_argument("--margin", type=parse_share, default=0.1, help=f"share of a {margin} to add around it (0.1)")
    parser.add_argument("--format", choices=("jpg", "png"), default="jpg", help="format of the crops (%(default)s)")
    parser.add_argument("--workers", type=int, default=default_workers(), help="processes (%(default)s)")
