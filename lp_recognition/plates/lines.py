"""Plates of several lines, one line at a time: what a reader of one line is shown of them."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np

from lp_recognition.plates.drawing import Drawing
from lp_recognition.plates.format_schema import Format
from lp_recognition.plates.text import Text


def cut_line(drawing: Drawing, text: Text, plate_format: Format, random: Random) -> tuple[Drawing, Text]:
    """Takes one line of a drawn plate for the whole of it: the rest stays around it, as what lies beside a plate does.

    Args:
        drawing: A plate of several lines.
        text: What stands on it.
        plate_format: Its format.
        random: Decides which line, and where in the gaps between lines they are cut apart.

    Returns:
        The same picture with the corners and margins of a line, and the text of that line.
    """
    rows = text.layout.split("/")
    spans = [plate_format.row_span_mm(row, line) for row, line in zip(rows, plate_format.lines, strict=True)]
    which = random.randrange(len(rows))
    width, height = plate_format.size_mm
    top = 0.0 if which == 0 else random.uniform(spans[which - 1][1], spans[which][0])
    bottom = height if which == len(rows) - 1 else random.uniform(spans[which][1], spans[which + 1][0])
    half = plate_format.row_width_mm(rows[which], plate_format.lines[which]) / 2
    middle = plate_format.lines[which].center_mm[0]
    margins = (
        (middle - half) / width,
        (spans[which][0] - top) / (bottom - top),
        1 - (middle + half) / width,
        (bottom - spans[which][1]) / (bottom - top),
    )
    (left, upper), (right, lower) = drawing.corners[0], drawing.corners[2]
    unit = (lower - upper) / height
    corners = [(x, upper + y * unit) for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]
    return replace(drawing, corners=np.array(corners, np.float32), margins=margins), text.line(which)
