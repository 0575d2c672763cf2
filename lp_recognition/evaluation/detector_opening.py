"""Opening a detector of any kind: a checkpoint, a frozen graph, a `.tflite`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lp_recognition.evaluation.detection import Found, judge
from lp_recognition.evaluation.opening import Graph, Opened, Opener, checkpoint_facts, graph_facts, tflite_facts
from lp_recognition.evaluation.pictures import LOWEST_SCORE
from lp_recognition.images.image import Image
from lp_recognition.lists.scenes import Scene
from lp_recognition.model_files.checkpoints import load_checkpoint
from lp_recognition.model_files.description import settle_config
from lp_recognition.model_files.detection import read_description
from lp_recognition.reading.detector import Detection, Detector, decode_cells, find_plates
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.settings.loading import settle_by_record
from lp_recognition.system.native_log import import_quietly


@dataclass(frozen=True, kw_only=True)
class OpenedDetector(Opened[DetectionConfig]):
    """A detector of any kind: pictures of the input's size to cells, float32 `(n, cells, 9)`."""

    def detect(self, photographs: Sequence[Image]) -> list[list[Detection]]:
        """Finds the plates of photographs of any size, uint8 gray or BGR, by the thresholds of `infer`."""
        infer = self.config.infer
        return find_plates(self.predict, photographs, self.config, infer.score_threshold, infer.iou_threshold)

    def search(
        self, pictures: Sequence[tuple[Image, Scene]], progress: Callable[[int], object] = lambda count: None
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


def _open_checkpoint(path: Path, config: DetectionConfig | None) -> OpenedDetector:
    import_quietly("lp_recognition.networks")
    from lp_recognition.networks.detection import restored_lpdnet

    checkpoint = load_checkpoint(path, DetectionConfig)
    settled = settle_by_record(config, checkpoint.config, str(path))
    return OpenedDetector(**checkpoint_facts(checkpoint, restored_lpdnet(checkpoint), settled))


def _open_tflite(path: Path, config: DetectionConfig | None) -> OpenedDetector:
    detector = Detector(path, config=config)
    return OpenedDetector(**tflite_facts(path, detector, detector.config, read_description(path)))


def _open_graph(path: Path, config: DetectionConfig | None, graph: Graph) -> OpenedDetector:
    return OpenedDetector(**graph_facts(path, graph, settle_config(path, graph.description, config)))


#: Opens a detector.
open_detector: Opener[DetectionConfig, OpenedDetector] = Opener(
    "detector", "detection", checkpoint=_open_checkpoint, tflite=_open_tflite, graph=_open_graph
)
