"""Drawing on pictures: text by OpenCV's own fonts, and contact sheets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image

# Pixels between pictures of a sheet, and its colour (BGR).
_GAP = 14
_SHEET = (218, 214, 210)


def contact_sheet(pictures: Sequence[Image], columns: int) -> Image:
    """Lays out BGR pictures in rows of `columns`, each row as high as its highest picture.

    Raises:
        ValueError: no picture or no column.
    """
    if not pictures or columns < 1:
        raise ValueError(f"expected pictures and columns, received {len(pictures)} and {columns}")
    columns = min(columns, len(pictures))
    gap = _GAP
    width = max(picture.shape[1] for picture in pictures)
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    heights = [max(picture.shape[0] for picture in row) for row in rows]
    size = (sum(heights) + gap * (len(rows) + 1), columns * width + gap * (columns + 1), 3)
    sheet: Image = np.full(size, _SHEET, np.uint8)
    top = gap
    for row, height in zip(rows, heights, strict=True):
        for column, picture in enumerate(row):
            left = gap + column * (width + gap)
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        top += height + gap
    return sheet


@cache
def builtin_font(chinese: bool) -> Any:
    """OpenCV's built-in font, from version 5 on; None before."""
    return cv2.FontFace("uni" if chinese else "sans") if hasattr(cv2, "FontFace") else None


def draws_chinese() -> bool:
    """Whether this OpenCV has a font for Chinese characters."""
    return builtin_font(True) is not None


def text_width(text: str, size: int, weight: int = 400) -> int:
    """The pixels that `draw_text` goes to the right."""
    if builtin_font(False) is not None:
        rectangle = cv2.getTextSize((0, 0), text, (0, 0), builtin_font(not text.isascii()), size, weight)
        return rectangle[0] + rectangle[2]
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size / 30, _stroke(weight, size))[0][0]


def draw_text(
    panel: NDArray[np.uint8], text: str, x: int, baseline: int, size: int, color: Sequence[int], weight: int = 400
) -> int:
    """Draws text of about `size` pixels, with OpenCV's own font, and returns the x where it ends.

    Args:
        panel: uint8 BGR, drawn upon.
        text: One line.
        x: Where it begins.
        baseline: The y it stands on.
        size: Its height, in pixels.
        color: BGR.
        weight: 400 is regular, 600 bold.
    """
    if builtin_font(False) is not None:
        cv2.putText(panel, text, (x, baseline), color, builtin_font(not text.isascii()), size, weight)
    else:
        stroke = _stroke(weight, size)
        cv2.putText(panel, text, (x, baseline), cv2.FONT_HERSHEY_SIMPLEX, size / 30, color, stroke, cv2.LINE_AA)
    return x + text_width(text, size, weight)


def _stroke(weight: int, size: int) -> int:
    return 2 if weight >= 600 and size > 20 else 1
