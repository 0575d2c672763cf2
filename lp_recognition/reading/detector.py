"""Finds plates: a photograph in, four corners and a score for each plate out, with a `.tflite` on the light install."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.cells import CHANNELS, Grids, merge_overlapping, scores_of
from lp_recognition.images.arrays import open_picture
from lp_recognition.images.image import Image
from lp_recognition.images.scene_augmentation import letterbox, move
from lp_recognition.model_files.description import settle_config
from lp_recognition.model_files.detection import read_description
from lp_recognition.model_files.interpreter import TensorInfo, image_predictor, open_interpreter
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.reading.tiles import Tile, is_whole, levels_of
from lp_recognition.settings.detection import DetectionConfig, load_config
from lp_recognition.system.errors import ModelError

#: So many cells of a picture are looked at, the surest first.
MOST_CELLS = 300
#: Parts of a photograph that are held at once.
_CHUNK = 16
#: What is found in a part has to be surer: this share of what the threshold leaves to certainty is added to it. There
#: are many parts, and as many chances to be wrong.
_SURER = 0.4

#: Whether parts of a photograph that is larger than the network's input are searched, too; "auto": level by level, only
#: as long as no plate is found.
Tiles = Literal["auto", "on", "off"]


@dataclass(frozen=True)
class Detection:
    """A plate that was found.

    Attributes:
        corners: x, y of left-up, right-up, right-bottom, left-bottom in pixels, float32 `(4, 2)`.
        score: How sure the network is, in [0, 1].
    """

    corners: NDArray[np.float32]
    score: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the upright box around the corners."""
        (left, top), (right, bottom) = self.corners.min(axis=0), self.corners.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    def to_dict(self) -> dict[str, Any]:
        """The plate as JSON: `box` (x, y, width, height), `corners` and `score`, as in a list of scenes."""
        left, top, right, bottom = self.box
        return {
            "box": [round(value, 2) for value in (left, top, right - left, bottom - top)],
            "corners": [[round(x, 2), round(y, 2)] for x, y in self.corners.tolist()],
            "score": round(self.score, 6),
        }


class Detector:
    """Finds plates with a `.tflite`.

    Args:
        model: A `.tflite`, or the name of a shipped detector.
        config: Its settings, where the file does not describe itself.
        score_threshold: The least score of a plate, in [0, 1]; None for that of the settings.
        iou_threshold: Plates whose boxes share more than this are one; None for that of the settings.
        num_threads: Threads of the interpreter.
        delegate: As of `open_interpreter`.

    Attributes:
        config: The settings of the model.

    Raises:
        ConfigError: the config is broken or differs from what the file says; or there is neither.
        ModelError: the file is missing or broken, or is no detector.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        config: str | Path | DetectionConfig | None = None,
        score_threshold: float | None = None,
        iou_threshold: float | None = None,
        num_threads: int = 1,
        delegate: str | Path = "",
    ) -> None:
        path = find_model(model, "detection")
        given = config if config is None or isinstance(config, DetectionConfig) else load_config(config)
        self._model = open_interpreter(path, num_threads, delegate=delegate)
        self.config = settle_config(path, read_description(path), given)
        infer = self.config.infer
        self.score_threshold = infer.score_threshold if score_threshold is None else score_threshold
        self.iou_threshold = infer.iou_threshold if iou_threshold is None else iou_threshold
        _check_fit(str(path), self._model.inputs[0], self._model.outputs[0], self.config)
        self._predict = image_predictor(self._model, self.config.preprocessing)

    @property
    def ends(self) -> tuple[TensorInfo, TensorInfo]:
        """Input and output of the file."""
        return self._model.inputs[0], self._model.outputs[0]

    @property
    def runtime(self) -> str:
        """The module that runs the file, such as `ai_edge_litert.interpreter`."""
        return self._model.runtime

    def predict(self, images: Image) -> NDArray[np.float32]:
        """Runs the model on pictures of its input's size, uint8: `(n, cells, 9)`."""
        return self._predict(images)

    def run(self, values: NDArray[Any]) -> NDArray[Any]:
        """Runs the model on its input in its type, `(batch, height, width, channels)`: its output as it is."""
        return self._model.run(values)

    def detect(
        self,
        image: Any,
        *,
        tiles: Tiles = "off",
        parts: Sequence[Tile] = (),
        score_threshold: float | None = None,
        iou_threshold: float | None = None,
    ) -> list[Detection]:
        """Finds the plates of a photograph.

        Args:
            image: A file, as `str` or `Path`; uint8 gray or BGR of any size; or an image of Pillow.
            tiles: Also look at parts of a photograph that is larger than the input, for plates too small in the whole.
            parts: Parts of the photograph that are searched in any case, such as its vehicles.
            score_threshold: Another one for this photograph; None for the detector's.
            iou_threshold: Likewise.

        Returns:
            The plates in the photograph's pixels, the surest first.

        Raises:
            ImageError: a file that is missing or no image, or an array that is none.
        """
        score = self.score_threshold if score_threshold is None else score_threshold
        iou = self.iou_threshold if iou_threshold is None else iou_threshold
        photograph = self.config.preprocessing.to_channels(open_picture(image))
        [found] = find_plates(self._predict, [photograph], self.config, score, iou)
        if tiles == "off" and not parts:
            return found
        found += self._find_in_parts(photograph, parts, score, iou)
        levels = levels_of(photograph.shape[:2], self.config.input_shape[:2]) if tiles != "off" else []
        for level in levels:
            if tiles == "auto" and found:
                break
            found += self._find_in_parts(photograph, level, score, iou)
        if not found:
            return []
        corners, scores = np.stack([one.corners for one in found]), [one.score for one in found]
        return [Detection(*merged) for merged in merge_overlapping(corners, scores, iou)]

    def _find_in_parts(self, photograph: Image, parts: Sequence[Tile], score: float, iou: float) -> list[Detection]:
        least = score + _SURER * (1 - score)
        found = []
        for first in range(0, len(parts), _CHUNK):
            some = parts[first : first + _CHUNK]
            views = [photograph[top : top + height, left : left + width] for left, top, width, height in some]
            all_inside = find_plates(self._predict, views, self.config, score, iou)
            for part, inside in zip(some, all_inside, strict=True):
                sure = [one for one in inside if one.score >= least and is_whole(one.box, part, photograph.shape[:2])]
                found += [Detection(one.corners + np.array(part[:2], np.float32), one.score) for one in sure]
        return found


