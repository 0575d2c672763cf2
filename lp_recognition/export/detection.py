"""Exporting plate detectors: their network, and the average precision of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lp_recognition.evaluation.detection import judge, summarize
from lp_recognition.evaluation.pictures import LOWEST_SCORE, fitted_scene
from lp_recognition.export.task import Predictor
from lp_recognition.images.image import Image
from lp_recognition.lists.scenes import Scene, read_scenes
from lp_recognition.model_files.checkpoints import Checkpoint, read_best
from lp_recognition.model_files.detection import DETECTION, DetectionMeasurement
from lp_recognition.model_files.meaning import Record
from lp_recognition.networks.detection import lpdnet_of
from lp_recognition.reading.detector import decode_cells
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.system.errors import UserError


@dataclass(frozen=True)
class _Pictures:
    """Pictures of lists at the network's size, with their plates, and the settings they are judged by."""

    pictures: tuple[Image, ...]
    scenes: tuple[Scene, ...]
    config: DetectionConfig
    names: str


class DetectionExport:
    """Plate detectors."""

    meaning = DETECTION

    def settled(self, config: DetectionConfig) -> DetectionConfig:
        """As it is."""
        return config

    def network(self, config: DetectionConfig, *, quantized: bool, per_channel: bool | None = None) -> keras.Model:
        """LPDNet, with or without quantizers."""
        return lpdnet_of(config, quantized=quantized, per_channel=per_channel)

    def read_lists(self, lists: Sequence[str], config: DetectionConfig) -> Any:
        """Reads scenes and fits their pictures to the network."""
        scenes, _ = read_scenes(list(lists), skip_bad_rows=config.eval.skip_bad_rows)
        fitted = [fitted_scene(scene, config) for scene in scenes]
        names = ", ".join(Path(path).name for path in lists)
        return _Pictures(tuple(image for image, _ in fitted), tuple(scene for _, scene in fitted), config, names)

    def measure(self, predict: Predictor, listed: _Pictures) -> DetectionMeasurement:
        """Average precision, recall and precision."""
        config = listed.config
        found = []
        for picture, scene in zip(listed.pictures, listed.scenes, strict=True):
            output = predict(picture[None])[0]
            found.append(judge(scene, decode_cells(output, config.grids, LOWEST_SCORE, config.eval.iou_threshold)))
        metrics = summarize(found, config.eval.score_threshold)
        precision = None if metrics.precision is None else round(metrics.precision, 6)
        return DetectionMeasurement(
            round(metrics.ap_50, 6), round(metrics.recall_50, 6), precision, config.eval.score_threshold,
            metrics.plates, "this file", listed.names,
        )  # fmt: skip

    def calibrate(self, predict: Predictor, listed: _Pictures) -> Record:
        """There is nothing to calibrate. Raises a `UserError`."""
        raise UserError(
            "--calibration_list: expected none for a detector, whose scores are trained to say how right they are"
        )

    def measured_in_training(self, checkpoint: Checkpoint[DetectionConfig]) -> DetectionMeasurement | None:
        """Average precision of the best checkpoint of a training."""
        best = read_best(checkpoint.path.parent)
        if best is None or best[0] != checkpoint.step:
            return None
        settings = checkpoint.config.eval
        names = ", ".join(Path(path).name for path in settings.file_list_path) or "drawn scenes, held out"
        return DetectionMeasurement(
            best[1], None, None, settings.score_threshold, None, "the checkpoint, in training", names
        )

    def typical_images(self, lists: Sequence[str], config: DetectionConfig, most: int) -> Image:
        """Pictures of scenes, spread over the lists."""
        scenes, _ = read_scenes(list(lists), skip_bad_rows=True)
        chosen = np.linspace(0, len(scenes) - 1, min(most, len(scenes))).astype(int)
        return np.stack([fitted_scene(scenes[number], config)[0] for number in chosen])


#: What exports of this task are done by.
TASK = DetectionExport()
