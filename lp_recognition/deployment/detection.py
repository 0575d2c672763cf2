"""Comparing plate detectors: what is found, when it is right, and what is shown of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.cells import pairwise_iou
from lp_recognition.deployment.task import Score, graph_reader
from lp_recognition.evaluation.detection import average_precision, bootstrap_interval, judge
from lp_recognition.evaluation.detector_opening import OpenedDetector, open_detector
from lp_recognition.evaluation.pictures import LOWEST_SCORE, fitted_scene
from lp_recognition.images.image import Image
from lp_recognition.lists.scenes import Scene, read_scenes
from lp_recognition.model_files.checkpoints import Checkpoint, load_checkpoint
from lp_recognition.model_files.detection import DETECTION
from lp_recognition.reading.detector import Detection, decode_cells
from lp_recognition.settings.detection import DetectionConfig

#: Two readings of a picture are the same where each plate of one has a plate of the other that shares so much.
_SAME = 0.8


class DetectionComparison:
    """Plate detectors."""

    meaning = DETECTION
    headline = "AP"
    noun = "pictures"

    def open(self, path: str | Path, config: DetectionConfig) -> OpenedDetector:
        """Opens a detector of any kind."""
        return open_detector(path, config, graph_reader(DETECTION))

    def subject(
        self, reference: DetectionConfig, config: DetectionConfig, lists: Sequence[str], most: int | None
    ) -> PictureSubject:
        """Reads scenes with their plates."""
        settings = reference.with_values(eval=config.eval.model_dump())
        scenes, _ = read_scenes(list(lists), skip_bad_rows=config.eval.skip_bad_rows)
        return PictureSubject(scenes, settings, most)

    def float_network(self, path: str | Path) -> Any:
        """LPDNet without quantizers."""
        from lp_recognition.networks.detection import restored_lpdnet

        return restored_lpdnet(_load(path), quantized=False)


class PictureSubject:
    """Pictures of scenes; a reading is the plates found, and right where it finds all of them and nothing else.

    Attributes:
        images: The pictures at the network's size.
        names: Their files.
        labels: How many plates each shows.
    """

    def __init__(self, scenes: Sequence[Scene], config: DetectionConfig, most: int | None) -> None:
        chosen = np.linspace(0, len(scenes) - 1, min(len(scenes), most or len(scenes))).astype(int)
        fitted = [fitted_scene(scenes[number], config) for number in chosen]
        self.images: Image = np.stack([image for image, _ in fitted])
        self._scenes = [scene for _, scene in fitted]
        self._config = config
        self.names = [str(scene.path) for scene in self._scenes]
        self.labels = [_plates(len(scene.plates)) for scene in self._scenes]

    def read(self, outputs: NDArray[np.float32]) -> list[tuple[Detection, ...]]:
        """The plates of each picture, down to low scores."""
        settings = self._config.eval
        return [
            tuple(decode_cells(output, self._config.grids, LOWEST_SCORE, settings.iou_threshold)) for output in outputs
        ]

    def differ(self, one: tuple[Detection, ...], other: tuple[Detection, ...]) -> bool:
        """Whether one finds a plate that the other does not, at the threshold."""
        first, second = self._shown(one), self._shown(other)
        if len(first) != len(second):
            return True
        if not first:
            return False
        shared = pairwise_iou(_boxes(first), _boxes(second))
        return bool(shared.max(axis=1).min() < _SAME or shared.max(axis=0).min() < _SAME)

    def show(self, reading: tuple[Detection, ...]) -> str:
        """How many plates, and how sure."""
        shown = self._shown(reading)
        return _plates(len(shown)) + (f" ({', '.join(f'{one.score:.2f}' for one in shown)})" if shown else "")

    def judge(self, readings: Sequence[tuple[Detection, ...]]) -> Score:
        """Average precision at an intersection over union of 0.5."""
        found = [judge(scene, reading) for scene, reading in zip(self._scenes, readings, strict=True)]
        threshold = self._config.eval.score_threshold
        right = [
            int(((one.scores >= threshold) & (one.plate_of >= 0)).sum()) == one.plates
            and not ((one.scores >= threshold) & (one.plate_of < 0)).any()
            for one in found
        ]
        interval = bootstrap_interval(found, lambda some: average_precision(some, 0.5))
        return Score(average_precision(found, 0.5), interval, right)

    def _shown(self, reading: Sequence[Detection]) -> list[Detection]:
        return [one for one in reading if one.score >= self._config.eval.score_threshold]


def _boxes(detections: Sequence[Detection]) -> NDArray[np.float32]:
    return np.array([detection.box for detection in detections], np.float32)


def _plates(count: int) -> str:
    return "1 plate" if count == 1 else f"{count} plates"


def _load(path: str | Path) -> Checkpoint[DetectionConfig]:
    return load_checkpoint(path, DetectionConfig)


#: What comparisons of this task are done by.
TASK = DetectionComparison()