def find_plates(
    predict: Callable[[Image], NDArray[np.float32]],
    pictures: Sequence[Image],
    config: DetectionConfig,
    score_threshold: float,
    iou_threshold: float,
) -> list[list[Detection]]:
    """Finds the plates of pictures of any size with a network of any kind.

    Args:
        predict: The network: uint8 `(n, height, width, channels)` to cells `(n, cells, 9)`.
        pictures: uint8 gray or BGR, or of the network's channels.
        config: The network's settings.
        score_threshold: The least score of a plate, in [0, 1].
        iou_threshold: Plates whose boxes share more than this are one.

    Returns:
        The plates of each picture in its pixels, the surest first.
    """
    fitted = [letterbox(config.preprocessing.to_channels(picture), config.input_shape[:2]) for picture in pictures]
    outputs = predict(np.stack([picture for picture, _ in fitted]))
    found = []
    for output, (_, matrix) in zip(outputs, fitted, strict=True):
        detections = decode_cells(output, config.grids, score_threshold, iou_threshold)
        inverse = np.linalg.inv(matrix)
        found.append([Detection(move(one.corners, inverse), one.score) for one in detections])
    return found


def decode_cells(
    output: NDArray[np.floating], grids: Grids, score_threshold: float, iou_threshold: float
) -> list[Detection]:
    """Reads what a network says of one picture.

    Args:
        output: `(cells, 9)`: the score's logit and eight offsets of each cell.
        grids: The cells.
        score_threshold: The least score of a plate, in [0, 1].
        iou_threshold: Plates whose boxes share more than this are one.

    Returns:
        The plates in pixels of the network's input, the surest first.
    """
    scores = scores_of(output[:, 0])
    cells = np.flatnonzero((scores >= score_threshold) & np.isfinite(output).all(axis=1))
    if len(cells) > MOST_CELLS:
        cells = cells[np.argsort(-scores[cells], kind="stable")[:MOST_CELLS]]
    corners = grids.corners(output[cells, 1:], cells)
    return [Detection(*found) for found in merge_overlapping(corners, scores[cells], iou_threshold)]


def _check_fit(source: str, taken: TensorInfo, given: TensorInfo, config: DetectionConfig) -> None:
    """Refuses a model that is not the one the config describes."""
    if len(taken.shape) != 4 or taken.shape[1:] != config.input_shape:
        raise ModelError(
            f"{source}: input_shape: expected {config.input_shape} as the config says, received an input of shape "
            f"{taken.shape}"
        )
    expected = (config.grids.count, CHANNELS)
    if given.shape[1:] != expected:
        raise ModelError(
            f"{source}: expected cells of shape (batch, {expected[0]}, {expected[1]}), received {given.shape}"
        )
