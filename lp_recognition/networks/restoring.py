"""Networks filled from checkpoints, as chips have them."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import keras

from lp_recognition.images.image import Preprocessing
from lp_recognition.model_files.checkpoints import Checkpoint, restore_model
from lp_recognition.networks.integers import round_biases

Contra = TypeVar("Contra", contravariant=True)


class Build(Protocol[Contra]):
    """Builds the network of a config, with or without quantizers."""

    def __call__(self, config: Contra, *, quantized: bool, per_channel: bool | None) -> keras.Model:
        """The network, with the weights it begins with."""


def restored(
    checkpoint: Checkpoint[Any], build: Build[Any], *, quantized: bool | None = None, per_channel: bool | None = None
) -> keras.Model:
    """Builds the network of a checkpoint and fills it.

    Args:
        checkpoint: What to restore.
        build: Builds the network of its config.
        quantized: With or without quantizers; None has them once the ranges were learnt.
        per_channel: One scale for each output channel of a kernel; None does as the training did.

    Raises:
        ModelError: the weights do not fit the recorded config.
    """
    quantized = checkpoint.quantized if quantized is None else quantized
    model = build(checkpoint.config, quantized=quantized, per_channel=per_channel)
    return restore(model, checkpoint, checkpoint.config.preprocessing)


def restore(model: keras.Model, checkpoint: Checkpoint, preprocessing: Preprocessing) -> keras.Model:
    """Fills a network that was just built; where it has quantizers, its biases become whole steps, as a chip has them.

    Args:
        model: The network, with or without quantizers.
        checkpoint: Whose weights it gets.
        preprocessing: Whose pixels are the first layer's input.

    Returns:
        The network.

    Raises:
        ModelError: the weights are those of another network.
    """
    restore_model(model, checkpoint, whole=False)
    round_biases(model, preprocessing)
    return model
