"""A picture of plate formats: each with its name, as it is painted and as training sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.plates.degradations import Degradations
from lp_recognition.plates.generator import PlateGenerator

_CROP = (24, 94)  # height, width
_ZOOM = 2
_GAP = 4
_NAME_WIDTH = 150
_CROPS = 2


def draw_contact_sheet(formats: Sequence[str | Path], seed: int = 1) -> NDArray[np.uint8]:
    """Draws a row a format: a plate as it is painted, and two crops as training sees them. uint8 BGR."""
    rows = []
    for row, name in enumerate(formats):
        painted = PlateGenerator([name], seed + row, None, degradations=Degradations.none())
        photographed = PlateGenerator([name], seed + row, _CROP)
        cells = [_write_name(painted.formats[0].name), _frame(_fit(painted.draw(0).image))]
        for index in range(_CROPS):
            crop = photographed.draw(index).image
            cells.append(_frame(crop.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1)))
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def _write_name(name: str) -> NDArray[Any]:
    cell = np.full((_CROP[0] * _ZOOM + _GAP, _NAME_WIDTH, 3), 255, np.uint8)
    cv2.putText(cell, name, (8, cell.shape[0] // 2 + 6), (0, 0, 0), cv2.FontFace("sans"), 17, 400)
    return cell


def _fit(image: NDArray[Any]) -> NDArray[Any]:
    """Makes a plate as large as a zoomed crop, in its own proportions."""
    scale = min(_CROP[0] * _ZOOM / image.shape[0], _CROP[1] * _ZOOM / image.shape[1])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _frame(image: NDArray[Any]) -> NDArray[Any]:
    cell = np.full((_CROP[0] * _ZOOM + _GAP, _CROP[1] * _ZOOM + _GAP, 3), 255, np.uint8)
    top, left = (cell.shape[0] - image.shape[0]) // 2, (cell.shape[1] - image.shape[1]) // 2
    cell[top : top + image.shape[0], left : left + image.shape[1]] = image
    return cell
