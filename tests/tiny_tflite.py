"""Small `.tflite` files for tests, built on the spot: a network whose reading of a picture is known beforehand."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest


@functools.cache
def tiny_tflite(
    kind: str = "uint8", input_shape: tuple[int, int, int] = (24, 48, 3), time_steps: int = 6, zero: float = -1.0
) -> bytes:
    """A file whose class at each of the time steps is the brightness of that part of the picture, in quarters.

    Logits `(1, time_steps, 5)`: black is class 0, white class 4, whatever the quantization.

    Args:
        kind: `float32`, or the type of input and output of a quantized file: `uint8`, `int8`.
        input_shape: Height, width, channels.
        time_steps: Parts that the width is cut into.
        zero: The real value of black, -1 or 0; white is 1.
    """
    tf = pytest.importorskip("tensorflow")
    height, width, channels = input_shape
    low = -128 / 127 if zero < 0 else 0.0
    # The class scores -(brightness - class / 4)^2 without the part that all classes share: linear in the brightness.
    centers = low + (1 - low) * np.arange(5, dtype=np.float32) / 4
    kernel = np.zeros((height, width // time_steps, channels, 5), np.float32) + 2 * centers / (
        height * (width // time_steps) * channels
    )

    @tf.function(input_signature=[tf.TensorSpec((1, *input_shape), tf.float32, name="input")])
    def network(images):
        scores = tf.nn.conv2d(images, kernel, (1, height, width // time_steps, 1), "VALID") - centers**2
        return tf.reshape(20 * scores, (1, time_steps, 5), name="Squeeze")

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        edges = [np.full((1, *input_shape), value, np.float32) for value in (low, 0.0, 1.0)]
        converter.representative_dataset = lambda: ([images] for images in edges)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses statistics of an input that has them
        return converter.convert()


if __name__ == "__main__":
    # `python tests/tiny_tflite.py model.tflite config.yaml`, for a stack that cannot build one itself.
    import sys
    from pathlib import Path

    from lp_recognition.settings.loading import save_settings
    from lp_recognition.settings.recognition import RecognitionConfig

    Path(sys.argv[1]).write_bytes(tiny_tflite())
    save_settings(RecognitionConfig(input_shape=(24, 48, 3), alphabet="ABCD"), sys.argv[2])
