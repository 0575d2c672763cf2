"""Exporting plate readers: their network, LP-RR of a file, and the calibration of its confidences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from lp_recognition.evaluation.recognition import EvaluationList, EvaluationResult, evaluate
from lp_recognition.export.task import Predictor
from lp_recognition.images.image import Image
from lp_recognition.lists.annotations import Annotation, list_name, read_annotations
from lp_recognition.lists.drawn import alphabet_of
from lp_recognition.lists.rows import prepared_images
from lp_recognition.model_files.checkpoints import Checkpoint, read_best
from lp_recognition.model_files.recognition import RECOGNITION, CalibrationRecord, Measurement
from lp_recognition.networks.recognition import lprnet_of
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import UserError
from lp_recognition.texts.calibration import Calibration, cross_calibrate, expected_calibration_error


@dataclass(frozen=True)
class _Plates:
    """The plates of lists, and the settings to read them by."""

    plates: EvaluationList
    config: RecognitionConfig

    @property
    def names(self) -> str:
        return _names(self.config)

    def evaluate(self, predict: Predictor) -> EvaluationResult:
        return evaluate(predict, self.plates, self.config, self.config.vocabulary())


class RecognitionExport:
    """Plate readers."""

    meaning = RECOGNITION

    def settled(self, config: RecognitionConfig) -> RecognitionConfig:
        """With the alphabet of its lists and drawn formats."""
        return config.with_values(alphabet=alphabet_of(config).symbols)

    def network(self, config: RecognitionConfig, *, quantized: bool, per_channel: bool | None = None) -> keras.Model:
        """LPRNet, with or without quantizers."""
        return lprnet_of(config, quantized=quantized, per_channel=per_channel)

    def read_lists(self, lists: Sequence[str], config: RecognitionConfig) -> Any:
        """Reads the plates of lists."""
        settings = config.eval.model_copy(update={"file_list_path": tuple(lists)})
        config = config.model_copy(update={"eval": settings})
        plates = EvaluationList.from_config(config)
        assert plates is not None  # there are lists
        return _Plates(plates, config)

    def measure(self, predict: Predictor, listed: _Plates) -> Measurement:
        """LP-RR."""
        metrics = listed.evaluate(predict).metrics
        low, high = metrics.lp_rr_interval
        interval = (round(low, 6), round(high, 6))
        return Measurement(round(metrics.lp_rr, 6), interval, metrics.plates, "this file", listed.names)

    def calibrate(self, predict: Predictor, listed: _Plates) -> CalibrationRecord:
        """Fits the calibration of the confidences, as the best path reads the plates.

        The error that is left is that of plates that others calibrated, in five folds; the calibration is fitted on
        all.

        Raises:
            UserError: the list holds fewer than two different plates.
        """
        vocabulary = listed.config.vocabulary()
        merged = [vocabulary.merge(label) for label in listed.plates.labels]
        if len(set(merged)) < 2:
            raise UserError(
                f"--calibration_list: {listed.names}: expected at least 2 different plates, received "
                f"{len(set(merged))}; give hundreds of plates"
            )
        settings = listed.config.eval.model_copy(update={"beam_width": 1})
        best_path = _Plates(listed.plates, listed.config.model_copy(update={"eval": settings}))
        result = best_path.evaluate(predict)
        confidences = [reading.confidence for reading in result.readings]
        correct = [judgement.right for judgement in result.judgements]
        left = expected_calibration_error(cross_calibrate(confidences, correct, merged), correct)
        return CalibrationRecord(
            Calibration.fit(confidences, correct), round(result.ece, 6), round(left, 6), len(correct), listed.names
        )

    def measured_in_training(self, checkpoint: Checkpoint[RecognitionConfig]) -> Measurement | None:
        """LP-RR of the best checkpoint of a training."""
        best = read_best(checkpoint.path.parent)
        if best is None or best[0] != checkpoint.step:
            return None
        names = _names(checkpoint.config) or "drawn plates, held out"
        return Measurement(best[1], None, None, "the checkpoint, in training", names)

    def typical_images(self, lists: Sequence[str], config: RecognitionConfig, most: int) -> Image:
        """Plates of lists with labels or without."""
        rows: list[Annotation] = []
        for path in lists:
            found, _ = read_annotations(path, labelled=False)
            if not found[0].path.is_file():
                found, _ = read_annotations(path, labelled=True, skip_bad_rows=True)
            rows += found
        chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)
        return np.concatenate(list(prepared_images([rows[number] for number in chosen], config.preprocessing, 256)))


def _names(config: RecognitionConfig) -> str:
    return ", ".join(list_name(name) for name in config.eval.file_list_path)


#: What exports of this task are done by.
TASK = RecognitionExport()
