"""Networks filled from checkpoints."""

from __future__ import annotations

import keras

from lp_recognition.model_files.checkpoints import Checkpoint, restore_model
from lp_recognition.networks.integers import round_biases
from lp_recognition.networks.lprnet import Architecture, build_lprnet
from lp_recognition.networks.quantization import ActivationQuantizer, QuantizableUnit


def restored_lprnet(
    checkpoint: Checkpoint, *, quantized: bool | None = None, per_channel: bool | None = None
) -> keras.Model:
    """Builds the model of a checkpoint and fills it; biases are whole steps, as a chip has them, where it is quantized.

    Args:
        checkpoint: What to restore.
        quantized: With or without quantizers; None has them once the ranges were learnt.
        per_channel: One scale for each output channel of a kernel; None does as the training did.

    Raises:
        ModelError: the weights do not fit the recorded config.
    """
    config = checkpoint.config
    quantized = checkpoint.quantized if quantized is None else quantized
    per_channel = config.quantize_per_channel if per_channel is None else per_channel
    architecture = Architecture.from_config(config, checkpoint.config.vocabulary().num_classes)
    model = build_lprnet(architecture, quantization_aware=quantized, per_channel=per_channel)
    restore_model(model, checkpoint, whole=False)
    if quantized:
        round_biases(model, config.preprocessing)
    return model


def make_constant(model: keras.Model) -> None:
    """Folds every unit of a model into plain numbers, for export; the model can no longer be trained."""
    for layer in model.layers:
        if isinstance(layer, (QuantizableUnit, ActivationQuantizer)):
            layer.make_constant()
