"""A picture of plate formats: each with its name, as it is painted and as it is photographed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.plates.degradations import Degradations
from lp_recognition.plates.generator import PlateGenerator

_CELL = (64, 200)
_NAME_WIDTH = 150
_PHOTOGRAPHS = 4
_CLEAN = 2


def draw_contact_sheet(formats: Sequence[str | Path], seed: int = 1) -> NDArray[np.uint8]:
    """Draws a row a format: two plates as painted, four crops as training sees them. uint8 BGR."""
    rows = []
    for name in formats:
        painted = PlateGenerator([name], seed, None, degradations=Degradations().only("lettering"))
        photographed = PlateGenerator([name], seed, (_CELL[0] // 2, _CELL[1] // 2))
        cells = [_write_name(painted.formats[0].name)]
        cells += [_fit(painted.draw(index).image) for index in range(_CLEAN)]
        cells += [_fit(photographed.draw(index).image) for index in range(_PHOTOGRAPHS)]
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def _write_name(name: str) -> NDArray[np.uint8]:
    cell = np.full((_CELL[0] + 4, _NAME_WIDTH, 3), 255, np.uint8)
    cv2.putText(cell, name, (8, _CELL[0] // 2 + 8), (0, 0, 0), cv2.FontFace("sans"), 18, 400)
    return cell


def _fit(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = _CELL
    scale = min(height / image.shape[0], width / image.shape[1])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = np.asarray(cv2.resize(image, size, interpolation=interpolation), np.uint8)
    cell = np.full((height + 4, width + 4, 3), 255, np.uint8)
    top, left = (cell.shape[0] - size[1]) // 2, (cell.shape[1] - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = image
    return cell
