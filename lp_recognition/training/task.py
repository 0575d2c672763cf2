"""What the training loop asks of a task: a model, batches, a loss, one headline figure, and what to show.

The loop knows phases, checkpoints, resuming and quantization; a task knows what it is that is learnt. `recognition` is
one; who writes another needs to write no more than this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import keras

from lp_recognition.images.image import Image
from lp_recognition.model_files.checkpoints import Checkpoint
from lp_recognition.settings.training import ListedConfig, PlatesConfig, TrainedConfig
from lp_recognition.system.errors import ConfigError


@dataclass(frozen=True)
class Evaluation:
    """How a model does in the middle of its training.

    Attributes:
        headline: The one figure that decides which checkpoint is best: the larger, the better.
        summary: The same in a line for a person.
        scalars: Figures for TensorBoard by name, which gets `evaluation/` before it.
        pictures: Pictures for TensorBoard by name, uint8 BGR.
        details: Whatever the task's own callers want of it.
    """

    headline: float
    summary: str
    scalars: Mapping[str, float] = field(default_factory=dict)
    pictures: Mapping[str, Image] = field(default_factory=dict)
    details: Any = None


@dataclass(frozen=True)
class Teacher:
    """A trained model that another one learns from.

    Attributes:
        model: From the student's inputs to outputs of the student's shape; it learns nothing.
        distance: From the teacher's outputs and the student's to a scalar of the size of the task's loss.
    """

    model: keras.Model
    distance: Callable[[Any, Any], Any]


class Task(Protocol):
    """One thing to train.

    Attributes:
        config: The settings, with all that only the data could tell: they are what is recorded.
        watched: Keras' name of each figure of a step that is shown, and what to call it. The first one is the loss of
            the labels, and stands on the progress bar.
    """

    @property
    def config(self) -> TrainedConfig:
        """The settled settings."""

    @property
    def watched(self) -> Mapping[str, str]:
        """Figures of a step: Keras' name, and the one to show."""

    def announce(self, model: keras.Model) -> Sequence[str]:
        """Lines that say, before the first step, what is trained on what; `model` is that of the step."""

    def network(self, *, quantized: bool) -> keras.Model:
        """Builds the network, with or without quantizers; weights have the same names in both."""

    def teacher(self) -> Teacher | None:
        """The teacher that `train.teacher` names."""

    def loss(self) -> Any:
        """The loss, as Keras' `compile` takes it."""

    def metrics(self) -> Any:
        """What else is watched, as Keras' `compile` takes it."""

    def batches(self, start: int, stop: int) -> Iterable[Any]:
        """Batches number `start` to `stop`, the same ones for the same numbers."""

    def initialize(self, model: keras.Model, checkpoint: Checkpoint) -> None:
        """Starts a model from the checkpoint of another training."""

    def evaluate(self, model: keras.Model) -> Evaluation | None:
        """Measures a model; None where there is nothing to measure it on."""

    def alarm(self, means: Mapping[str, float], steps: int) -> str:
        """A warning where the means of watched figures, after so many steps, say that all is not well; else empty."""


ConfigOf = TypeVar("ConfigOf", bound=TrainedConfig)
#: Makes a task of its settings and of the checkpoint that a training goes on from, if any; refuses what would spoil it.
TaskMaker = Callable[[ConfigOf, "Checkpoint[ConfigOf] | None"], Task]


def check_lists(train: PlatesConfig, measured: ListedConfig, noun: str) -> None:
    """Refuses a training without anything to train on, or to measure on where that decides when it ends.

    Warns of lists that no batch takes anything from, as all is drawn.

    Args:
        train: The section `train`.
        measured: The section `eval`.
        noun: What a row of a list shows, in the plural.

    Raises:
        ConfigError: there is no such list.
    """
    if not train.file_list_path and train.generated_share < 1:
        raise ConfigError(
            f"train.file_list_path: expected a list of {noun}, received none; name one, or set "
            f"train.generated_share=1 to train on drawn {noun} alone"
        )
    if train.early_stopping and not measured.file_list_path and train.generated_share == 0:
        raise ConfigError(
            f"train.early_stopping: expected {noun} to measure on, received no eval.file_list_path; name one, or "
            "leave early stopping out"
        )
    if train.file_list_path and train.generated_share == 1:
        print(
            "warning: train.file_list_path is passed over: train.generated_share=1 draws all; "
            "train.generated_share=0.5 mixes listed and drawn ones half and half, 0 takes listed ones alone",
            file=sys.stderr,
        )


def tell_skipped(problems: Sequence[str], left: int) -> None:
    """Says which rows of the lists are left out, and how many are left."""
    for problem in problems[:5]:
        print(f"skipped: {problem}", file=sys.stderr)
    if problems:
        print(f"skipped {len(problems)} bad rows, {left} are left", file=sys.stderr)
