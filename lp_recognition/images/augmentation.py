"""Augmentation of real crops, NumPy and OpenCV alone: photometric, geometric, blur and noise.

Each function takes a uint8 crop `(height, width, channels)` and a random generator, and returns a uint8 crop.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lp_recognition.images.image import Image

_NOISE_FIELDS = 16


def photometric(image: Image, rng: Generator) -> Image:
    """Changes contrast, brightness and gamma, and now and then the balance of the channels or inverts the light."""
    draws = rng.random(6, dtype=np.float32)
    contrast = 0.6 + 0.75 * draws[0]
    brightness = 70.0 * (draws[1] - 0.5)
    gamma = 2.0 ** (1.4 * (draws[2] - 0.5))
    curve = (255 * (_RAMP**gamma - 0.5)) * contrast + 127.5 + brightness
    channels = image.shape[2]
    if channels == 3 and draws[3] < 0.6:  # a colour cast, as of street lamps or of a wrong white balance
        gains = 1 + 0.4 * (rng.random(3, dtype=np.float32) - 0.5)
        table = np.clip(curve[:, None] * gains, 0, 255).astype(np.uint8)[None]
    else:
        table = np.clip(curve, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), np.uint8).reshape(image.shape)


def geometric(image: Image, rng: Generator, size: tuple[int, int]) -> Image:
    """Moves the four corners a little (shift, zoom, shear, rotation, perspective) and resizes, in one warp.

    The plate stays in the picture but for a few percent at its sides, as careless cropping would have it.

    Args:
        image: The crop, of any size.
        rng: Source of chance.
        size: `(height, width)` of the result.
    """
    height, width = image.shape[:2]
    out_height, out_width = size
    draw = (2 * rng.random(14) - 1).tolist()  # plain floats: NumPy costs more than it saves on four points
    zoom_x, zoom_y = 1 + 0.07 * draw[0], 1 + 0.13 * draw[1]
    shear_x, shear_y = 0.05 * draw[2], 0.16 * draw[3]
    shift_x, shift_y = 0.03 * draw[4], 0.07 * draw[5]
    source = []
    for corner, (x, y) in enumerate(((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))):
        moved_x = zoom_x * x + shear_x * zoom_y * y + shift_x + 0.012 * draw[6 + corner]
        moved_y = zoom_y * y + shear_y * zoom_x * x + shift_y + 0.03 * draw[10 + corner]
        source.append(((moved_x + 0.5) * width, (moved_y + 0.5) * height))
    target = ((0, 0), (out_width, 0), (out_width, out_height), (0, out_height))
    matrix = cv2.getPerspectiveTransform(np.array(target, np.float32), np.array(source, np.float32))
    # Shrinking by a warp alone would alias: bring the crop near its final size by area first.
    shrink = min(height / out_height, width / out_width)
    if shrink > 1.5:
        near = (round(width / shrink), round(height / shrink))
        image = np.asarray(cv2.resize(image, near, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = np.diag([near[0] / width, near[1] / height, 1.0]) @ matrix
    warped = cv2.warpPerspective(
        image,
        matrix,
        (out_width, out_height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.uint8).reshape(out_height, out_width, -1)


def blur_and_noise(image: Image, rng: Generator) -> Image:
    """Blurs (defocus, motion, coarse sampling) or sharpens, then adds sensor noise; each only now and then."""
    height, width, channels = image.shape
    draws = rng.random(4, dtype=np.float32)
    out: Any = image
    if draws[0] < 0.2:
        sigma = 0.4 + 1.0 * float(draws[1])
        out = cv2.GaussianBlur(out, (5, 5), sigma, sigmaY=0.4 + 0.8 * float(draws[2]))
    elif draws[0] < 0.32:
        out = cv2.filter2D(out, -1, _motion_kernel(2 + int(3 * draws[1]), int(12 * draws[2])))
    elif draws[0] < 0.45:
        factor = 0.4 + 0.5 * float(draws[1])
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        small = cv2.resize(out, size, interpolation=cv2.INTER_AREA)
        out = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    elif draws[0] < 0.55:
        soft = cv2.GaussianBlur(out, (3, 3), 0.8)
        out = cv2.addWeighted(out, 1 + float(draws[1]), soft, -float(draws[1]), 0)
    if draws[3] < 0.5:
        out = _add_noise(out.reshape(height, width, channels), rng, amplitude=1 + 12 * float(draws[3]) * 2)
    return np.asarray(out, np.uint8).reshape(height, width, channels)


_RAMP = np.linspace(0, 1, 256, dtype=np.float32)


def _add_noise(image: Image, rng: Generator, amplitude: float) -> Image:
    """Adds Gaussian noise: a chance window of a fixed field, as drawing it anew costs ten times as much."""
    height, width, channels = image.shape
    field = _noise_field(height, width, channels, int(rng.integers(_NOISE_FIELDS)))
    y, x, flip = (int(value) for value in rng.integers(0, (height, width, 2)))
    noise = field[y : y + height, x : x + width]
    noise = noise[::-1] if flip else noise
    noisy = cv2.addWeighted(image, 1.0, np.ascontiguousarray(noise), amplitude / 16, 0, dtype=cv2.CV_8U)
    return np.asarray(noisy, np.uint8)


@lru_cache(maxsize=64)
def _noise_field(height: int, width: int, channels: int, number: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(number)
    field = rng.normal(0, 16, (2 * height, 2 * width, 1)).astype(np.float32)
    if channels == 3:  # most of a sensor's noise is common to its channels
        field = field + rng.normal(0, 8, (2 * height, 2 * width, 3)).astype(np.float32)
    return field


@lru_cache(maxsize=64)
def _motion_kernel(length: int, direction: int) -> NDArray[np.float32]:
    """A line of `length` pixels at `direction` twelfths of a half turn."""
    kernel = np.zeros((5, 5), np.float32)
    angle = np.pi * direction / 12
    for t in np.linspace(-(length - 1) / 2, (length - 1) / 2, 4 * length):
        kernel[int(np.rint(2 + np.sin(angle) * t)), int(np.rint(2 + np.cos(angle) * t))] += 1
    return kernel / kernel.sum()
