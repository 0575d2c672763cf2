"""The network of a plate detector: built of its settings, or filled from a checkpoint."""

from __future__ import annotations

from typing import Any

import keras

from lp_recognition.model_files.checkpoints import Checkpoint
from lp_recognition.networks.lpdnet import build_lpdnet
from lp_recognition.networks.restoring import restored
from lp_recognition.settings.detection import DetectionConfig


def lpdnet_of(
    config: DetectionConfig, *, quantized: bool, per_channel: bool | None = None, **options: Any
) -> keras.Model:
    """Builds the network of a config.

    Args:
        config: Its settings.
        quantized: With or without quantizers.
        per_channel: One scale for each output channel of a kernel; None does as the config says.
        options: Further ones of `build_lpdnet`, for training.
    """
    if per_channel is not None:
        config = config.with_values(quantize_per_channel=per_channel)
    return build_lpdnet(config, quantization_aware=quantized, **options)


def restored_lpdnet(
    checkpoint: Checkpoint[DetectionConfig], *, quantized: bool | None = None, per_channel: bool | None = None
) -> keras.Model:
    """Builds the network of a checkpoint and fills it; see `restoring.restored`."""
    return restored(checkpoint, lpdnet_of, quantized=quantized, per_channel=per_channel)
