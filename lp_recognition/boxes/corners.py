"""Four corners of a plate: their order, sides and area.

A plate has four points, handled in plain Python: arrays this small would cost more than cutting the crop itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import cv2
import numpy as np

#: `(x, y)` in pixels; x runs right, y runs down.
Point = tuple[float, float]


def order_corners(points: Sequence[Point]) -> tuple[Point, ...]:
    """Orders four corners as left-up, right-up, right-bottom, left-bottom, whatever order they come in.

    A plate is wider than high and less than a quarter turn from level, so its long sides are above and below and its
    left is left. Where the sides are about equal, the order that is nearest to level is taken.

    Raises:
        ValueError: the points are no four corners: some on one line, or one inside the others.
    """
    hull = tuple(points)
    if min(triangle_areas(hull)) <= 0:  # not convex and clockwise as they stand
        found = cv2.convexHull(np.array(points, np.float32)).reshape(-1, 2)
        if len(found) != 4:
            raise ValueError(f"expected four corners, received {listed(points)}")
        hull = tuple((float(x), float(y)) for x, y in found)
        if area(hull) < 0:
            hull = hull[::-1]
    turns = [hull[turn:] + hull[:turn] for turn in range(4)]
    width, height = mean_sides(hull)
    if max(width, height) > 1.3 * min(width, height):
        turns = [turn for turn in turns if mean_sides(turn)[0] > mean_sides(turn)[1]]
    return max(turns, key=_levelness)


def mean_sides(corners: Sequence[Point]) -> tuple[float, float]:
    """The mean lengths of the upper and lower side, and of the left and right side, of corners in order."""
    left_up, right_up, right_bottom, left_bottom = corners
    width = math.dist(left_up, right_up) + math.dist(left_bottom, right_bottom)
    height = math.dist(left_up, left_bottom) + math.dist(right_up, right_bottom)
    return width / 2, height / 2


def area(corners: Sequence[Point]) -> float:
    """The area in square pixels; negative where the corners do not run clockwise on the image."""
    return sum(_triangle(corners[0], second, third) for second, third in itertools.pairwise(corners[1:]))


def triangle_areas(corners: Sequence[Point]) -> list[float]:
    """The area of the triangle at each corner, from the second: all positive where convex and clockwise."""
    points = tuple(corners)
    return list(map(_triangle, points, points[1:] + points[:1], points[2:] + points[:2]))


def listed(points: Sequence[Point]) -> str:
    """Points for a message: `(10, 20) (30.5, 20)`."""
    return " ".join(f"({x:g}, {y:g})" for x, y in points)


def _triangle(first: Point, second: Point, third: Point) -> float:
    (ax, ay), (bx, by), (cx, cy) = first, second, third
    return ((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2


def _levelness(corners: Sequence[Point]) -> float:
    """2 for an upright plate, less the further it is turned."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    across, down = (bx - ax + cx - dx, by - ay + cy - dy), (dx - ax + cx - bx, dy - ay + cy - by)
    return across[0] / (math.hypot(*across) + 1e-9) + down[1] / (math.hypot(*down) + 1e-9)
