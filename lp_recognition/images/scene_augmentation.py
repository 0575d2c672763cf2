"""Augmentation of photographs whose plates have corners: what moves the picture moves the corners.

Nothing is mirrored: lettering never is. A picture that is turned keeps the order of its corners: they belong to the
text.
"""

from __future__ import annotations

import math
from fractions import Fraction

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lp_recognition.images.image import Image

#: What lies outside of a picture: the gray in the middle of the range, which networks take for nothing.
FILL = 128
#: A photograph is seen from so far and so near, in parts of the scale at which all of it fits.
_FURTHEST, _NEAREST = 0.6, 4.0


def letterbox(image: Image, size: tuple[int, int]) -> tuple[Image, NDArray[np.float32]]:
    """Fits a picture into a size, in its own proportions; the rest, at the right or below, is gray.

    Args:
        image: uint8 `(h, w, channels)`.
        size: `(height, width)` of the result.

    Returns:
        The picture, and the map of its pixels to those of the result, float32 `(3, 3)`: a scale alone.
    """
    height, width = fitted_size(image.shape[:2], size)
    interpolation = cv2.INTER_AREA if height < image.shape[0] or width < image.shape[1] else cv2.INTER_LINEAR
    fitted = cv2.resize(image, (width, height), interpolation=interpolation).reshape(height, width, -1)
    result = np.full((*size, image.shape[2]), FILL, np.uint8)
    result[:height, :width] = fitted
    return result, letterbox_map(image.shape[:2], size)


def letterbox_map(picture: tuple[int, ...], size: tuple[int, int]) -> NDArray[np.float32]:
    """The map that `letterbox` makes of a picture of `(height, width)`."""
    height, width = fitted_size(picture, size)
    return np.diag(np.array([width / picture[1], height / picture[0], 1.0], np.float32))


def fitted_size(picture: tuple[int, ...], size: tuple[int, int]) -> tuple[int, int]:
    """The height and width that a picture of `(height, width)` takes of a size it is fitted into, exactly."""
    high, wide = picture[0] * size[1], picture[1] * size[0]
    if wide < high:
        return size[0], max(1, round(Fraction(wide, picture[0])))
    return max(1, round(Fraction(high, picture[1]))), size[1]


def random_view(
    image: Image,
    plates: NDArray[np.floating],
    rng: Generator,
    size: tuple[int, int],
    smallest: float = 9.0,
    *,
    cover: bool = False,
    turned: bool = True,
) -> tuple[Image, NDArray[np.float32]]:
    """Looks at a photograph anew: nearer or further, shifted, turned, a little from aside.

    Where there are plates, one of them most often decides where to and how near: its width is drawn evenly over the
    logarithm, from `smallest` pixels to 0.6 of the picture, as far as the photograph can be seen so far away without
    filling too little of the view, or so near without being all blur.

    Args:
        image: uint8 `(h, w, channels)`.
        plates: The corners of its plates, `(n, 4, 2)` in pixels.
        rng: Source of chance.
        size: `(height, width)` of the result.
        smallest: Of a plate, in pixels of the result.
        cover: Begin from a photograph that covers the view, not from one that is whole in it.
        turned: Whether it may be turned and seen from aside; else what is upright stays so.

    Returns:
        The view, and the map from the photograph's pixels to its own, float32 `(3, 3)`.
    """
    height, width = image.shape[:2]
    whole = (max if cover else min)(size[0] / height, size[1] / width)
    # The point of the photograph to look at, and where it comes to lie in the view, in parts of its size.
    focus, spot = rng.uniform(0.35, 0.65, 2) * (width, height), rng.uniform(0.35, 0.65, 2)
    scale = whole * math.exp(rng.uniform(math.log(0.7), math.log(1.8)))
    if len(plates) and rng.random() < 0.7:
        plate = plates[int(rng.integers(len(plates)))]
        across = max(float(np.ptp(plate[:, 0])), 1.0)
        furthest = min(max(_FURTHEST * whole, smallest / across), _NEAREST * whole)
        nearest = max(min(_NEAREST * whole, 0.6 * size[1] / across), furthest)
        scale = math.exp(rng.uniform(math.log(furthest), math.log(nearest)))
        if scale > whole:  # else most of the photograph is in view wherever one looks
            focus, spot = plate.mean(axis=0), rng.uniform(0.08, 0.92, 2)
    angle = math.radians(rng.normal(0, 6)) * turned
    shear, stretch = rng.normal(0, 0.06) * turned, math.exp(rng.normal(0, 0.1))
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]]) @ np.array([[stretch, shear], [0, 1 / stretch]]) * scale
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = spot * size[::-1] - turn @ focus
    matrix[2, :2] = rng.normal(0, 0.04, 2) * scale / max(size) * turned
    return warp(image, matrix, size), matrix.astype(np.float32)


def warp(image: Image, matrix: NDArray[np.floating], size: tuple[int, int]) -> Image:
    """Maps a picture by a homography onto `size` (height, width), averaging where it shrinks; gray outside."""
    shrink = 1 / max(1e-6, float(np.sqrt(abs(np.linalg.det(matrix[:2, :2])))))
    if shrink > 1.4:  # a warp alone would alias
        small = (max(1, round(image.shape[1] / shrink)), max(1, round(image.shape[0] / shrink)))
        factor = np.diag([image.shape[1] / small[0], image.shape[0] / small[1], 1.0])
        smaller = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        image = np.asarray(smaller, np.uint8).reshape(small[1], small[0], -1)
        matrix = matrix @ factor
    # OpenCV counts from pixel centres, corners from pixel edges.
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    centred = np.linalg.inv(shift) @ matrix @ shift
    fill = (FILL,) * 3
    view = cv2.warpPerspective(
        image, centred, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
    )
    return np.asarray(view, np.uint8).reshape(*size, -1)


def move(points: NDArray[np.floating], matrix: NDArray[np.floating]) -> NDArray[np.float32]:
    """Maps points `(..., 2)` by a homography."""
    flat = np.asarray(points, np.float64).reshape(-1, 2) @ matrix[:2, :2].T + matrix[:2, 2]
    depth = np.asarray(points, np.float64).reshape(-1, 2) @ matrix[2, :2] + matrix[2, 2]
    return (flat / depth[:, None]).reshape(points.shape).astype(np.float32)
