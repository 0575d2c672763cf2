"""A second look at each plate that was found, from near: where its corners are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.intersection import box_iou
from lp_recognition.images.image import Image
from lp_recognition.images.scene_augmentation import move, warp
from lp_recognition.reading.detector import Detection, Detector, find_plates

#: So much of the view a plate takes: of its width, and at most of its height.
_ACROSS, _HIGH = 0.38, 0.48
#: The corners are a mean of both looks, whose errors are their own: so much of it is the second one's.
_SECOND = 2 / 3
#: What the second look finds is the plate where their boxes share at least so much, and where it is so sure.
_SAME, _SCORE = 0.4, 0.2
#: Views that are held at once.
_CHUNK = 32


def look_closer(looker: Detector, photograph: Image, found: Sequence[Detection]) -> list[Detection]:
    """Finds the corners of plates anew, each in a view of its own, cut out of the whole photograph.

    Args:
        looker: A detector that was trained on close-ups (`config/lpd_corners.py`).
        photograph: uint8 gray or BGR.
        found: Its plates.

    Returns:
        The plates with the mean corners of both looks, and with their scores as they were; those that the second look
        does not see stay what they are.
    """
    size = looker.config.input_shape[:2]
    looked: list[Detection] = []
    for first in range(0, len(found), _CHUNK):
        some = found[first : first + _CHUNK]
        maps = [_map_of(one, size) for one in some]
        views = [_view(looker, photograph, matrix) for matrix in maps]
        seen = find_plates(looker.predict, views, looker.config, _SCORE, looker.iou_threshold)
        looked += [_nearest(*each) for each in zip(some, maps, seen, strict=True)]
    return looked


def _map_of(plate: Detection, size: tuple[int, int]) -> NDArray[np.float64]:
    """The map from the photograph's pixels to those of a view with the plate in its middle."""
    left, top, right, bottom = plate.box
    scale = min(_ACROSS * size[1] / max(right - left, 1.0), _HIGH * size[0] / max(bottom - top, 1.0))
    matrix = np.diag([scale, scale, 1.0])
    matrix[:2, 2] = size[1] / 2 - scale * (left + right) / 2, size[0] / 2 - scale * (top + bottom) / 2
    return matrix


def _view(looker: Detector, photograph: Image, matrix: NDArray[np.float64]) -> Image:
    """What a map shows of a photograph, of which no more than that is prepared."""
    height, width = looker.config.input_shape[:2]
    (left, top), (right, bottom) = move(np.array([(0, 0), (width, height)], np.float32), np.linalg.inv(matrix))
    # One pixel at least: what was found may lie beside the photograph.
    x = min(max(0, math.floor(left) - 1), photograph.shape[1] - 1)
    y = min(max(0, math.floor(top) - 1), photograph.shape[0] - 1)
    part = photograph[y : max(y, math.ceil(bottom)) + 1, x : max(x, math.ceil(right)) + 1]
    shift = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
    return warp(looker.config.preprocessing.to_channels(part), matrix @ shift, (height, width))


def _nearest(plate: Detection, matrix: NDArray[np.float64], seen: Sequence[Detection]) -> Detection:
    """The plate with corners between its own and those seen in its place; as it was where nothing was."""
    inverse = np.linalg.inv(matrix)
    again = [Detection(move(one.corners, inverse), plate.score) for one in seen]
    best = max(again, key=lambda one: box_iou(one.box, plate.box), default=plate)
    if not again or box_iou(best.box, plate.box) < _SAME:
        return plate
    return Detection(_SECOND * best.corners + np.float32(1 - _SECOND) * plate.corners, plate.score)
