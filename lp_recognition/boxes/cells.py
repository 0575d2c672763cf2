"""What a detector's output means: a score and four corners for each cell of one or several grids.

The grids lie over the picture with a cell every so many pixels, its stride; fine grids are for small plates, coarse
ones for large. Cells are counted row by row, one grid after another. Each has a score and eight offsets: its plate's
corners x, y (left-up, right-up, right-bottom, left-bottom) less the cell's middle, in strides. Offsets so have the same
range for plates of all sizes, which suits eight bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

#: The score, and x, y of four corners.
CHANNELS = 9
#: Of overlapping plates, those that share so much with the surest one help to say where its corners are.
ALIKE = 0.6
#: A plate belongs to a grid when its longer side is so many strides long: fine and coarse grids share what is between.
_SHORTEST, _LONGEST = 2.0, 6.5
#: Of a plate, the part around its middle whose cells find it, in parts of its width and height.
_MIDDLE = (0.22, 0.3)


@dataclass(frozen=True)
class Grids:
    """The cells of a network's input.

    Attributes:
        size: `(height, width)` of the input, in pixels.
        strides: Pixels from cell to cell of each grid, the finest first.
    """

    size: tuple[int, int]
    strides: tuple[int, ...]

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """`(rows, columns)` of each grid: what a convolution with such a stride and 'same' padding leaves."""
        height, width = self.size
        return tuple((-(-height // stride), -(-width // stride)) for stride in self.strides)

    @property
    def count(self) -> int:
        """Number of cells."""
        return sum(rows * columns for rows, columns in self.shapes)

    @cached_property
    def middles(self) -> NDArray[np.float32]:
        """x, y of the middle of each cell in pixels, float32 `(cells, 2)`."""
        parts = []
        for (rows, columns), stride in zip(self.shapes, self.strides, strict=True):
            y, x = np.mgrid[:rows, :columns]
            parts.append((np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride)
        return np.concatenate(parts).astype(np.float32)

    @cached_property
    def stride_of_cell(self) -> NDArray[np.float32]:
        """The stride of each cell, float32 `(cells,)`."""
        counts = [rows * columns for rows, columns in self.shapes]
        return np.repeat(np.array(self.strides, np.float32), counts)

    def corners(
        self, offsets: NDArray[np.floating], cells: NDArray[np.intp] | slice = slice(None)
    ) -> NDArray[np.float32]:
        """Corners in pixels, `(n, 4, 2)`, of the offsets `(n, 8)` of some cells."""
        strides = self.stride_of_cell[cells]
        return (offsets.reshape(-1, 4, 2) * strides[:, None, None] + self.middles[cells][:, None]).astype(np.float32)

    def assign(self, corners: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Says which cells shall find which plate.

        As in FCOS (Tian et al., arXiv 1904.01355), a plate belongs to the grids that suit its size and to the cells
        around its middle, at least to the nearest one; where two plates claim a cell, the smaller one has it.

        Args:
            corners: Of all plates of a picture, in pixels, float `(n, 4, 2)`.

        Returns:
            The number of each cell's plate, -1 where it has none, `(cells,)`; and whether a cell lies on a plate
            without being chosen for it, which is neither right nor wrong, bool `(cells,)`.
        """
        plate_of_cell = np.full(self.count, -1, np.intp)
        undecided = np.zeros(self.count, bool)
        low, high = corners.min(axis=1), corners.max(axis=1)
        order = np.argsort(-(high - low).prod(axis=1), kind="stable")  # the smaller ones last
        for plate in order:
            middle = corners[plate].mean(axis=0)
            extent = high[plate] - low[plate]
            apart = np.abs(self.middles - middle)
            undecided |= (apart <= 0.5 * extent + 0.25 * self.stride_of_cell[:, None]).all(axis=1)
            reach = np.maximum(extent * _MIDDLE, 0.5 * self.stride_of_cell[:, None])
            chosen = (apart <= reach).all(axis=1) & self._suits(float(extent.max()))
            plate_of_cell[chosen] = plate
        return plate_of_cell, undecided & (plate_of_cell < 0)

    def _suits(self, side: float) -> NDArray[np.bool_]:
        """Which cells belong to a grid for plates whose longer side has so many pixels: at least those of one grid."""
        strides = np.array(self.strides, np.float32)
        suited = (side >= _SHORTEST * strides) & (side <= _LONGEST * strides)
        suited[0] |= side < _SHORTEST * strides[0]
        suited[-1] |= side > _LONGEST * strides[-1]
        return np.repeat(suited, [rows * columns for rows, columns in self.shapes])


def scores_of(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """The scores, in [0, 1], that logits stand for."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -30, 30))))


def sides_of(corners: NDArray[np.floating]) -> NDArray[np.float32]:
    """Left, top, right, bottom of the upright boxes around corners `(..., 4, 2)`, float32 `(..., 4)`."""
    return np.concatenate([corners.min(axis=-2), corners.max(axis=-2)], axis=-1).astype(np.float32)


def pairwise_iou(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float32]:
    """Intersection over union of each box of `(n, 4)` with each of `(m, 4)`, float32 `(n, m)`."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=-1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0).astype(np.float32)


def merge_overlapping(
    corners: NDArray[np.floating], scores: Sequence[float] | NDArray[np.floating], most_shared: float
) -> list[tuple[NDArray[np.float32], float]]:
    """Makes one plate of those that overlap: the surest stays, its corners averaged with the others by their scores.

    Several cells find a plate, each with a little error of its own; the mean of what they say is nearer (weighted box
    fusion, Solovyev et al., arXiv 1910.13302). Corners far from the surest one's are left out of the mean.

    Args:
        corners: `(n, 4, 2)` in pixels.
        scores: `(n,)`, in [0, 1].
        most_shared: Two plates whose upright boxes have a greater intersection over union are one.

    Returns:
        Corners `(4, 2)` and score of each plate, the surest first.
    """
    scores = np.asarray(scores, np.float32)
    order = np.argsort(-scores, kind="stable")
    corners, scores = np.asarray(corners, np.float32)[order], scores[order]
    shared = pairwise_iou(sides_of(corners), sides_of(corners)) if len(corners) else np.zeros((0, 0), np.float32)
    free = np.ones(len(corners), bool)
    found = []
    for index in range(len(corners)):
        if not free[index]:
            continue
        group = free & (shared[index] > most_shared)
        group[index] = True
        free &= ~group
        alike = group & (shared[index] >= ALIKE)
        weights = scores[alike] ** 2
        mean = (corners[alike] * weights[:, None, None]).sum(axis=0) / weights.sum() if alike.any() else corners[index]
        found.append((mean.astype(np.float32), float(scores[index])))
    return found
