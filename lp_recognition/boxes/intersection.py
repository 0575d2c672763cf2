"""What two boxes, or two plates with four corners, have in common."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.corners import Point, area

#: `(left, top, right, bottom)` of an upright box, in pixels.
Sides = tuple[float, float, float, float]


def sides_around(points: Sequence[Point]) -> Sides:
    """The upright box around points, in whatever order they are."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def box_around(corners: NDArray[np.floating]) -> tuple[float, float, float, float]:
    """x, y, width and height of the upright box around points `(n, 2)`."""
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right - left), float(bottom - top)


def box_iou(first: Sides, second: Sides) -> float:
    """Intersection over union of two upright boxes, between 0 and 1; 0 where neither has an area."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(0.0, width) * max(0.0, height)
    union = _box_area(first) + _box_area(second) - shared
    return shared / union if union > 0 else 0.0


def quadrilateral_iou(first: Sequence[Point], second: Sequence[Point]) -> float:
    """Intersection over union of two convex quadrilaterals, corners in order; 0 where neither has an area."""
    shared = intersection_area(first, second)
    union = abs(area(first)) + abs(area(second)) - shared
    return shared / union if union > 0 else 0.0


def intersection_area(first: Sequence[Point], second: Sequence[Point]) -> float:
    """The area that two convex quadrilaterals share, corners in order, in square pixels."""
    shared = cv2.intersectConvexConvex(np.array(first, np.float32), np.array(second, np.float32))[0]
    return max(0.0, float(shared))


def _box_area(sides: Sides) -> float:
    left, top, right, bottom = sides
    return (right - left) * (bottom - top)
