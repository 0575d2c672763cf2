"""Where in a picture plates are looked for, and where they are not."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.settings.passages import Polygon


class Regions:
    """Says of a place in a picture whether plates there count.

    Args:
        inside: A plate counts in one of these; anywhere where there are none.
        outside: In these it counts in no case.
    """

    def __init__(self, inside: Sequence[Polygon] = (), outside: Sequence[Polygon] = ()) -> None:
        self._inside, self._outside = inside, outside

    def hold(self, corners: NDArray[np.float32], size: tuple[int, int]) -> bool:
        """Whether a plate counts: by the middle of its corners.

        Args:
            corners: `(4, 2)`, in pixels.
            size: Height and width of the picture.
        """
        x, y = corners.mean(axis=0).tolist()
        if any(_holds(polygon, x, y, size) for polygon in self._outside):
            return False
        return not self._inside or any(_holds(polygon, x, y, size) for polygon in self._inside)


def in_pixels(polygon: Polygon, size: tuple[int, int]) -> NDArray[np.float32]:
    """The corners of a polygon in the pixels of a picture of `size` (height, width), float32 `(n, 2)`.

    One whose numbers are all at most 1 is in shares of width and height.
    """
    points = np.array(polygon, np.float32)
    return points * np.array((size[1], size[0]), np.float32) if points.max() <= 1 else points


def _holds(polygon: Polygon, x: float, y: float, size: tuple[int, int]) -> bool:
    return cv2.pointPolygonTest(in_pixels(polygon, size), (x, y), False) >= 0
