"""The network of a plate reader: built of its settings, or filled from a checkpoint."""

from __future__ import annotations

from typing import Any

import keras

from lp_recognition.model_files.checkpoints import Checkpoint
from lp_recognition.networks.lprnet import Architecture, build_lprnet
from lp_recognition.networks.restoring import restored
from lp_recognition.settings.recognition import RecognitionConfig


def lprnet_of(
    config: RecognitionConfig, *, quantized: bool, per_channel: bool | None = None, **options: Any
) -> keras.Model:
    """Builds the network of a config that states its alphabet.

    Args:
        config: Its settings.
        quantized: With or without quantizers.
        per_channel: One scale for each output channel of a kernel; None does as the config says.
        options: Further ones of `build_lprnet`, for training.
    """
    architecture = Architecture.from_config(config, config.vocabulary().num_classes)
    per_channel = config.quantize_per_channel if per_channel is None else per_channel
    return build_lprnet(architecture, quantization_aware=quantized, per_channel=per_channel, **options)


def restored_lprnet(
    checkpoint: Checkpoint[RecognitionConfig], *, quantized: bool | None = None, per_channel: bool | None = None
) -> keras.Model:
    """Builds the network of a checkpoint and fills it; see `restoring.restored`."""
    return restored(checkpoint, lprnet_of, quantized=quantized, per_channel=per_channel)
