"""Plates of two lines, read by readers of one: the plate is cut into halves that overlap, and both are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.corners import mean_sides
from lp_recognition.images.image import Image
from lp_recognition.reading.recognizer import Reading
from lp_recognition.reading.rectification import rectify

#: Plates so many times as wide as high, and narrower ones, may have two lines: the widest kind is 2 to 1, and corners
#: are not quite right. American plates of one line are 2 to 1, too: what is read more surely is believed.
WIDEST = 2.7
#: Where the lines part, in heights of the plate: on China's yellow rear plates, on Vietnam's, on Brazil's.
CUTS = (0.39, 0.5, 0.57)
#: By how much a half reaches beyond the cut, in heights of the plate.
_OVERLAP = 0.03
#: What is left at the sides of a half, in its widths, and above and below, in its heights.
_MARGIN = (0.03, 0.02)


def may_have_two_lines(corners: NDArray[np.floating]) -> bool:
    """Whether a plate is as narrow as those of two lines are."""
    width, height = mean_sides(corners.tolist())
    return bool(width < WIDEST * height)


def halves(corners: NDArray[np.floating], cut: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The corners of the upper and the lower half of a plate.

    Args:
        corners: Left-up, right-up, right-bottom, left-bottom of the plate, `(4, 2)`.
        cut: Where the lines part, in heights of the plate.
    """
    left_up, right_up, right_bottom, left_bottom = np.asarray(corners, np.float32)
    left, right = left_bottom - left_up, right_bottom - right_up
    low, high = np.float32(cut + _OVERLAP), np.float32(cut - _OVERLAP)
    upper = np.stack([left_up, right_up, right_up + right * low, left_up + left * low])
    lower = np.stack([left_up + left * high, right_up + right * high, right_bottom, left_bottom])
    return upper, lower


@dataclass(frozen=True)
class TwoLines:
    """What stands on the two lines of a plate.

    Attributes:
        reading: Both lines as one text.
        is_known: Whether a known format has such two lines: a half of something else hardly ever looks like one.
    """

    reading: Reading
    is_known: bool


def read_two_lines(
    read: Callable[[Image], Reading], photograph: Image, corners: NDArray[np.float32]
) -> TwoLines | None:
    """Reads both lines of a plate, cut apart at the place where they are best; None where a line says nothing.

    Args:
        read: Reads one line.
        photograph: uint8 gray or BGR.
        corners: Of the whole plate: left-up, right-up, right-bottom, left-bottom.
    """
    from lp_recognition.plates.countries import has_lines

    found = []
    for cut in CUTS:
        upper, lower = (read(rectify(photograph, half, _MARGIN)) for half in halves(corners, cut))
        if upper.text and lower.text:
            found.append(TwoLines(_joined(upper, lower), has_lines((upper.text, lower.text))))
    return max(found, key=lambda lines: (lines.is_known, lines.reading.confidence), default=None)


def _joined(upper: Reading, lower: Reading) -> Reading:
    confidence = upper.confidence * lower.confidence
    alternatives = upper.alternatives + lower.alternatives
    return Reading(upper.text + lower.text, confidence, upper.confidences + lower.confidences, alternatives)
