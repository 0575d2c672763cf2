"""The homography that lays a plate flat: from its corners in a photograph to a crop of a given size."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.corners import Point, mean_sides


def plate_homography(corners: Sequence[Point], size: tuple[int, int], margin: float = 0.0) -> NDArray[np.float64]:
    """The homography from a photograph to a crop that shows the plate with a margin around it.

    Args:
        corners: Left-up, right-up, right-bottom, left-bottom: the middles of the plate's outermost pixels.
        size: `(height, width)` of the crop.
        margin: Added on each side, as a share of the plate's width (left, right) and height (above, below).

    Returns:
        `(3, 3)`, from `(x, y, 1)` of the photograph to that of the crop, as `cv2.warpPerspective` takes it.
    """
    height, width = size
    grown = 1 + 2 * margin
    across, down = (side + 1 for side in mean_sides(corners))
    # The middle of the outermost pixel: behind the margin and half a pixel of the plate, whatever its size has become.
    x0 = width * (margin + 0.5 / across) / grown - 0.5
    y0 = height * (margin + 0.5 / down) / grown - 0.5
    x1, y1 = width - 1 - x0, height - 1 - y0
    target = np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), np.float32)
    return np.asarray(cv2.getPerspectiveTransform(np.array(corners, np.float32), target), np.float64)
