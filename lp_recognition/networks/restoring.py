"""Networks filled from checkpoints."""

from __future__ import annotations

import keras

from lp_recognition.model_files.checkpoints import Checkpoint, restore_model
from lp_recognition.networks.lprnet import Architecture, build_lprnet
from lp_recognition.networks.quantization import ActivationQuantizer, QuantizableUnit


def restored_lprnet(checkpoint: Checkpoint) -> keras.Model:
    """Builds the model of a checkpoint and fills it: quantization-aware once its ranges were learnt.

    Raises:
        ModelError: the weights do not fit the recorded config.
    """
    config = checkpoint.config
    architecture = Architecture.from_config(config, checkpoint.vocabulary.num_classes)
    model = build_lprnet(architecture, quantization_aware=checkpoint.quantized, per_channel=config.quantize_per_channel)
    restore_model(model, checkpoint, whole=False)
    return model


def make_constant(model: keras.Model) -> None:
    """Folds every unit of a model into plain numbers, for export; the model can no longer be trained."""
    for layer in model.layers:
        if isinstance(layer, (QuantizableUnit, ActivationQuantizer)):
            layer.make_constant()
