"""Pictures that the network of `tiny_tflite` reads, and its settings."""

from __future__ import annotations

import numpy as np

from lp_recognition.settings.recognition import RecognitionConfig

CONFIG = RecognitionConfig(input_shape=(24, 48, 3), alphabet="京ABC")
GRAYS = {"京": 0, "A": 64, "B": 128, "C": 192, "_": 255}


def plate(text: str, height: int = 24, step: int = 8) -> np.ndarray:
    """A picture that the tiny network reads as `text`; `_` is the blank."""
    row = np.repeat(np.array([GRAYS[character] for character in text], np.uint8), step)
    return np.repeat(np.repeat(row[None, :, None], height, axis=0), 3, axis=2)
