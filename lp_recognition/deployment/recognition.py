"""Comparing plate readers: what is read, when it is right, and what is shown of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.deployment.task import Score, graph_reader
from lp_recognition.evaluation.metrics import judge_readings, summarize_judgements
from lp_recognition.evaluation.recognition import EvaluationList
from lp_recognition.evaluation.recognizer_opening import OpenedRecognizer, open_model
from lp_recognition.model_files.checkpoints import Checkpoint, load_checkpoint
from lp_recognition.model_files.recognition import RECOGNITION
from lp_recognition.reading.recognizer import read_logits
from lp_recognition.settings.recognition import RecognitionConfig


class RecognitionComparison:
    """Plate readers."""

    meaning = RECOGNITION
    headline = "LP-RR"
    noun = "plates"

    def open(self, path: str | Path, config: RecognitionConfig) -> OpenedRecognizer:
        """Opens a model of any kind."""
        return open_model(path, config, graph_reader(RECOGNITION))

    def subject(
        self, reference: RecognitionConfig, config: RecognitionConfig, lists: Sequence[str], most: int | None
    ) -> PlateSubject:
        """Reads plates with their labels."""
        settings = reference.model_copy(
            update={"eval": config.eval.model_copy(update={"file_list_path": tuple(lists)})}
        )
        plates = EvaluationList.from_config(settings)
        assert plates is not None  # there are lists
        return PlateSubject(plates, settings, most)

    def float_network(self, path: str | Path) -> Any:
        """LPRNet without quantizers."""
        from lp_recognition.networks.recognition import restored_lprnet

        return restored_lprnet(_load(path), quantized=False)


class PlateSubject:
    """Plates of lists; a reading is a text, and right where it is the label.

    Attributes:
        images: The prepared crops.
        names: Their files.
        labels: Their labels, as the model would write them.
    """

    def __init__(self, plates: EvaluationList, config: RecognitionConfig, most: int | None) -> None:
        count = len(plates.labels)
        chosen = np.linspace(0, count - 1, min(count, most or count)).astype(int)
        self.images = plates.images[chosen]
        self.names = [plates.names[number] for number in chosen]
        self._config = config
        self._vocabulary = config.vocabulary()
        self._stated = [plates.labels[number] for number in chosen]
        self.labels = [self._vocabulary.merge(label) for label in self._stated]

    def read(self, outputs: NDArray[np.float32]) -> list[str]:
        """The texts of the best paths."""
        return [reading.text for reading in read_logits(outputs, self._vocabulary)]

    def differ(self, one: str, other: str) -> bool:
        """Whether two texts are not the same."""
        return one != other

    def show(self, reading: str) -> str:
        """The text."""
        return reading or "(nothing)"

    def judge(self, readings: Sequence[str]) -> Score:
        """LP-RR."""
        judgements = judge_readings(list(readings), self._stated, self._vocabulary, self._config.lpr_patterns)
        metrics = summarize_judgements(self._stated, judgements)
        return Score(metrics.lp_rr, metrics.lp_rr_interval, [judgement.right for judgement in judgements])


def _load(path: str | Path) -> Checkpoint[RecognitionConfig]:
    return load_checkpoint(path, RecognitionConfig)


#: What comparisons of this task are done by.
TASK = RecognitionComparison()
