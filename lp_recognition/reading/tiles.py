"""Parts of a photograph that are searched on their own, for plates that are too small in the whole.

A photograph is searched in levels: whole; in parts that each show half of it, twice as large; in quarters; until parts
show all the pixels there are.
"""

from __future__ import annotations

import math

import numpy as np

#: `(left, top, width, height)` in the photograph's pixels.
Tile = tuple[int, int, int, int]

#: Parts overlap by this share of their sides: a plate that one cuts is whole in the next.
_OVERLAP = 0.25
#: Parts are magnified at most so much: a network finds more of a plate that is shown larger than it was taken.
_MAGNIFIED = 1.5


def levels_of(size: tuple[int, int], tile: tuple[int, int]) -> list[list[Tile]]:
    """The parts of a photograph, level by level, each of parts half as large as the one before.

    Args:
        size: `(height, width)` of the photograph.
        tile: `(height, width)` of a network's input.

    Returns:
        None of a photograph that is not larger than the input; else at least those that show half of it.
    """
    scale = max(size[0] / tile[0], size[1] / tile[1])
    if scale <= 1:
        return []
    count = max(1, math.floor(math.log2(_MAGNIFIED * scale)))
    return [_parts(size, tile, scale / 2**level) for level in range(1, count + 1)]


def is_whole(box: tuple[float, float, float, float], tile: Tile, size: tuple[int, int]) -> bool:
    """Whether a box found in a part does not touch an edge behind which the photograph goes on.

    Args:
        box: Left, top, right, bottom in the part's pixels.
        tile: The part.
        size: `(height, width)` of the photograph.
    """
    left, top, width, height = tile
    x0, y0, x1, y1 = box
    return (
        (x0 > 1 or left == 0)
        and (y0 > 1 or top == 0)
        and (x1 < width - 1 or left + width == size[1])
        and (y1 < height - 1 or top + height == size[0])
    )


def _parts(size: tuple[int, int], tile: tuple[int, int], scale: float) -> list[Tile]:
    """Parts that are `scale` times as large as the input, evenly over the photograph."""
    spans = []
    for whole, side in zip(size, tile, strict=True):
        part = min(max(1, round(side * scale)), whole)
        count = math.ceil((whole - part) / (part * (1 - _OVERLAP))) + 1
        spans.append([(round(place), part) for place in np.linspace(0, whole - part, count).tolist()])
    return [(left, top, width, height) for top, height in spans[0] for left, width in spans[1]]
