"""A plate cut out of a photograph by its four corners and laid flat, as a reader wants it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.corners import Point, mean_sides
from lp_recognition.images.image import Image

#: What is left around a plate, in parts of its width and height: readers learnt from crops with a little car around.
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
    points = [(float(x), float(y)) for x, y in corners]
    width, height = mean_sides(points)
    natural = (height * (1 + 2 * margin[1]), width * (1 + 2 * margin[0]))
    size = [int(np.clip(round(side), low, high)) for side, low, high in zip(natural, _SMALLEST, _LARGEST, strict=True)]
    x, y = (size[1] * margin[0] / (1 + 2 * margin[0]), size[0] * margin[1] / (1 + 2 * margin[1]))
    target = [(x, y), (size[1] - x, y), (size[1] - x, size[0] - y), (x, size[0] - y)]
    # A large plate is drawn larger than wanted and averaged down: a warp alone would skip pixels.
    over = max(1, int(np.ceil(max(natural[0] / size[0], natural[1] / size[1]) / 1.5)))
    # OpenCV counts from pixel centres, corners from pixel edges.
    matrix = cv2.getPerspectiveTransform(
        np.array(points, np.float32) - np.float32(0.5), (np.array(target, np.float32) * over - 0.5).astype(np.float32)
    )
    drawn = (size[1] * over, size[0] * over)
    crop = cv2.warpPerspective(photograph, matrix, drawn, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if over > 1:
        crop = cv2.resize(crop, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, np.uint8)
