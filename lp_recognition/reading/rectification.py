"""A plate cut out of a photograph by its four corners and laid flat, as a reader wants it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.corners import Point, mean_sides
from lp_recognition.images.image import Image

#: What is left around a plate, in parts of its width and height: readers learnt from crops with a little car around.
#: Of a grid from -0.02 to 0.15 and -0.05 to 0.3, measured on 404 plates with true corners, none is better for all that
#: ship by more than chance, and each reader's own best wins at most 6 of them (docs/detector.md).
MARGIN = (0.03, 0.06)
#: A crop is at most so large: a reader needs no more, and a plate may fill a photograph of 50 million pixels.
_LARGEST = (192, 768)
#: The smallest crop: below, a reader's own resizing does the rest.
_SMALLEST = (12, 32)


def rectify(
    photograph: Image, corners: Sequence[Point] | NDArray[np.floating], margin: tuple[float, float] = MARGIN
) -> Image:
    """Cuts out a plate and lays it flat, at the photograph's own resolution.

    Args:
        photograph: uint8 `(h, w)` or `(h, w, channels)`, whole: not shrunk for a detector.
        corners: Left-up, right-up, right-bottom, left-bottom, x and y from the outer corner of the first pixel.
        margin: Added at the sides in parts of the plate's width, and above and below in parts of its height.

    Returns:
        The crop, uint8 with the photograph's channels. What lies outside of the photograph repeats its edge.
    """
    points = np.array([(float(x), float(y)) for x, y in corners])
    width, height = mean_sides(points.tolist())
    natural = (height * (1 + 2 * margin[1]), width * (1 + 2 * margin[0]))
    size = [int(np.clip(round(side), low, high)) for side, low, high in zip(natural, _SMALLEST, _LARGEST, strict=True)]
    x, y = (size[1] * margin[0] / (1 + 2 * margin[0]), size[0] * margin[1] / (1 + 2 * margin[1]))
    target = np.array([(x, y), (size[1] - x, y), (size[1] - x, size[0] - y), (x, size[0] - y)])
    part, points = _part_around(photograph, points, margin, max(natural[0] / size[0], natural[1] / size[1]))
    # OpenCV counts from pixel centres, corners from pixel edges.
    matrix = cv2.getPerspectiveTransform((points - 0.5).astype(np.float32), (target - 0.5).astype(np.float32))
    drawn = (size[1], size[0])
    crop = cv2.warpPerspective(part, matrix, drawn, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def _part_around(
    photograph: Image, points: NDArray[np.float64], margin: tuple[float, float], shrink: float
) -> tuple[Image, NDArray[np.float64]]:
    """The part of a photograph that shows a plate, and the corners in it.

    OpenCV warps no picture of more than 32,767 pixels a side. What shall become smaller is averaged down here: the warp
    would skip pixels.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    reach = (high - low) * (0.1 + 2 * max(margin)) + 4
    sides = np.array(photograph.shape[1::-1])
    start = np.clip(np.floor(low - reach), 0, sides - 1).astype(int)
    stop = np.clip(np.ceil(high + reach), start + 1, sides).astype(int)
    part = photograph[start[1] : stop[1], start[0] : stop[0]]
    points = points - start
    if shrink > 1.2:
        height, width = part.shape[:2]
        wanted = max(1, round(width / shrink)), max(1, round(height / shrink))
        part = np.asarray(cv2.resize(part, wanted, interpolation=cv2.INTER_AREA), np.uint8)
        points = points * (wanted[0] / width, wanted[1] / height)
    return part, points
