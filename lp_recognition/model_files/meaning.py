"""What a deployed file asks of the task it was made for: what its input and output mean, and which settings go with it.

Descriptions, metadata, export and reports know files; a task knows what is in them. `recognition` is one; who writes
another needs to write no more than this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lp_recognition.images.image import Preprocessing
from lp_recognition.settings.loading import Schema


class Record(Protocol):
    """Figures of one file that its description keeps: how well it does, or what its confidences are worth."""

    @property
    def summary(self) -> str:
        """The figures in a line for a person."""

    def to_values(self) -> dict[str, Any]:
        """The figures as YAML knows them."""


@dataclass(frozen=True)
class OutputMeaning:
    """What the output of a network means.

    Attributes:
        name: Its name, such as `scores`.
        text: What it is, in a sentence for a stranger.
        axes: The names of its axes, the batch first.
        labels: What the places along its last axis stand for; empty where they have no names.
    """

    name: str
    text: str
    axes: tuple[str, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advice:
    """What makes a network of a task smaller, in the words of its settings.

    Attributes:
        ram: What stores less between layers.
        flash: What takes fewer weights.
    """

    ram: str = "pool or stride earlier, fewer filters, a smaller input"
    flash: str = "fewer filters, or fewer layers"


#: For a network of nobody knows what.
ANY_NETWORK = Advice()


class Meaning(Protocol[Schema]):
    """What files of one task mean.

    Attributes:
        name: The task, as a description names it.
        network: What the network is called.
        purpose: What it does, in a few words.
        subject: What an input image shows, such as `A plate crop`.
        schema: That of the task's settings.
        settings: The settings that using a file needs; `section.name` is one of a section.
        advice: What makes the network smaller.
    """

    name: str
    network: str
    purpose: str
    subject: str
    schema: type[Schema]
    settings: tuple[str, ...]
    advice: Advice

    def preprocessing(self, config: Schema) -> Preprocessing:
        """How an image becomes the network's input."""

    def output(self, config: Schema) -> OutputMeaning:
        """What the network gives. Raises a `UserError` where the settings do not say."""

    def facts(self, config: Schema) -> Mapping[str, Any]:
        """What else a stranger needs to use the output, as YAML knows it."""

    def parse_measurement(self, values: Any) -> Record:
        """Reads what `Record.to_values` wrote; raises a `ValueError`, `TypeError` or `KeyError` where it is broken."""

    def parse_calibration(self, values: Any) -> Record:
        """The same for the calibration of confidences."""
