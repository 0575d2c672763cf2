"""Opening a detector of any kind: a checkpoint, a frozen graph, a `.tflite`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lp_recognition.evaluation.detection import Found, judge
from lp_recognition.evaluation.opening import Graph, GraphReader, Predictor, open_by_suffix, predictor
from lp_recognition.evaluation.pictures import LOWEST_SCORE
from lp_recognition.images.image import Image
from lp_recognition.lists.scenes import Scene
from lp_recognition.model_files.checkpoints import load_checkpoint
from lp_recognition.model_files.description import settle_config
from lp_recognition.reading.detector import Detection, Detector, decode_cells
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.settings.loading import refuse_other_model
from lp_recognition.system.native_log import import_quietly


@dataclass(frozen=True)
class OpenedDetector:
    """A detector of any kind.

    Attributes:
        predict: Pictures of the input's size, uint8 `(n, height, width, channels)`, to cells, float32 `(n, cells, 9)`.
        config: The settings it goes by.
        source: The file, for messages.
    """

    predict: Predictor
    config: DetectionConfig
    source: str

    def search(
        self, pictures: Sequence[tuple[Image, Scene]], progress: Callable[[int], object]
    ) -> list[tuple[Found, list[Detection]]]:
        """Searches pictures of the input's size and judges what was found, down to low scores.

        Args:
            pictures: The pictures and their plates.
            progress: Called with the number of pictures after each batch.
        """
        found = []
        size, iou = self.config.eval.batch_size, self.config.eval.iou_threshold
        for first in range(0, len(pictures), size):
            some = pictures[first : first + size]
            outputs = self.predict(np.stack([picture for picture, _ in some]))
            for (_, scene), output in zip(some, outputs, strict=True):
                detections = decode_cells(output, self.config.grids, LOWEST_SCORE, iou)
                found.append((judge(scene, detections), detections))
            progress(len(some))
        return found


def open_detector(
    path: str | Path, config: DetectionConfig | None = None, read_graph: GraphReader | None = None
) -> OpenedDetector:
    """Opens a detector by what its name ends in: `.ckpt`, `.pb` or `.frozen`, `.tflite`.

    Args:
        path: The file, or the name of a shipped model.
        config: Its settings; None for those that the file carries.
        read_graph: Reads frozen graphs; None knows none of them.

    Raises:
        ModelError, ConfigError: the file is missing or broken, does not fit the config, or is of an unknown kind.
    """
    return open_by_suffix(
        path, "detector", read_graph,
        checkpoint=lambda path: _open_checkpoint(path, config),
        tflite=lambda path: _open_tflite(path, config),
        graph=lambda path, graph: _open_graph(path, config, graph),
    )  # fmt: skip


def _open_tflite(path: Path, config: DetectionConfig | None) -> OpenedDetector:
    detector = Detector(path, config=config)
    return OpenedDetector(detector.predict, _judged_by(detector.config, config), str(path))


def _open_graph(path: Path, config: DetectionConfig | None, graph: Graph) -> OpenedDetector:
    settled = _judged_by(settle_config(path, graph.description, config), config)
    return OpenedDetector(lambda images: graph.predict(settled.preprocessing.normalize(images)), settled, str(path))


def _open_checkpoint(path: Path, config: DetectionConfig | None) -> OpenedDetector:
    import_quietly("keras")
    from lp_recognition.networks.detection import restored_lpdnet
    from lp_recognition.networks.integers import compute_in_integers

    checkpoint = load_checkpoint(path, DetectionConfig)
    if config is not None:
        refuse_other_model(config, checkpoint.config, str(path))
    settled = _judged_by(checkpoint.config, config)
    model = restored_lpdnet(checkpoint)
    if checkpoint.quantized:
        compute_in_integers(model, settled.preprocessing)
    return OpenedDetector(predictor(model, settled.preprocessing, settled.eval.batch_size), settled, str(path))


def _judged_by(carried: DetectionConfig, config: DetectionConfig | None) -> DetectionConfig:
    """The settings of the network that a file carries, and those of measuring that were asked for."""
    return (
        carried
        if config is None
        else carried.with_values(eval=config.eval.model_dump(), infer=config.infer.model_dump())
    )
