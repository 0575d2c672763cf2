"""Pictures to a detector's input, and its output to plates, in whole numbers, as the firmware's C computes them.

`reading.detector.decode_cells` says what the output means, in floats. Here scores are compared as the numbers they are
in the file, for a sigmoid keeps their order; corners are Q4, in 1/16 pixel, looked up in a table; boxes overlap by
products instead of quotients; and corners are averaged by squared scores of 1/32768.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.cells import ALIKE, Grids, scores_of
from lp_recognition.images.image import Image, Preprocessing
from lp_recognition.images.scene_augmentation import FILL, fitted_size
from lp_recognition.model_files.interpreter import TensorInfo
from lp_recognition.reading.detector import MOST_CELLS

#: Coordinates are in 1/16 pixel.
PIXEL = 16
#: A score of 1.
ONE = 32768
#: Shares of an area are of this.
_WHOLE = 1000


def fit(picture: Image, preprocessing: Preprocessing) -> Image:
    """Fits a picture into a network's input as `letterbox` does, with every mean over an area exact.

    Args:
        picture: uint8 of any size, gray or BGR.
        preprocessing: How pictures become the input.
    """
    height, width, channels = preprocessing.input_shape
    rows, columns = fitted_size(picture.shape[:2], (height, width))
    result = np.full(preprocessing.input_shape, FILL, np.uint8)
    result[:rows, :columns] = replace(preprocessing, input_shape=(rows, columns, channels)).prepare(picture)
    return result


@dataclass(frozen=True)
class IntegerPlate:
    """A plate that was found.

    Attributes:
        corners: x, y of left-up, right-up, right-bottom, left-bottom in 1/16 pixel, int64 `(4, 2)`.
        score: How sure the network is, of `ONE`.
    """

    corners: NDArray[np.int64]
    score: int


@dataclass(frozen=True)
class IntegerDecoding:
    """The constants of a decoder, and the decoder itself.

    Attributes:
        grids: The cells.
        lowest: The lowest number of the output's type.
        score_threshold: The least number that is sure enough; one more than the highest where none is.
        iou_threshold: Boxes that share more than this, of 1000, are one plate.
        alike: Those that share as much as this, of 1000, are averaged.
        most_cells: So many cells are looked at, the surest first.
        offsets: For each number from the lowest on, how far a corner is from its cell's middle in 1/16 pixel, of each
            grid: int16 `(grids, 256)`. What is further off than 2,047 pixels is clipped.
        scores: The score of each number, of `ONE`, at least 1: uint16 `(256,)`.
    """

    grids: Grids
    lowest: int
    score_threshold: int
    iou_threshold: int
    alike: int
    most_cells: int
    offsets: NDArray[np.int16]
    scores: NDArray[np.uint16]

    @classmethod
    def of(cls, given: TensorInfo, grids: Grids, score_threshold: float, iou_threshold: float) -> IntegerDecoding:
        """That of a file.

        Args:
            given: Its output, uint8 or int8.
            grids: Its cells.
            score_threshold: The least score of a plate, in [0, 1].
            iou_threshold: Plates whose boxes share more than this are one.
        """
        lowest = int(np.iinfo(given.dtype).min)
        real = given.dequantize(np.arange(lowest, lowest + 256))
        scores = scores_of(real)
        offsets = np.rint(np.multiply.outer(np.array(grids.strides, np.float64) * PIXEL, real))
        return cls(
            grids,
            lowest,
            lowest + int((scores < score_threshold).sum()),
            round(iou_threshold * _WHOLE),
            round(ALIKE * _WHOLE),
            min(MOST_CELLS, grids.count),
            np.clip(offsets, -32768, 32767).astype(np.int16),
            np.maximum(1, np.rint(scores * ONE)).astype(np.uint16),
        )

    @cached_property
    def grid_of_cell(self) -> NDArray[np.intp]:
        """The grid that each cell is of, `(cells,)`."""
        return np.repeat(np.arange(len(self.grids.shapes)), [rows * columns for rows, columns in self.grids.shapes])

    def decode(self, output: NDArray[np.integer]) -> list[IntegerPlate]:
        """The plates of an output `(cells, 9)` as the file gives it, the surest first."""
        numbers: NDArray[np.int64] = output.astype(np.int64)
        sure = np.flatnonzero(numbers[:, 0] >= self.score_threshold)
        cells = sure[np.argsort(-numbers[sure, 0], kind="stable")][: self.most_cells]
        corners = self._corners(numbers, cells)
        scores = self.scores[numbers[cells, 0] - self.lowest].astype(np.int64)
        found = []
        while len(corners):
            shared, either = _areas(corners[:, 0::2], corners[:, 1::2])
            group = shared * _WHOLE > either * self.iou_threshold
            group[0] = True
            alike = group & (shared * _WHOLE >= either * self.alike)
            alike[0] = True
            weights = scores[alike] ** 2
            sums = (weights[:, None] * corners[alike]).sum(axis=0)
            whole = 2 * int(weights.sum())
            mean = (2 * sums + whole // 2) // whole  # to the nearest, halves up
            found.append(IntegerPlate(mean.reshape(4, 2), int(scores[0])))
            corners, scores = corners[~group], scores[~group]
        return found

    def _corners(self, output: NDArray[np.int64], cells: NDArray[np.intp]) -> NDArray[np.int64]:
        """x and y of the corners in turn, in 1/16 pixel, `(n, 8)`."""
        middles = np.tile(np.rint(self.grids.middles[cells] * PIXEL).astype(np.int64), 4)
        return middles + self.offsets[self.grid_of_cell[cells][:, None], output[cells, 1:] - self.lowest]


def _areas(x: NDArray[np.int64], y: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What each upright box around corners shares with the first one, and what the two cover together."""
    left, right, top, bottom = x.min(axis=1), x.max(axis=1), y.min(axis=1), y.max(axis=1)
    areas = (right - left) * (bottom - top)
    across = np.minimum(right, right[0]) - np.maximum(left, left[0])
    down = np.minimum(bottom, bottom[0]) - np.maximum(top, top[0])
    shared = np.maximum(across, 0) * np.maximum(down, 0)
    return shared, areas + areas[0] - shared
