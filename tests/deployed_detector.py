"""One small detector in every form that is deployed, made in seconds: random weights, and outputs of all ranges."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np

from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.system.native_log import import_quietly

CONFIG = DetectionConfig(
    input_shape=(96, 128, 1), stages=((8, 1), (12, 1), (16, 1), (16, 1)), head_filters=16, kernel_size=3,
    quantization_aware=True,
)  # fmt: skip


@functools.cache
def folder() -> Path:
    """A folder with `model.ckpt-7.ckpt`, its ranges learnt from noise."""
    import_quietly("tensorflow")
    from lp_recognition.model_files.checkpoints import model_arrays, save_checkpoint
    from lp_recognition.networks.detection import lpdnet_of

    path = Path(tempfile.mkdtemp(prefix="detector"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    model = lpdnet_of(CONFIG, quantized=True)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith("kernel"):  # Keras draws them from a seed of its own
            weight.assign(rng.normal(0, np.sqrt(2 / np.prod(weight.shape[:-1])), weight.shape))
        elif weight.path.endswith("beta"):
            weight.assign(rng.normal(0, 2.5 if "cells" in weight.path else 0.1, weight.shape))
    pixels = rng.integers(0, 256, (8, *CONFIG.input_shape), np.uint8)
    model(CONFIG.preprocessing.normalize(pixels), training=True)
    save_checkpoint(path / "model.ckpt-7.ckpt", 7, CONFIG, model_arrays(model))
    return path


@functools.cache
def exported_detector() -> Path:
    """A folder with graph_uint8, graph_int8 and graph_float .tflite."""
    from lp_recognition.export.detection import DetectionExport
    from lp_recognition.export.exporting import export_checkpoint

    out = folder() / "out"
    kinds = ("uint8", "int8", "float")
    export_checkpoint(DetectionExport(), folder() / "model.ckpt-7.ckpt", CONFIG, out, kinds=kinds)
    return out
