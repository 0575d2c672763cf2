"""Networks filled from checkpoints, as chips have them."""

from __future__ import annotations

import keras

from lp_recognition.images.image import Preprocessing
from lp_recognition.model_files.checkpoints import Checkpoint, restore_model
from lp_recognition.networks.integers import round_biases


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
