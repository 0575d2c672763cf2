"""Cutting a plate out of a photograph, by box or by its four corners, and mending wrong corners where that is safe.

Annotated corners of public data sets come in the wrong order, outside of the image, or all on one line. An order can be
put right without doubt; a plate that mostly lies outside or has no area cannot, and raises `CropError`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from lp_recognition.boxes.corners import Point, area, listed, mean_sides, order_corners, triangle_areas
from lp_recognition.boxes.homography import plate_homography
from lp_recognition.boxes.intersection import intersection_area
from lp_recognition.images.image import Image
from lp_recognition.system.errors import UserError

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
    try:
        corners = order_corners(region.points)
    except ValueError as error:
        raise CropError(f"degenerate corners: {error}") from None
    notes = [] if corners == tuple(region.points) else ["corner_order"]
    shortest = min(map(math.dist, corners, corners[1:] + corners[:1]))
    # A parallelogram has two halves of the same area; where three corners are nearly on one line, one was misplaced.
    if shortest < MIN_SIDE or min(triangle_areas(corners)) < MIN_TRIANGLE * area(corners) / 2:
        raise CropError(f"degenerate corners: expected sides of {MIN_SIDE} pixels or more, received {listed(corners)}")
    notes += _check_inside(image, corners, "corners")

    grown = 1 + 2 * region.margin
    across, down = (side + 1 for side in mean_sides(corners))  # corners are the outermost pixels of the plate
    height, width = size or (round(down * grown), round(across * grown))
    full_width = width * min(_MAX_OVERSAMPLING, math.ceil(across * grown / width / _STEP))
    full_height = height * min(_MAX_OVERSAMPLING, math.ceil(down * grown / height / _STEP))
    homography = plate_homography(corners, (full_height, full_width), region.margin)
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
    frame = ((0, 0), (columns, 0), (columns, rows), (0, rows))
    inside = intersection_area(corners, frame) / abs(area(corners))
    if inside < MIN_INSIDE:
        raise CropError(
            f"{name} outside of the image: expected {MIN_INSIDE:.0%} of the plate inside {columns} x {rows} pixels, "
            f"received {inside:.0%}: {listed(corners)}"
        )
    return ["partly_outside"]
