"""Cutting a plate out of a photograph, by box or by its four corners, and mending wrong corners where that is safe.

Annotated corners of public data sets come in the wrong order, outside of the image, or all on one line. An order can be
put right without doubt; a plate that mostly lies outside or has no area cannot, and raises `CropError`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lp_recognition.images.image import Image
from lp_recognition.system.errors import UserError

#: `(x, y)`. Four points are handled in plain Python: arrays this small would cost more than the crop itself.
Point = tuple[float, float]

#: A plate with a side below this many pixels holds no readable character.
MIN_SIDE = 4
#: The least area of any three corners, as a share of half the plate's area.
MIN_TRIANGLE = 0.2
#: The share of a plate that has to lie inside the image; the rest is filled by repeating the edge of the image.
MIN_INSIDE = 0.9
#: A crop is drawn with steps of at most this many pixels of the image (linear interpolation takes two together, so none
#: is passed over), at most this many times too large, and then shrunk by area.
_STEP, _MAX_OVERSAMPLING = 1.5, 8


class CropError(UserError):
    """A plate that cannot be cut out of its image: `kind: details`."""


@dataclass(frozen=True)
class Box:
    """An upright box; `margin` is the share of its width (left, right) and height (above, below) to add."""

    left: float
    top: float
    right: float
    bottom: float
    margin: float = 0.0


@dataclass(frozen=True)
class Corners:
    """The corners of a plate as annotated, `(x, y)`: left-up, right-up, right-bottom, left-bottom, if all is well."""

    points: tuple[Point, ...]
    margin: float = 0.0


def cut_plate(image: Image, region: Box | Corners, size: tuple[int, int] | None) -> tuple[Image, list[str]]:
    """Cuts a plate out.

    Args:
        image: uint8 `(h, w, 3)`.
        region: Where the plate is.
        size: `(height, width)` of the crop; None keeps the plate's own.

    Returns:
        The crop, and what had to be mended: `box_order`, `corner_order`, `partly_outside`.

    Raises:
        CropError: no area, too small, or mostly outside of the image.
    """
    return _cut_box(image, region, size) if isinstance(region, Box) else _cut_corners(image, region, size)


def order_corners(points: Sequence[Point]) -> tuple[Point, ...]:
    """Orders four corners as left-up, right-up, right-bottom, left-bottom, whatever order they come in.

    A plate is wider than high and less than a quarter turn from level, so its long sides are above and below and its
    left is left. Where the sides are about equal, the order that is nearest to level is taken.

    Raises:
        CropError: the points are no four corners: some on one line, or one inside the others.
    """
    hull = tuple(points)
    if min(_triangles(hull)) <= 0:  # not convex and clockwise as they stand
        found = cv2.convexHull(np.array(points, np.float32)).reshape(-1, 2)
        if len(found) != 4:
            raise CropError(f"degenerate corners: expected four corners, received {_listed(points)}")
        hull = tuple((float(x), float(y)) for x, y in found)
        if _area(hull) < 0:
            hull = hull[::-1]
    turns = [hull[turn:] + hull[:turn] for turn in range(4)]
    width, height = _sides(hull)
    if max(width, height) > 1.3 * min(width, height):
        turns = [turn for turn in turns if _sides(turn)[0] > _sides(turn)[1]]
    return max(turns, key=_levelness)


def _cut_box(image: Image, box: Box, size: tuple[int, int] | None) -> tuple[Image, list[str]]:
    notes = []
    left, right = sorted((box.left, box.right))
    top, bottom = sorted((box.top, box.bottom))
    if (left, top) != (box.left, box.top):
        notes.append("box_order")
    width, height = right - left, bottom - top
    if min(width, height) < MIN_SIDE:
        raise CropError(f"degenerate box: expected sides of {MIN_SIDE} pixels or more, received {width} x {height}")
    notes += _check_inside(image, ((left, top), (right, top), (right, bottom), (left, bottom)), "box")
    rows, columns = image.shape[:2]
    x0 = max(0, round(left - box.margin * width))
    x1 = min(columns, round(right + box.margin * width))
    y0 = max(0, round(top - box.margin * height))
    y1 = min(rows, round(bottom + box.margin * height))
    crop = image[y0:y1, x0:x1]
    return (crop if size is None else _resize(crop, size)), notes


def _cut_corners(image: Image, region: Corners, size: tuple[int, int] | None) -> tuple[Image, list[str]]:
    corners = order_corners(region.points)
    notes = [] if corners == tuple(region.points) else ["corner_order"]
    shortest = min(map(math.dist, corners, corners[1:] + corners[:1]))
    # A parallelogram has two halves of the same area; where three corners are nearly on one line, one was misplaced.
    if shortest < MIN_SIDE or min(_triangles(corners)) < MIN_TRIANGLE * _area(corners) / 2:
        raise CropError(f"degenerate corners: expected sides of {MIN_SIDE} pixels or more, received {_listed(corners)}")
    notes += _check_inside(image, corners, "corners")

    grown = 1 + 2 * region.margin
    across, down = (side + 1 for side in _sides(corners))  # corners are the outermost pixels of the plate
    height, width = size or (round(down * grown), round(across * grown))
    full_width = width * min(_MAX_OVERSAMPLING, math.ceil(across * grown / width / _STEP))
    full_height = height * min(_MAX_OVERSAMPLING, math.ceil(down * grown / height / _STEP))
    # The middle of the outermost pixel: behind the margin and half a pixel of the plate, whatever its size has become.
    x0 = full_width * (region.margin + 0.5 / across) / grown - 0.5
    y0 = full_height * (region.margin + 0.5 / down) / grown - 0.5
    x1, y1 = full_width - 1 - x0, full_height - 1 - y0
    target = np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), np.float32)
    homography = cv2.getPerspectiveTransform(np.array(corners, np.float32), target)
    crop = cv2.warpPerspective(
        image, homography, (full_width, full_height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return _resize(np.asarray(crop, np.uint8), (height, width)), notes


def _resize(image: Image, size: tuple[int, int]) -> Image:
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] >= height and image.shape[1] >= width
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), np.uint8)


def _check_inside(image: Image, corners: tuple[Point, ...], name: str) -> list[str]:
    rows, columns = image.shape[:2]
    if all(0 <= x <= columns and 0 <= y <= rows for x, y in corners):
        return []
    frame = np.array(((0, 0), (columns, 0), (columns, rows), (0, rows)), np.float32)
    inside = cv2.intersectConvexConvex(np.array(corners, np.float32), frame)[0] / abs(_area(corners))
    if inside < MIN_INSIDE:
        raise CropError(
            f"{name} outside of the image: expected {MIN_INSIDE:.0%} of the plate inside {columns} x {rows} pixels, "
            f"received {max(inside, 0):.0%}: {_listed(corners)}"
        )
    return ["partly_outside"]


def _sides(corners: Sequence[Point]) -> tuple[float, float]:
    """The mean lengths of the upper and lower side, and of the left and right side."""
    left_up, right_up, right_bottom, left_bottom = corners
    width = math.dist(left_up, right_up) + math.dist(left_bottom, right_bottom)
    height = math.dist(left_up, left_bottom) + math.dist(right_up, right_bottom)
    return width / 2, height / 2


def _levelness(corners: Sequence[Point]) -> float:
    """2 for an upright plate, less the further it is turned."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    across, down = (bx - ax + cx - dx, by - ay + cy - dy), (dx - ax + cx - bx, dy - ay + cy - by)
    return across[0] / (math.hypot(*across) + 1e-9) + down[1] / (math.hypot(*down) + 1e-9)


def _area(corners: tuple[Point, ...]) -> float:
    """Positive where the corners run clockwise on the image."""
    return sum(map(_triangle, corners[1:-1], corners[2:], [corners[0]] * (len(corners) - 2)))


def _triangles(corners: tuple[Point, ...]) -> list[float]:
    """The areas of the triangles of each three corners in a row: all positive where convex and clockwise."""
    return list(map(_triangle, corners, corners[1:] + corners[:1], corners[2:] + corners[:2]))


def _triangle(first: Point, second: Point, third: Point) -> float:
    (ax, ay), (bx, by), (cx, cy) = first, second, third
    return ((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2


def _listed(points: Sequence[Point]) -> str:
    return " ".join(f"({x:g}, {y:g})" for x, y in points)
