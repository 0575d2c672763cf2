"""What a comparison of files asks of a task: how an output is read, judged and shown.

`recognition` is one; who writes another needs to write no more than this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lp_recognition.evaluation.opening import GraphReader, Opened
from lp_recognition.images.image import Image
from lp_recognition.model_files.meaning import Meaning
from lp_recognition.settings.loading import Schema
from lp_recognition.system.native_log import import_quietly


def graph_reader(meaning: Meaning[Any]) -> GraphReader:
    """Reads frozen graphs of a task, by TensorFlow, which is imported with the first."""
    return lambda path: import_quietly("lp_recognition.export.frozen_graph").FrozenGraph(path, [meaning])


@dataclass(frozen=True)
class Score:
    """How well a model did on a list.

    Attributes:
        value: The headline figure, in [0, 1].
        interval: Its 95% confidence interval.
        right: Whether each reading is right.
    """

    value: float
    interval: tuple[float, float]
    right: Sequence[bool]


class Subject(Protocol):
    """A list on which forms of one model are held against each other."""

    @property
    def images(self) -> Image:
        """The images, prepared for the network: uint8 `(n, height, width, channels)`."""

    @property
    def names(self) -> Sequence[str]:
        """Their files."""

    @property
    def labels(self) -> Sequence[str]:
        """What is right on each, in words."""

    def read(self, outputs: NDArray[np.float32]) -> Sequence[Any]:
        """What a model says of images, by its outputs for them: a reading for each."""

    def differ(self, one: Any, other: Any) -> bool:
        """Whether two readings of an image are not the same."""

    def show(self, reading: Any) -> str:
        """A reading in words."""

    def judge(self, readings: Sequence[Any]) -> Score:
        """How many of the readings of all images are right."""


class ComparisonTask(Protocol[Schema]):
    """One kind of network whose forms are compared."""

    @property
    def meaning(self) -> Meaning[Schema]:
        """What its files mean."""

    @property
    def headline(self) -> str:
        """What the headline figure is called."""

    @property
    def noun(self) -> str:
        """What an image shows, in the plural."""

    def open(self, path: str | Path, config: Schema) -> Opened:
        """Opens a checkpoint, a frozen graph or a `.tflite`. Raises a `UserError` where it is broken or another one."""

    def subject(self, reference: Schema, config: Schema, lists: Sequence[str], most: int | None) -> Subject:
        """Reads lists.

        Args:
            reference: The settled settings of the model that the others are held against.
            config: What the user asks for: how to judge.
            lists: The lists.
            most: Take so many images, spread over them; None for all.
        """

    def float_network(self, path: str | Path) -> Any:
        """The Keras model of a checkpoint, without quantizers."""
