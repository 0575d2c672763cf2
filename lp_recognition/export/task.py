"""What an export asks of a task: its network, what its files mean, and how well one of them does.

`recognition` is one; who writes another needs to write no more than this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image
from lp_recognition.model_files.checkpoints import Checkpoint
from lp_recognition.model_files.meaning import Meaning, Record
from lp_recognition.settings.loading import Schema

#: Turns prepared images, uint8 `(n, height, width, channels)`, into the network's output for each, float32.
Predictor = Callable[[Image], NDArray[np.float32]]


class ExportTask(Protocol[Schema]):
    """One kind of network to export."""

    @property
    def meaning(self) -> Meaning[Schema]:
        """What its files mean."""

    def settled(self, config: Schema) -> Schema:
        """The config with what only a training would settle, as one would: for looking at a network before it."""

    def network(self, config: Schema, *, quantized: bool, per_channel: bool | None = None) -> keras.Model:
        """Builds the network of a config, with or without quantizers.

        Args:
            config: Settings with all that training settles.
            quantized: With quantizers.
            per_channel: One scale for each output channel of a kernel; None does as the config says.
        """

    def read_lists(self, lists: Sequence[str], config: Schema) -> Any:
        """Reads lists to measure on, for `measure` and `calibrate`; the config says how they are read and judged."""

    def measure(self, predict: Predictor, listed: Any) -> Record:
        """How well a file does on them."""

    def calibrate(self, predict: Predictor, listed: Any) -> Record:
        """What the confidences of a file are worth on them, and how to mend them."""

    def measured_in_training(self, checkpoint: Checkpoint[Schema]) -> Record | None:
        """How well the checkpoint did beside its training, where that was recorded."""

    def typical_images(self, lists: Sequence[str], config: Schema, most: int) -> Image:
        """At most so many images of lists, labels or not, spread evenly over them and prepared: uint8."""
