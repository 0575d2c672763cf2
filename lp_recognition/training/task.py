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
from lp_recognition.settings.training import TrainedConfig


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


def warn_of_unread_lists(lists: Sequence[str], generated_share: float) -> None:
    """Warns of training lists that no batch takes anything from, as all is drawn."""
    if lists and generated_share == 1:
        print(
            "warning: train.file_list_path is passed over: train.generated_share=1 draws all; "
            "train.generated_share=0.5 mixes listed and drawn ones half and half, 0 takes listed ones alone",
            file=sys.stderr,
        )
