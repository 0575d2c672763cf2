"""Finds vehicles with any TFLite detector, so that plates are looked for inside of them, at full resolution.

The file has the four outputs of TFLite's detection post-processing, which most published detectors end with: boxes as
top, left, bottom, right in parts of the picture `(1, n, 4)`, classes `(1, n)`, scores `(1, n)` and their count `(1,)`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image, Preprocessing
from lp_recognition.model_files.interpreter import TFLiteModel, open_interpreter
from lp_recognition.reading.tiles import Tile
from lp_recognition.system.errors import ModelError

#: The least score of a vehicle: one that is none costs a search, one that is missed may cost a plate.
_SCORE = 0.3
#: So many vehicles of a photograph are looked into, the surest first.
_MOST = 20
#: A box grows by this share of its sides on each: bumpers, and plates, stand at its edge.
_AROUND = 0.1


class VehicleDetector:
    """Finds vehicles.

    Args:
        model: A `.tflite` with one input `(1, height, width, 3)`, RGB: uint8 and int8 ones take pixels as they are
            (int8 less 128), float ones from -1 to 1; and the four outputs of detection post-processing.
        classes: The numbers of the classes that are vehicles; none for all classes.
        num_threads: Threads of the interpreter.
        delegate: As of `open_interpreter`.

    Raises:
        ModelError: the file is missing or broken, or has other inputs or outputs.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        classes: Collection[int] = (),
        num_threads: int = 1,
        delegate: str | Path = "",
    ) -> None:
        self._model = open_interpreter(model, num_threads, outputs=4, delegate=delegate)
        self._classes = frozenset(classes)
        _check_input(self._model)
        _, height, width, _ = self._model.inputs[0].shape
        self._preprocessing = Preprocessing((height, width, 3), symmetric_range=True, convert_to_gray=False)
        self._boxes, self._class, self._scores, self._count = _order(self._model)

    def find(self, photograph: Image) -> list[Tile]:
        """Finds the vehicles of a photograph, uint8 gray or BGR, each with a little around it; the surest first."""
        outputs = [np.asarray(output) for output in self._model.run_all(self._prepared(photograph))]
        count = int(outputs[self._count].reshape(-1)[0])
        boxes = outputs[self._boxes][0, :count]
        classes, scores = outputs[self._class][0, :count], outputs[self._scores][0, :count]
        chosen = (scores >= _SCORE) & np.isfinite(boxes).all(axis=1)
        if self._classes:
            chosen &= np.isin(classes.round().astype(int), sorted(self._classes))
        numbers = np.flatnonzero(chosen)[np.argsort(-scores[chosen], kind="stable")][:_MOST]
        height, width = photograph.shape[:2]
        parts = [_part(boxes[number], (height, width)) for number in numbers]
        return [part for part in parts if part[2] > 0 and part[3] > 0]

    def _prepared(self, photograph: Image) -> NDArray:
        """The photograph as the file takes it, stretched to its size."""
        rgb = self._preprocessing.prepare(photograph)[None, ..., ::-1]
        dtype = self._model.inputs[0].dtype
        if dtype == np.float32:
            return self._preprocessing.normalize(rgb)
        return np.ascontiguousarray(rgb) if dtype == np.uint8 else (rgb ^ 128).view(np.int8)


def _part(box: NDArray[np.floating], size: tuple[int, int]) -> Tile:
    """A box in parts of the picture, grown a little, in whole pixels of the picture."""
    (top, left, bottom, right), (height, width) = box.tolist(), size
    around_y, around_x = _AROUND * (bottom - top), _AROUND * (right - left)
    x0, x1 = (round(np.clip(x, 0, 1) * width) for x in (left - around_x, right + around_x))
    y0, y1 = (round(np.clip(y, 0, 1) * height) for y in (top - around_y, bottom + around_y))
    return x0, y0, x1 - x0, y1 - y0


def _check_input(model: TFLiteModel) -> None:
    taken = model.inputs[0]
    if len(taken.shape) != 4 or taken.shape[0] != 1 or taken.shape[3] != 3 or min(taken.shape) < 1:
        raise ModelError(
            f"{model.source}: expected a vehicle detector with an input of shape (1, height, width, 3), received "
            f"{taken.shape}"
        )
    if taken.dtype not in (np.uint8, np.int8, np.float32):
        raise ModelError(f"{model.source}: expected an input of uint8, int8 or float32, received {taken.dtype}")


def _order(model: TFLiteModel) -> tuple[int, int, int, int]:
    """Which outputs are boxes, classes, scores and count.

    Boxes and count are known by their shapes. Where boxes come first, classes come before scores, as the operation has
    them; files of TensorFlow 2's object detection name outputs anew: scores, boxes, count, classes.
    """
    shapes = [output.shape for output in model.outputs]
    boxes = [number for number, shape in enumerate(shapes) if len(shape) == 3 and shape[2] == 4]
    rows = [number for number, shape in enumerate(shapes) if len(shape) == 2]
    count = [number for number, shape in enumerate(shapes) if len(shape) <= 1]
    if [len(boxes), len(rows), len(count)] != [1, 2, 1]:
        raise ModelError(
            f"{model.source}: expected the four outputs of detection post-processing (boxes (1, n, 4), classes (1, n), "
            f"scores (1, n), count (1,)), received {', '.join(map(str, shapes))}"
        )
    classes, scores = rows if boxes[0] == 0 else rows[::-1]
    return boxes[0], classes, scores, count[0]
