"""A detector whose findings are known beforehand, photographs that it finds plates in, and a reader that reads them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from tiny_plates import CONFIG, plate
from tiny_tflite import tiny_tflite

from lp_recognition.model_files.description import ModelDescription
from lp_recognition.model_files.detection import DETECTION
from lp_recognition.model_files.recognition import RECOGNITION
from lp_recognition.settings.detection import DetectionConfig

#: A cell every 8 pixels. A plate stands at the right of a cell that is blue.
DETECTOR_CONFIG = DetectionConfig(input_shape=(64, 96, 3), convert_to_gray=False, stages=((8, 1), (8, 1)))
CELL, PLATE_SIZE = 8, (24, 48)


@functools.cache
def tiny_detector() -> bytes:
    """A float `.tflite`, described, that finds a plate of 48x24 pixels at the right of each blue cell."""
    tf = pytest.importorskip("tensorflow")
    from lp_recognition.export.tflite import describe_tflite

    kernel = np.zeros((CELL, CELL, 3, 9), np.float32)
    kernel[:, :, 0, 0], kernel[:, :, 2, 0] = 20 / CELL**2, -20 / CELL**2  # blue less red
    left, right, top, bottom = 0.5, 0.5 + PLATE_SIZE[1] / CELL, -0.5, -0.5 + PLATE_SIZE[0] / CELL
    bias = np.array([-35, left, top, right, top, right, bottom, left, bottom], np.float32)

    @tf.function(input_signature=[tf.TensorSpec((1, *DETECTOR_CONFIG.input_shape), tf.float32, name="input")])
    def network(images):
        cells = tf.nn.conv2d(images, kernel, CELL, "VALID") + bias
        return tf.reshape(cells, (1, DETECTOR_CONFIG.grids.count, 9))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()]).convert()
    return describe_tflite(data, ModelDescription(DETECTION, DETECTOR_CONFIG, "float", "float", 5, "0" * 64))


@functools.cache
def tiny_reader() -> bytes:
    """The file of `tiny_tflite`, described."""
    from lp_recognition.export.tflite import describe_tflite

    return describe_tflite(tiny_tflite(), ModelDescription(RECOGNITION, CONFIG, "uint8", "float", 5, "0" * 64))


def photograph(plates: Sequence[tuple[int, int, str]], scale: int = 3, blue: int = 255) -> np.ndarray:
    """A gray picture of 96x64 pixels, `scale` times as large, with plates on it.

    Args:
        plates: Row and column of the blue cell, and what stands on the plate at its right, as `tiny_plates.plate` draws
            it: six symbols, each three times, such as `BBBCCC`.
        scale: A whole number; with less than 3 the picture is as small as a crop may be.
        blue: Of the first plate's cell; the next have one less each. The bluer, the surer the detector.
    """
    height, width, _ = DETECTOR_CONFIG.input_shape
    image = np.full((height, width, 3), 128, np.uint8)
    for number, (row, column, text) in enumerate(plates):
        top, left = row * CELL, (column + 1) * CELL
        image[top : top + CELL, left - CELL : left] = (blue - number, 0, 0)
        image[top : top + PLATE_SIZE[0], left : left + PLATE_SIZE[1]] = plate(text)
    size = (width * scale, height * scale)
    return cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
