"""What comparing files asks of a task, and what making C of them does: how an output is read, judged and shown.

`recognition` and `recognition_c` are such; who writes others needs to write no more than this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


@dataclass(frozen=True)
class CCheck:
    """An image in C and in Python.

    Attributes:
        name: Its file.
        expected: What Python makes of it, in words.
        received: What C makes of it.
        passed: Whether C computes of the same numbers what it should; where it does, the words may differ by rounding.
    """

    name: str
    expected: str
    received: str
    passed: bool


class FirmwareTask(Protocol[Schema]):
    """One kind of network whose files become C for firmware."""

    @property
    def meaning(self) -> Meaning[Schema]:
        """What its files mean."""

    @property
    def noun(self) -> str:
        """What an image of a list is called, in the plural."""

    def working_bytes(self, output: tuple[int, ...]) -> int:
        """Memory that the C takes beside the network, for an output of this shape: its stack and what it gives."""

    def export(
        self, model: str | Path, folder: Path, *, config: Schema | None = None, overwrite: bool = False
    ) -> list[tuple[Path, int]]:
        """Writes C for an integer `.tflite`.

        Args:
            model: The file, uint8 or int8 at its ends, or the name of a shipped one.
            folder: Where the sources go.
            config: The settings of the model; None for those that the file carries.
            overwrite: Replace files that are there.

        Returns:
            The files and their bytes.

        Raises:
            ModelError: the file is missing, broken, float, or of another type at input and output.
            ConfigError: it neither describes itself nor is there a config, or they disagree.
            UserError: files are in the way, or the folder cannot be written.
        """

    def check(
        self, model: str | Path, folder: Path, lists: Sequence[str], *, config: Schema | None = None
    ) -> Iterator[CCheck]:
        """Builds the sources of a folder on this machine and holds them against Python, image by image.

        Raises:
            UserError: there is no compiler, it refuses the sources, or a list is broken.
        """
